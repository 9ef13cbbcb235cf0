//! The screen of the clock.

use duel_models::Shape;
use ratatui::{Frame, layout::Rect};

use super::{
    keys::KEYS,
    state::{Clock, DIGITS},
};
use crate::term::{
    bindings,
    pixels::Picture,
    sheet::{Sheet, piece},
    theme::{Role, Theme},
    tiles::Tile,
};

/// Columns between two numbers, for a colon.
const GAP: u16 = 4;

/// The fewest columns of a digit that can be read.
const LEAST: u16 = 10;

/// Returns the tile of a digit, and how many digits are shown: the largest tile that fits with seconds, else without. Tiles
/// that are smaller than small ones are without.
pub fn layout((width, height): (u16, u16), shape: Shape, theme: Theme) -> Option<(Tile, usize)> {
    let (large, small) = (Tile::large(shape, theme), Tile::small(shape, theme));
    let smaller = (LEAST..small.width).rev().map(|columns| (Tile::up_to(columns, shape, theme), 4));
    let mut sizes = [(large, 6), (large, 4), (small, 6), (small, 4)].into_iter().chain(smaller);
    sizes.find(|(tile, places)| face(*tile, *places) <= width && tile.height <= height)
}

/// Returns the columns of `places` digits.
fn face(tile: Tile, places: usize) -> u16 {
    places as u16 * tile.width + (places as u16 / 2) + (places as u16 / 2 - 1) * GAP
}

/// Draws the time in the middle; the digits are pictures of `shape`. Returns those that are drawn as pixels.
pub fn draw(frame: &mut Frame, clock: &Clock, shape: Shape, theme: Theme) -> Vec<Picture> {
    let area = frame.area();
    let mut sheet = Sheet::new(frame.buffer_mut(), theme);
    let Some((tile, places)) = layout((area.width, area.height), shape, theme) else {
        let small = Tile::small(shape, theme);
        let least = if small.width > LEAST { Tile::up_to(LEAST, shape, theme) } else { small };
        let needs = format!("the clock needs {} x {}", face(least, 4), least.height);
        sheet.put_in_the_middle(&[needs]);
        return sheet.finish();
    };
    let mut x = (area.width - face(tile, places)) / 2;
    let y = (area.height - tile.height) / 2;
    let bottom = area.height - 1;
    if clock.shows_keys && bottom >= y + tile.height {
        sheet.put(1, area.right(), bottom, &[piece(bindings::line(KEYS, theme), Role::Dim)]);
    }
    for (place, image) in clock.images.iter().take(places.min(DIGITS)).enumerate() {
        if let Some(image) = image {
            let place = Rect { x, y, width: tile.width, height: tile.height };
            tile.draw_all(image, 1, place, &mut sheet);
        }
        x += tile.width + 1;
        if place % 2 == 1 && place + 1 < places {
            for row in [tile.height / 3, tile.height - 1 - tile.height / 3] {
                let dot = theme.pick("●", "■", "o");
                sheet.put(x, area.right(), y + row, &[piece(dot, Role::Text)]);
            }
            x += GAP - 1;
        }
    }
    sheet.finish()
}
