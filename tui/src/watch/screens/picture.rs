//! One picture of the grid, as large as the terminal takes.

use ratatui::layout::Rect;

use crate::{
    term::{
        sheet::{Sheet, piece},
        theme::Role,
        tiles::Tile,
    },
    text::numbers,
    watch::state::app::App,
};

/// Draws the picture in the middle, and above it its place in the grid and its step.
pub fn draw(sheet: &mut Sheet, body: Rect, app: &App) {
    let (Some(grid), Some((step, _))) = (app.grid(), &app.time.shown) else {
        sheet.put(body.x + 1, body.right(), body.y + 1, &[piece("none yet", Role::Dim)]);
        return;
    };
    let index = app.picture.min(grid.len() - 1);
    let title = vec![
        piece("picture ", Role::Title),
        piece(format!("{} of {}", index + 1, grid.len()), Role::Text),
        piece(if app.time.playing { ", playing" } else { "" }, Role::Dim),
    ];
    sheet.label(body.x, body.right(), body.y - 1, title);
    let newest = if app.time.at.is_none() { ", the newest" } else { "" };
    let step = vec![piece(format!("step {}{newest}", numbers::thousands(*step)), Role::Dim)];
    sheet.label_right(body.x + 20, body.right(), body.y - 1, step);
    let tile = Tile::largest(grid.shape, body, sheet.theme);
    let place = Rect {
        x: body.x + body.width.saturating_sub(tile.width) / 2,
        y: body.y + body.height.saturating_sub(tile.height) / 2,
        width: tile.width.min(body.width),
        height: tile.height.min(body.height),
    };
    tile.draw_all(grid.image(index), 1, place, sheet);
}
