//! The time in generated handwriting.

use ratatui::{Frame, layout::Rect};

use super::{
    draw_in_the_middle,
    sheet::{Sheet, piece},
    tiles,
};
use crate::{
    clock::{Clock, DIGITS},
    theme::{Role, Theme},
};

/// Cells between two numbers, for a colon.
const GAP: u16 = 4;

/// The size of a digit and how many are shown: the largest with seconds, else without.
pub fn layout(width: u16, height: u16) -> Option<((u16, u16), usize)> {
    let sizes = [(tiles::LARGE, 6), (tiles::LARGE, 4), (tiles::SMALL, 6), (tiles::SMALL, 4)];
    sizes.into_iter().find(|(size, places)| face(*size, *places) <= width && size.1 <= height)
}

/// Cells that the face is wide.
fn face(size: (u16, u16), places: usize) -> u16 {
    places as u16 * size.0 + (places as u16 / 2) + (places as u16 / 2 - 1) * GAP
}

/// Draws it in the middle.
pub fn draw(frame: &mut Frame, clock: &Clock, theme: Theme) {
    let area = frame.area();
    let mut sheet = Sheet::new(frame.buffer_mut(), theme);
    let Some((size, places)) = layout(area.width, area.height) else {
        let needs = format!("the clock needs {} x {}", face(tiles::SMALL, 4), tiles::SMALL.1);
        draw_in_the_middle(&mut sheet, &[needs]);
        return sheet.finish();
    };
    let mut x = (area.width - face(size, places)) / 2;
    let y = (area.height - size.1) / 2;
    for (place, image) in clock.images.iter().take(places.min(DIGITS)).enumerate() {
        if let Some(image) = image {
            let tile = Rect { x, y, width: size.0, height: size.1 };
            tiles::draw_one(image, tile, usize::from(size.0), sheet.buffer, theme);
        }
        x += size.0 + 1;
        if place % 2 == 1 && place + 1 < places {
            for row in [size.1 / 3, size.1 - 1 - size.1 / 3] {
                let dot = theme.pick("●", "■", "o");
                sheet.put(x, area.right(), y + row, &[piece(dot, Role::Text)]);
            }
            x += GAP - 1;
        }
    }
    sheet.finish();
}
