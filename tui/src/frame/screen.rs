//! The screen of a frame.

use duel_models::Shape;
use ratatui::{Frame, layout::Rect};

use crate::term::{pixels::Picture, sheet::Sheet, theme::Theme, tiles::Tile};

/// Draws a picture, [height, width, channels], in the middle, as large as the screen allows; returns it if it is drawn as
/// pixels.
pub fn draw(frame: &mut Frame, shape: Shape, picture: &[u8], theme: Theme) -> Vec<Picture> {
    let area = frame.area();
    let tile = Tile::largest(shape, area, theme);
    // A serial console may say that it has no columns and no rows.
    let middle = |of: u16, tile: u16| of.saturating_sub(tile) / 2;
    let (x, y) = (middle(area.width, tile.width), middle(area.height, tile.height));
    let mut sheet = Sheet::new(frame.buffer_mut(), theme);
    tile.draw_all(picture, 1, Rect { x, y, width: tile.width, height: tile.height }, &mut sheet);
    sheet.finish()
}
