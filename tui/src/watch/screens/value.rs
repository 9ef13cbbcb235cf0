//! The value function: log D and log(1 - D), with the present real and generated batches on them.

use duel_trainer::gan::losses::DRAW;
use ratatui::layout::Rect;

use crate::{
    term::{
        plot::{Canvas, Scale},
        sheet::{Sheet, piece},
        theme::{Role, Theme},
    },
    text::{
        numbers::short,
        run::{fixed, has_idle_network},
    },
    watch::state::app::App,
};

/// The logarithm at the bottom of the plot.
const LOWEST: f32 = -4.0;

/// Columns left of the plot and of the bars.
const MARGIN: u16 = 6;

/// Draws the two curves at the left, and a histogram of D for each batch at the right.
pub fn draw(sheet: &mut Sheet, body: Rect, app: &App) {
    let side = (body.width * 2 / 5).min(60);
    let line = body.right() - side - 1;
    sheet.down(line, body.y - 1, body.bottom());
    draw_curves(sheet, Rect { width: line - body.x, ..body }, app);
    let half = body.height / 2;
    let right = Rect { x: line + 1, width: side, ..body };
    sheet.across(line, body.right(), body.y + half);
    let Some(last) = &app.run.last else { return };
    // A loss of pairs compares a real with a generated image: its D is the probability that one of them is the real one.
    let titles = match last.pairs_judged_right() {
        Some(_) => ["pairs, P(x is real)", "pairs, P(G(z) is real)"],
        None => ["real, D(x)", "fake, D(G(z))"],
    };
    let mean = |mean| fixed(mean, 3, has_idle_network(&app.run));
    let real = Bars { title: titles[0], mean: mean(last.d_real), tenths: last.d_real_tenths, role: Role::D };
    let fake = Bars { title: titles[1], mean: mean(last.d_fake), tenths: last.d_fake_tenths, role: Role::G };
    real.draw(sheet, Rect { height: half, ..right });
    fake.draw(sheet, Rect { y: body.y + half + 1, height: body.height - half - 1, ..right });
}

fn draw_curves(sheet: &mut Sheet, area: Rect, app: &App) {
    sheet.label(
        area.x,
        area.right(),
        area.y - 1,
        vec![piece("V(D, G) = E log D(x) + E log(1 - D(G(z)))", Role::Title)],
    );
    let rows = area.height.saturating_sub(2);
    let plot = Rect { x: area.x + MARGIN, width: area.width - MARGIN - 1, height: rows, ..area };
    let scale = Scale { low: LOWEST, high: 0.0, log: false };
    for (value, role) in [(0.0, Role::Dim), (DRAW / 2.0, Role::Even), (-2.0, Role::Dim), (LOWEST, Role::Dim)] {
        let y = area.y + ((1.0 - scale.height(value)) * f32::from(rows.max(1) - 1)).round() as u16;
        sheet.put(area.x, area.right(), y, &[piece(format!("{:>5}", short(f64::from(value))), role)]);
    }
    let mut canvas = Canvas::new(plot, sheet.theme);
    let (width, height) = canvas.size();
    let dot = |p: f32| ((1.0 - scale.height(p.ln())) * (height.max(1) - 1) as f32).round() as usize;
    for x in 0..width {
        let p = (x as f32 + 0.5) / width as f32;
        canvas.set(x, dot(1.0 - p), Role::G);
        canvas.set(x, dot(p), Role::D);
    }
    canvas.draw(sheet.buffer);
    draw_axis(sheet, plot, app);
    let Some(last) = app.run.last else { return };
    let (real, fake) = (last.d_real as f32, last.d_fake as f32);
    mark(sheet, plot, scale, (fake, 1.0 - fake), Role::G);
    mark(sheet, plot, scale, (real, real), Role::D);
    draw_names(sheet, plot);
}

/// Draws the axis of probabilities, and which network is ahead.
fn draw_axis(sheet: &mut Sheet, plot: Rect, app: &App) {
    for (text, at) in [("0", 0), ("D = 0.5", plot.width.saturating_sub(7) / 2), ("1", plot.width - 1)] {
        sheet.put(plot.x + at, plot.right(), plot.bottom(), &[piece(text, Role::Dim)]);
    }
    let Some(value) = app.run.last.map(|last| last.value) else { return };
    if value.is_nan() && has_idle_network(&app.run) {
        return;
    }
    let who = match value - f64::from(DRAW) {
        far if far.is_nan() => piece("not a number", Role::Bad),
        far if far.abs() < 0.05 => piece("about even", Role::Even),
        far if far > 0.0 => piece("D is ahead", Role::D),
        _ => piece("G is ahead", Role::G),
    };
    let words =
        [who, piece(format!(": V {value:.3}"), Role::Title), piece(format!(", draw -log 4 = {DRAW:.3}"), Role::Even)];
    sheet.put(plot.x - MARGIN + 1, plot.right(), plot.bottom() + 1, &words);
}

/// Draws the names of the curves, between them at the bottom.
fn draw_names(sheet: &mut Sheet, plot: Rect) {
    let signs = signs(sheet.theme);
    let rows =
        [(format!(" {} log D(x), real ", signs[0]), Role::D), (format!(" {} log(1 - D), fake ", signs[1]), Role::G)];
    for ((text, role), y) in rows.into_iter().zip(plot.bottom().saturating_sub(3)..) {
        let x = plot.x + plot.width.saturating_sub(text.chars().count() as u16) / 2;
        sheet.put(x, plot.right(), y, &[piece(text, role)]);
    }
}

/// Returns the signs of the real and of the generated batch.
fn signs(theme: Theme) -> [&'static str; 2] {
    theme.pick(["◆", "●"], ["■", "•"], ["R", "F"])
}

/// Marks a batch on its curve: a sign at (D, log of `inner`), and a line down to its mean D.
fn mark(sheet: &mut Sheet, plot: Rect, scale: Scale, (p, inner): (f32, f32), role: Role) {
    if !p.is_finite() {
        return;
    }
    let x = plot.x + (p.clamp(0.0, 1.0) * f32::from(plot.width - 1)).round() as u16;
    let y = plot.y + ((1.0 - scale.height(inner.ln())) * f32::from(plot.height.max(1) - 1)).round() as u16;
    for below in y + 1..plot.bottom() {
        if sheet.buffer.cell((x, below)).is_some_and(|cell| cell.symbol() == " ") {
            sheet.put(x, plot.right(), below, &[piece(sheet.theme.pick("┊", "│", "|"), role)]);
        }
    }
    let sign = signs(sheet.theme)[usize::from(role == Role::G)];
    sheet.put(x, plot.right(), y, &[piece(sign, role)]);
}

/// A histogram of the discriminator's outputs for a batch.
struct Bars {
    title: &'static str,
    /// The mean as text.
    mean: String,
    tenths: [u32; 10],
    role: Role,
}

impl Bars {
    /// Draws an upright bar for each tenth, and the probabilities below.
    fn draw(&self, sheet: &mut Sheet, area: Rect) {
        sheet.label(area.x, area.right(), area.y - 1, vec![piece(self.title, Role::Title)]);
        let mean = vec![piece(format!("mean {}", self.mean), self.role)];
        sheet.label_right(area.x + self.title.len() as u16 + 3, area.right(), area.y - 1, mean);
        let most = self.tenths.iter().copied().max().unwrap_or(0);
        if most == 0 {
            sheet.put(area.x + 1, area.right(), area.y, &[piece("not recorded in this run", Role::Dim)]);
            return;
        }
        let (bar, left) =
            (area.width.saturating_sub(1) / 10, area.x + (area.width - area.width.saturating_sub(1) / 10 * 10) / 2);
        let rows = area.height.saturating_sub(1);
        for (tenth, count) in (0..).zip(self.tenths) {
            let eighths = (u64::from(count) * u64::from(rows) * 8).div_ceil(u64::from(most)) as u16;
            let x = left + tenth * bar;
            for row in 0..rows {
                let filled = eighths.saturating_sub(row * 8).min(8);
                let text = fill(sheet, filled).repeat(usize::from(bar.max(2) - 1));
                sheet.put(x, area.right(), area.y + rows - 1 - row, &[piece(text, self.role)]);
            }
        }
        for (text, at) in [("0", 0), ("0.5", bar * 5 - 1), ("1", bar * 10 - 1)] {
            sheet.put(left + at, area.right(), area.y + rows, &[piece(text, Role::Dim)]);
        }
    }
}

/// Returns a character that fills `eighths` of a cell.
fn fill(sheet: &Sheet, eighths: u16) -> &'static str {
    let full = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    let halves = [" ", "▄", "▄", "▄", "▄", "█", "█", "█", "█"];
    let ascii = [" ", ".", ".", ":", ":", "+", "+", "#", "#"];
    sheet.theme.pick(full, halves, ascii)[usize::from(eighths)]
}
