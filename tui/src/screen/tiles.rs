//! Digits as small as they can be read, so that several fit beside each other.

use duel_models::PIXELS;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Style},
};

use crate::{
    cells::{Cell, cell, xterm_grey},
    charset::Charset,
    theme::{Colors, Theme},
};

/// Cells of a digit, across and down, where each cell is two pixels wide.
pub const SMALL: (u16, u16) = (14, 7);

/// The same with a pixel a cell.
pub const LARGE: (u16, u16) = (28, 14);

/// The size that is read at ease: small, but in ASCII, where a cell is one level of grey.
pub fn size(theme: Theme) -> (u16, u16) {
    if theme.ascii() { LARGE } else { SMALL }
}

/// How many digits fit into some cells, across (with a column between them) and down.
pub fn fit(area: Rect, (width, height): (u16, u16)) -> (usize, usize) {
    (usize::from((area.width + 1) / (width + 1)), usize::from(area.height / height))
}

/// Draws as many of a grid's digits as fit, of `columns` in a row of the grid, from the top left on.
pub fn draw(
    digits: &[[u8; PIXELS]],
    columns: usize,
    area: Rect,
    (width, height): (u16, u16),
    buffer: &mut Buffer,
    theme: Theme,
) {
    let (across, down) = fit(area, (width, height));
    let across = across.min(columns).max(1);
    for (at, digit) in digits.iter().take(across * down).enumerate() {
        let (column, row) = ((at % across) as u16, (at / across) as u16);
        let place = Rect { x: area.x + column * (width + 1), y: area.y + row * height, width, height };
        draw_one(digit, place.intersection(area), usize::from(width), buffer, theme);
    }
}

/// Draws a digit that is `width` cells wide at the top left of `place`, as far as that goes.
pub fn draw_one(digit: &[u8; PIXELS], place: Rect, width: usize, buffer: &mut Buffer, theme: Theme) {
    let theme = with_greys(theme, width);
    for position in place.positions() {
        let (x, y) = (usize::from(position.x - place.x), usize::from(position.y - place.y));
        let Cell { glyph, greys } = cell(digit, x, y, width, theme);
        // On 24 bits too: fewer bytes, and changes that nobody sees are none.
        let grey = |level| Color::Indexed(xterm_grey(level));
        let style = greys.map_or(Style::new(), |[front, back]| Style::new().fg(grey(front)).bg(grey(back)));
        if let Some(cell) = buffer.cell_mut(position) {
            cell.set_char(glyph).set_style(style);
        }
    }
}

/// Greys are easier to read than dots, where there are any; and dots are too fine for a pixel a cell.
fn with_greys(theme: Theme, width: usize) -> Theme {
    let greys = matches!(theme.colors, Colors::True | Colors::Many);
    let charset = match theme.charset {
        Charset::Braille if greys || width > usize::from(SMALL.0) => Charset::Half,
        charset => charset,
    };
    Theme { charset, ..theme }
}
