//! Samples of earlier steps, above the curves.

use duel_trainer::run::grid::Samples;
use ratatui::layout::Rect;

use super::{
    densities,
    panels::{self, Steps},
};
use crate::{
    term::{
        sheet::{Sheet, piece},
        theme::Role,
        tiles::Tile,
    },
    text::numbers,
    watch::state::app::{App, samples},
};

/// The fewest rows of the curves and the ruler.
const CURVES: u16 = 8;

/// Draws samples above, curves below with the step marked, and a ruler of all steps with samples at the bottom.
pub fn draw(sheet: &mut Sheet, body: Rect, app: &App) {
    let shape = app.run.shape();
    let readable = Tile::readable(shape, sheet.theme);
    let tile = if body.height >= readable.height + CURVES + 2 { readable } else { Tile::small(shape, sheet.theme) };
    let rows = rows_of_tiles(body, tile, app);
    let above = Rect { x: body.x + 1, width: body.width - 2, height: rows * tile.height, ..body };
    draw_samples(sheet, above, tile, app);

    let line = above.bottom();
    let below = Rect { y: line + 1, height: body.bottom() - line - 2, ..body };
    let cursor = app.samples_wanted().filter(|_| app.time.at.is_some());
    sheet.across(body.x - 1, body.right(), line);
    let all = app.run.curves.panels();
    let count = usize::from(below.height / 6).clamp(1, all.len());
    panels::draw(sheet, below, &all[..count], app, &Steps::in_view(app, cursor));
    draw_ruler(sheet, Rect { x: body.x + 1, y: body.bottom() - 1, width: body.width - 2, height: 1 }, app);
}

fn rows_of_tiles(body: Rect, tile: Tile, app: &App) -> u16 {
    let most = (body.height.saturating_sub(CURVES + 2) / tile.height).max(1);
    let grid = match &app.time.shown {
        None => return 1,
        Some((_, Samples::Densities(_))) => return most,
        Some((_, Samples::Pictures(grid))) => grid,
    };
    let across = tile.fit(body).0.min(grid.columns).max(1);
    (grid.len().div_ceil(across).max(1) as u16).min(most)
}

fn draw_samples(sheet: &mut Sheet, area: Rect, tile: Tile, app: &App) {
    let title = if app.time.playing { "samples, playing" } else { "samples" };
    sheet.label(area.x - 1, area.right(), area.y - 1, vec![piece(title, Role::Title)]);
    let Some((step, samples)) = &app.time.shown else {
        sheet.put(area.x, area.right(), area.y + 1, &[piece("none yet", Role::Dim)]);
        return;
    };
    let newest = if app.time.at.is_none() { ", the newest" } else { "" };
    let step = vec![piece(format!("step {}{newest}", numbers::thousands(*step)), Role::Dim)];
    sheet.label_right(area.x + 20, area.right() + 1, area.y - 1, step);
    let grid = match samples {
        Samples::Pictures(grid) => grid,
        Samples::Densities(densities) => return densities::draw(densities, area, sheet),
    };
    let across = tile.fit(area).0.min(grid.columns).max(1) as u16;
    // Whole samples only, in the middle.
    let width = across * (tile.width + 1) - 1;
    let area = Rect { x: area.x + area.width.saturating_sub(width) / 2, width: width.min(area.width), ..area };
    tile.draw_all(&grid.images, grid.columns, area, sheet);
}

/// Draws a ruler with a place for each step that has samples.
fn draw_ruler(sheet: &mut Sheet, area: Rect, app: &App) {
    let samples = samples(&app.run);
    let count = format!("{} grids ", numbers::thousands(samples.len() as u64));
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
