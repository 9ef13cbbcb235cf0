//! The run as it is now.

use duel_trainer::run::{curves::Series, grid::Samples};
use ratatui::layout::Rect;

use super::{
    bell,
    panels::{self, PANELS, Steps},
    sheet::{Piece, Sheet, piece},
    tiles,
};
use crate::{
    app::{self, App},
    plot::{Chart, Curve, Scale, short},
    theme::Role,
    words,
};

/// Rows of a panel from which on there is room for another.
const PANEL: u16 = 7;

/// Draws it: curves at the left; samples and, below them, gradients and what else there is room for at the right.
pub fn draw(sheet: &mut Sheet, body: Rect, app: &App) {
    let side = body.width / 2 / 15 * 15 - 1;
    let line = body.right() - side - 1;
    sheet.down(line, body.y - 1, body.bottom());
    let left = Rect { width: line - body.x, ..body };
    let right = Rect { x: line + 1, width: side, ..body };

    let count = match body.height {
        ..12 => 2,
        rows => usize::from(rows / PANEL).clamp(3, PANELS.len()),
    };
    panels::draw(sheet, left, &PANELS[..count], app, &Steps::of(app, None));

    let rest = draw_samples(sheet, right, app);
    sheet.across(line, body.right(), rest.y - 1);
    // Gradients have a panel of their own where there is room for it.
    if count > 3 {
        return draw_facts(sheet, rest, app);
    }
    draw_gradients(sheet, Rect { height: rest.height.min(2), ..rest }, app);
}

/// The newest samples; what is left below them and a line.
fn draw_samples(sheet: &mut Sheet, area: Rect, app: &App) -> Rect {
    sheet.label(area.x, area.right(), area.y - 1, vec![piece("samples", Role::Title)]);
    let Some((step, samples)) = &app.time.shown else {
        sheet.put(area.x + 1, area.right(), area.y + 1, &[piece("none yet", Role::Dim)]);
        return below(area, tiles::SMALL.1.min(area.height));
    };
    let label = vec![piece(format!("step {}", words::thousands(*step)), Role::Dim)];
    sheet.label_right(area.x + 9, area.right(), area.y - 1, label);
    let reserved = if area.height < 30 { 3 } else { area.height / 3 };
    let grid = match samples {
        Samples::Digits(grid) => grid,
        Samples::Numbers(portrait) => {
            let place = Rect { height: area.height.saturating_sub(reserved), ..area };
            bell::draw(portrait, place, sheet);
            return below(area, place.height);
        }
    };
    let size = tiles::size(sheet.theme);
    let size = if size.1 + 3 > area.height { tiles::SMALL } else { size };
    let (across, down) = tiles::fit(Rect { height: area.height - reserved, ..area }, size);
    let rows = grid.digits.len().div_ceil(across.min(grid.columns).max(1)).clamp(1, down.max(1)) as u16;
    let place = Rect { height: rows * size.1, ..area };
    tiles::draw(&grid.digits, grid.columns, place, size, sheet.buffer, sheet.theme);
    below(area, place.height)
}

/// What is left of an area below so many rows and a line.
fn below(area: Rect, rows: u16) -> Rect {
    Rect { y: area.y + rows + 1, height: area.height.saturating_sub(rows + 1), ..area }
}

/// A line each: the newest norm, and its curve.
fn draw_gradients(sheet: &mut Sheet, area: Rect, app: &App) {
    sheet.label(area.x, area.right(), area.y - 1, vec![piece("gradient norms", Role::Title)]);
    let steps = Steps::of(app, None);
    let rows = [(Series::DGradient, "D", Role::D), (Series::GGradient, "G", Role::G)];
    for ((series, name, role), y) in rows.into_iter().zip(area.y..area.bottom()) {
        let newest = steps.buckets.last().map_or(f64::NAN, |bucket| f64::from(bucket.span(series).mean));
        let figure = if steps.buckets.is_empty() { "-".into() } else { short(newest) };
        sheet.put(area.x + 1, area.right(), y, &[piece(format!("{name} {figure:>5}"), role)]);
        let curve = Curve { buckets: steps.buckets, series, role };
        let scale = Scale::around(panels::ends(&curve), app.view.logarithm);
        let chart = Chart {
            curves: &[curve],
            steps: steps.range,
            scale,
            mark: None,
            cursor: None,
            smoothing: app.view.smoothing(),
        };
        let plot = Rect { x: area.x + 9, y, width: area.width.saturating_sub(10), height: 1 };
        chart.draw_bare(plot, sheet.buffer, sheet.theme);
    }
}

/// Scores, the recipe, the newest events: as many as there is room for.
fn draw_facts(sheet: &mut Sheet, area: Rect, app: &App) {
    sheet.label(area.x, area.right(), area.y - 1, vec![piece("run", Role::Title)]);
    let mut rows = recipe(app);
    rows.extend(scores(app));
    let room = usize::from(area.height).saturating_sub(rows.len());
    rows.extend(app.run.story.events.iter().rev().take(room).map(|event| {
        vec![
            piece(format!("{} ", words::clock(event.time, app.offset)), Role::Dim),
            piece(format!("{} ", app::kind(event)), Role::Text),
            piece(app::text(event), Role::Dim),
        ]
    }));
    for (row, y) in rows.into_iter().zip(area.y..area.bottom()) {
        sheet.put(area.x + 1, area.right(), y, &row);
    }
}

fn scores(app: &App) -> Vec<Vec<Piece>> {
    let scores = app.run.story.scores.iter();
    scores
        .map(|(name, score)| vec![piece(format!("{name} "), Role::Dim), piece(format!("{score:.4}"), Role::Title)])
        .collect()
}

fn recipe(app: &App) -> Vec<Vec<Piece>> {
    let run = &app.run;
    let mut rows = Vec::new();
    if let Some(last) = run.last {
        rows.push(vec![
            piece("learning rates  ", Role::Dim),
            piece(format!("D {:e}  ", last.d_learning_rate), Role::D),
            piece(format!("G {:e}", last.g_learning_rate), Role::G),
        ]);
    }
    let of = |key: &str| run.recipe.get(key);
    let pair = |name: &'static str, value: Option<String>| {
        value.map(|value| vec![piece(format!("{name}  "), Role::Dim), piece(value, Role::Text)])
    };
    let [g, d] = run.story.start.parameters.map(|count| words::thousands(count as u64));
    rows.extend(pair("about", of("about").filter(|about| !about.is_empty())));
    rows.extend(pair("parameters", (g != "0").then(|| format!("D {d}  G {g}"))));
    rows.extend(pair("batch", of("training.batch")));
    rows.extend(pair("loss", of("training.loss")));
    rows.extend(pair("seed", of("training.seed")));
    rows
}
