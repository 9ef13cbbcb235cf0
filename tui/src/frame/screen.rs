//! The screen of a frame.

use duel_models::Shape;
use ratatui::{Frame, layout::Rect};

use crate::term::{theme::Theme, tiles::Tile};

/// Draws a picture, [height, width, channels], in the middle, as large as the screen allows.
pub fn draw(frame: &mut Frame, shape: Shape, picture: &[u8], theme: Theme) {
    let area = frame.area();
    let tile = Tile::largest(shape, area);
    let (x, y) = ((area.width - tile.width) / 2, (area.height - tile.height) / 2);
    tile.draw(picture, Rect { x, y, width: tile.width, height: tile.height }, frame.buffer_mut(), theme);
}
