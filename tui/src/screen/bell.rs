//! A duel over numbers, as figure 1 of Goodfellow et al. 2014 draws it: densities and D(x) over the axis, and below them where
//! each latent z goes.

use duel_trainer::bell::Portrait;
use ratatui::layout::Rect;

use super::sheet::{Sheet, piece};
use crate::{plot::Canvas, theme::Role};

/// Rows from which on there is room for arrows.
const ARROWS: u16 = 9;
/// A generator that has one value only has a density without end: it is cut at so many times the data's peak.
const CUT: f32 = 1.6;

/// Draws it, with a line of what is what on top.
pub fn draw(portrait: &Portrait, area: Rect, sheet: &mut Sheet) {
    if area.height < 3 || area.width < 8 {
        return;
    }
    let distance = format!("  apart {:.2}", portrait.distance);
    let legend =
        [piece("data ", Role::Text), piece("G(z) ", Role::G), piece("D(x)", Role::D), piece(distance, Role::Dim)];
    sheet.put(area.x + 1, area.right(), area.y, &legend);
    let rest = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let arrows = if rest.height >= ARROWS { rest.height / 3 } else { 0 };
    let above = Rect { height: rest.height - arrows, ..rest };
    draw_curves(portrait, above, sheet);
    if arrows > 1 {
        draw_arrows(portrait, Rect { y: above.bottom(), height: arrows, ..rest }, sheet);
    }
}

fn draw_curves(portrait: &Portrait, area: Rect, sheet: &mut Sheet) {
    let mut canvas = Canvas::new(area, sheet.theme);
    let (width, height) = canvas.size();
    let peak = portrait.data.iter().copied().fold(f32::MIN_POSITIVE, f32::max) * CUT;
    for x in (0..width).step_by(4) {
        canvas.set(x, height / 2, Role::Even);
    }
    // What is drawn last is in front.
    for (values, most, role) in [
        (&portrait.discriminator, 1.0, Role::D),
        (&portrait.data, peak, Role::Text),
        (&portrait.generator, peak, Role::G),
    ] {
        let row = |x: usize| {
            let at = x * (values.len() - 1) / (width - 1).max(1);
            let share = (values[at] / most).clamp(0.0, 1.0);
            ((1.0 - share) * (height - 1) as f32).round() as usize
        };
        for x in 0..width {
            let (before, here) = (row(x.saturating_sub(1)), row(x));
            // Joined to the one before, without its own dot.
            let between = if before < here { before + 1..=here } else { here..=before.saturating_sub(1).max(here) };
            between.for_each(|y| canvas.set(x, y, role));
        }
    }
    canvas.draw(sheet.buffer);
}

/// Lines from z, evenly spread at the bottom, to x at the top.
fn draw_arrows(portrait: &Portrait, area: Rect, sheet: &mut Sheet) {
    let mut canvas = Canvas::new(area, sheet.theme);
    let (width, height) = canvas.size();
    let [first, last] = [portrait.x[0], portrait.x[portrait.x.len() - 1]];
    let column = |share: f32| (share.clamp(0.0, 1.0) * (width - 1) as f32) as f64;
    let most = portrait.arrows.iter().map(|[z, _]| z.abs()).fold(f32::MIN_POSITIVE, f32::max);
    let every = if area.width < 40 { 2 } else { 1 };
    for [z, x] in portrait.arrows.iter().step_by(every) {
        let (from, to) = (column(0.5 + 0.5 * z / most), column((x - first) / (last - first)));
        for y in 0..height {
            let up = y as f64 / (height - 1).max(1) as f64;
            canvas.set((to + (from - to) * up).round() as usize, y, Role::Dim);
        }
    }
    canvas.draw(sheet.buffer);
    sheet.put(area.x, area.right(), area.y, &[piece("x", Role::G)]);
    sheet.put(area.x, area.right(), area.bottom() - 1, &[piece("z", Role::G)]);
}
