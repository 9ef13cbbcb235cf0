//! Pictures side by side on a screen.

use duel_models::Shape;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Style},
};

use super::{
    cells::{Cell, Image, cell, size, xterm},
    charset::Charset,
    theme::{Colors, Theme},
};

/// The most columns of a small tile; 14 for pictures of 28×28.
const SMALL: usize = 16;
/// The most columns of a large tile; 28 for pictures of 28×28.
const LARGE: usize = 32;

/// The size of a picture on a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// The shape of the picture.
    pub shape: Shape,
    /// Pixels in the width of a cell.
    pub scale: usize,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

impl Tile {
    /// Returns the smallest tile in which a picture can be recognised.
    pub fn small(shape: Shape) -> Self {
        Self::scaled(shape, small_scale(shape))
    }

    /// Returns a tile of about twice the width.
    pub fn large(shape: Shape) -> Self {
        Self::scaled(shape, shape.width.max(shape.height).div_ceil(LARGE))
    }

    /// Returns the tile that is easy to read: the large tile in ASCII, where a cell has one level of grey, else the small
    /// tile.
    pub fn readable(shape: Shape, theme: Theme) -> Self {
        if theme.ascii() { Self::large(shape) } else { Self::small(shape) }
    }

    /// Returns the largest tile that fits into an area.
    pub fn largest(shape: Shape, area: Rect) -> Self {
        let fits = |tile: &Self| tile.width <= area.width && tile.height <= area.height;
        (1..).map(|scale| Self::scaled(shape, scale)).find(fits).expect("one cell fits")
    }

    fn scaled(shape: Shape, scale: usize) -> Self {
        let (width, height) = size(shape, scale);
        Self { shape, scale, width: width as u16, height: height as u16 }
    }

    /// Returns how many tiles fit into an area, across (with a column between them) and down.
    pub fn fit(self, area: Rect) -> (usize, usize) {
        (usize::from((area.width + 1) / (self.width + 1)), usize::from(area.height / self.height))
    }

    /// Draws a picture at the top left of `place`, and clips it at the edges of `place`.
    pub fn draw(self, bytes: &[u8], place: Rect, buffer: &mut Buffer, theme: Theme) {
        let theme = self.drawable(theme);
        let image = Image { shape: self.shape, bytes };
        for position in place.positions() {
            let (x, y) = (usize::from(position.x - place.x), usize::from(position.y - place.y));
            let Cell { glyph, colours } = cell(image, x, y, self.scale, theme);
            let style = colours.map_or(Style::new(), |[front, back]| {
                Style::new().fg(color(front, theme.colors)).bg(color(back, theme.colors))
            });
            if let Some(cell) = buffer.cell_mut(position) {
                cell.set_char(glyph).set_style(style);
            }
        }
    }

    /// Draws as many of `images`, [N, height, width, channels], as fit, with `columns` at most in a row, from the top
    /// left on.
    pub fn draw_all(self, images: &[u8], columns: usize, area: Rect, buffer: &mut Buffer, theme: Theme) {
        let (across, down) = self.fit(area);
        let across = across.min(columns).max(1);
        for (at, image) in images.chunks_exact(self.shape.size()).take(across * down).enumerate() {
            let (column, row) = ((at % across) as u16, (at / across) as u16);
            let (x, y) = (area.x + column * (self.width + 1), area.y + row * self.height);
            let place = Rect { x, y, width: self.width, height: self.height };
            self.draw(image, place.intersection(area), buffer, theme);
        }
    }

    /// Replaces braille by half blocks in two cases: if there are colours, because colours are easier to read than dots;
    /// and if dots would be finer than pixels.
    fn drawable(self, theme: Theme) -> Theme {
        let colours = matches!(theme.colors, Colors::True | Colors::Many);
        let charset = match theme.charset {
            Charset::Braille if colours || self.scale < small_scale(self.shape).max(2) => Charset::Half,
            charset => charset,
        };
        Theme { charset, ..theme }
    }
}

fn small_scale(shape: Shape) -> usize {
    shape.width.max(shape.height).div_ceil(SMALL)
}

/// Returns a terminal's colour. A grey is one of the 256 even on a terminal of 24 bits: that takes fewer bytes, and the
/// difference cannot be seen.
fn color([r, g, b]: [u8; 3], colors: Colors) -> Color {
    if colors == Colors::True && (r != g || g != b) { Color::Rgb(r, g, b) } else { Color::Indexed(xterm([r, g, b])) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_of_any_shape_are_small_enough() {
        for (text, small, large) in [
            ("1x28x28", (14, 7), (28, 14)),
            ("3x32x48", (16, 6), (24, 8)),
            ("3x64x64", (16, 8), (32, 16)),
            ("1x8x8", (8, 4), (8, 4)),
            ("3x128x8", (1, 8), (2, 16)),
            ("3x8x128", (16, 1), (32, 1)),
        ] {
            let shape: Shape = text.parse().expect(text);
            let size = |tile: Tile| (tile.width, tile.height);
            assert_eq!((size(Tile::small(shape)), size(Tile::large(shape))), (small, large), "{text}");
            let bytes = vec![200; shape.size()];
            for charset in [Charset::Ascii, Charset::Half, Charset::Braille] {
                for colors in [Colors::None, Colors::Sixteen, Colors::Many, Colors::True] {
                    let mut buffer = Buffer::empty(Rect::new(0, 0, 34, 18));
                    let area = buffer.area;
                    Tile::readable(shape, Theme { charset, colors }).draw_all(
                        &bytes,
                        3,
                        area,
                        &mut buffer,
                        Theme { charset, colors },
                    );
                    assert_ne!(buffer[(0, 0)].symbol(), " ", "{text} {charset:?} {colors:?}");
                }
            }
        }
    }
}
