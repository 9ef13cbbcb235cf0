//! The samples through time, and the curves they belong to.

use duel_trainer::run::grid::Samples;
use ratatui::layout::Rect;

use super::{
    bell,
    panels::{self, PANELS, Steps},
    sheet::{Sheet, piece},
    tiles,
};
use crate::{
    app::{App, samples},
    theme::Role,
    words,
};

/// Rows that the curves and the ruler need at least.
const CURVES: u16 = 8;

/// Draws it: samples above, curves below with the step marked, a ruler of all grids at the bottom.
pub fn draw(sheet: &mut Sheet, body: Rect, app: &App) {
    let full = tiles::size(sheet.theme);
    let size = if body.height >= full.1 + CURVES + 2 { full } else { tiles::SMALL };
    let rows = rows_of_tiles(body, size, app);
    let above = Rect { x: body.x + 1, width: body.width - 2, height: rows * size.1, ..body };
    draw_samples(sheet, above, size, app);

    let line = above.bottom();
    let below = Rect { y: line + 1, height: body.bottom() - line - 2, ..body };
    let cursor = app.samples_wanted().filter(|_| app.time.at.is_some());
    sheet.across(body.x - 1, body.right(), line);
    let count = usize::from(below.height / 6).clamp(1, PANELS.len());
    panels::draw(sheet, below, &PANELS[..count], app, &Steps::of(app, cursor));
    draw_ruler(sheet, Rect { x: body.x + 1, y: body.bottom() - 1, width: body.width - 2, height: 1 }, app);
}

fn rows_of_tiles(body: Rect, size: (u16, u16), app: &App) -> u16 {
    let most = (body.height.saturating_sub(CURVES + 2) / size.1).max(1);
    let grid = match &app.time.shown {
        None => return 1,
        Some((_, Samples::Numbers(_))) => return most,
        Some((_, Samples::Digits(grid))) => grid,
    };
    let across = tiles::fit(body, size).0.min(grid.columns).max(1);
    (grid.digits.len().div_ceil(across).max(1) as u16).min(most)
}

fn draw_samples(sheet: &mut Sheet, area: Rect, size: (u16, u16), app: &App) {
    let title = if app.time.playing { "samples, playing" } else { "samples" };
    sheet.label(area.x - 1, area.right(), area.y - 1, vec![piece(title, Role::Title)]);
    let Some((step, samples)) = &app.time.shown else {
        sheet.put(area.x, area.right(), area.y + 1, &[piece("none yet", Role::Dim)]);
        return;
    };
    let newest = if app.time.at.is_none() { ", the newest" } else { "" };
    let step = vec![piece(format!("step {}{newest}", words::thousands(*step)), Role::Dim)];
    sheet.label_right(area.x + 20, area.right() + 1, area.y - 1, step);
    let grid = match samples {
        Samples::Digits(grid) => grid,
        Samples::Numbers(portrait) => return bell::draw(portrait, area, sheet),
    };
    let across = tiles::fit(area, size).0.min(grid.columns).max(1) as u16;
    // In the middle, whole digits only.
    let width = across * (size.0 + 1) - 1;
    let area = Rect { x: area.x + area.width.saturating_sub(width) / 2, width: width.min(area.width), ..area };
    tiles::draw(&grid.digits, grid.columns, area, size, sheet.buffer, sheet.theme);
}

/// Every grid there is, as a place on a line.
fn draw_ruler(sheet: &mut Sheet, area: Rect, app: &App) {
    let samples = samples(&app.run);
    let count = format!("{} grids ", words::thousands(samples.len() as u64));
    let x = sheet.put(area.x, area.right(), area.y, &[piece(count, Role::Dim)]);
    let hint = sheet.theme.pick(
        " ←/→ home end  space plays",
        " ←/→ home end  space plays",
        " left/right home end  space plays",
    );
    let end = area.right().saturating_sub(hint.chars().count() as u16);
    sheet.put(end, area.right(), area.y, &[piece(hint, Role::Dim)]);
    let room = usize::from(end.saturating_sub(x));
    if samples.is_empty() || room < 3 {
        return;
    }
    let here = app.time.at.map_or(samples.len() - 1, |step| samples.partition_point(|sample| *sample < step));
    let at = here.min(samples.len() - 1) * (room - 1) / (samples.len() - 1).max(1);
    let (line, knob) = sheet.theme.pick(("─", "●"), ("─", "█"), ("-", "O"));
    let pieces =
        [piece(line.repeat(at), Role::G), piece(knob, Role::Title), piece(line.repeat(room - 1 - at), Role::Border)];
    sheet.put(x, end, area.y, &pieces);
}
