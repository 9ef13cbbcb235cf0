//! Pictures side by side on a screen.

use duel_models::Shape;
use ratatui::{
    layout::{Position, Rect},
    style::Style,
};

use super::{
    cells::{Cell, cells, columns_and_rows},
    pixels::Picture,
    resize::{Image, fit, largest},
    sheet::Sheet,
    theme::Theme,
};

/// The most columns of a small tile of characters; 14 for pictures of 28×28.
const SMALL: usize = 16;
/// The most columns of the smallest tile of characters.
const SMALLEST: usize = 14;
/// The most columns of a small tile of pixels: some 80 pixels.
const SMALL_PIXELS: usize = 8;
/// The most columns of a large tile; 28 for pictures of 28×28.
const LARGE: usize = 32;

/// The size of a picture on a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// The shape of the picture.
    pub shape: Shape,
    /// Width and height in pixels, of which a cell has one in its width and two in its height.
    pub size: (usize, usize),
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

impl Tile {
    /// Returns a tile in which a picture can be recognised.
    pub fn small(shape: Shape, theme: Theme) -> Self {
        let most = if theme.pixels() { SMALL_PIXELS } else { SMALL };
        Self::within(shape, (most, most), theme)
    }

    /// Returns a tile of which three stand above each other in a terminal of 24 rows.
    pub fn smallest(shape: Shape, theme: Theme) -> Self {
        let most = if theme.pixels() { SMALL_PIXELS } else { SMALLEST };
        Self::within(shape, (most, most), theme)
    }

    /// Returns a tile of about twice the width of a small one of characters.
    pub fn large(shape: Shape, theme: Theme) -> Self {
        Self::within(shape, (LARGE, LARGE), theme)
    }

    /// Returns the largest tile of at most `columns` columns.
    pub fn up_to(columns: u16, shape: Shape, theme: Theme) -> Self {
        Self::within(shape, (columns.into(), columns.into()), theme)
    }

    /// Returns the tile that is easy to read: the large tile in ASCII, where a cell has one level of grey, else the small
    /// tile.
    pub fn readable(shape: Shape, theme: Theme) -> Self {
        if theme.ascii() { Self::large(shape, theme) } else { Self::small(shape, theme) }
    }

    /// Returns the largest tile for one picture in an area.
    pub fn largest(shape: Shape, area: Rect, theme: Theme) -> Self {
        Self::within(shape, (area.width.into(), 2 * usize::from(area.height)), theme)
    }

    fn within(shape: Shape, most: (usize, usize), theme: Theme) -> Self {
        // Pixels are scaled to whole factors of pixels within the tile, not of cells.
        let size = if theme.pixels() { largest(shape, most) } else { fit(shape, most) };
        let (width, height) = columns_and_rows(size);
        Self { shape, size, width: width as u16, height: height as u16 }
    }

    /// Returns how many tiles fit into an area, across (with a column between them) and down.
    pub fn fit(self, area: Rect) -> (usize, usize) {
        (usize::from((area.width + 1) / (self.width + 1)), usize::from(area.height / self.height))
    }

    /// Draws as many of `images`, [N, height, width, channels], as fit, with `columns` at most in a row, from the top
    /// left on.
    pub fn draw_all(self, images: &[u8], columns: usize, area: Rect, sheet: &mut Sheet) {
        self.draw_marked(images, columns, None, area, sheet);
    }

    /// Draws like [`Tile::draw_all`]; pixels have a frame around the picture of index `mark`.
    pub fn draw_marked(self, images: &[u8], columns: usize, mark: Option<usize>, area: Rect, sheet: &mut Sheet) {
        let (across, down) = self.fit(area);
        let (across, down) = (across.min(columns).max(1), down.max(1));
        let shown = (images.len() / self.shape.size()).min(across * down);
        let images = &images[..shown * self.shape.size()];
        if sheet.pixels() && shown > 0 {
            let (across, down) = (across.min(shown), shown.div_ceil(across));
            let (width, height) = (across as u16 * (self.width + 1) - 1, down as u16 * self.height);
            let area = Rect { width, height, ..area }.intersection(sheet.buffer.area);
            let tile = (self.width, self.height);
            let images = images.to_vec();
            return sheet.picture(Picture { area, tile, across, shape: self.shape, images, mark });
        }
        for (at, image) in images.chunks_exact(self.shape.size()).enumerate() {
            let (column, row) = ((at % across) as u16, (at / across) as u16);
            let (x, y) = (area.x + column * (self.width + 1), area.y + row * self.height);
            let place = Rect { x, y, width: self.width, height: self.height };
            self.draw_cells(image, place, area, sheet);
        }
    }

    /// Draws a picture at `place` in characters, as far as it lies within `area`.
    fn draw_cells(self, bytes: &[u8], place: Rect, area: Rect, sheet: &mut Sheet) {
        let cells = cells(Image { shape: self.shape, bytes }, self.size, sheet.theme);
        for (Position { x, y }, Cell { glyph, colours }) in place.positions().zip(cells) {
            let style = colours.map_or(Style::new(), |[front, back]| Style::new().fg(front).bg(back));
            if let Some(cell) = sheet.buffer.cell_mut((x, y)).filter(|_| area.contains(Position { x, y })) {
                cell.set_char(glyph).set_style(style);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::term::{charset::Charset, theme::Colors};

    #[test]
    fn tiles_of_any_shape_are_small_enough() {
        for (text, pixels, small, large) in [
            ("1x28x28", (8, 4), (14, 7), (28, 14)),
            ("3x32x48", (8, 3), (16, 6), (24, 8)),
            ("3x64x64", (8, 4), (16, 8), (32, 16)),
            ("1x8x8", (8, 4), (16, 8), (32, 16)),
            ("3x128x8", (1, 4), (1, 8), (2, 16)),
            ("3x8x128", (8, 1), (16, 1), (32, 1)),
        ] {
            let shape: Shape = text.parse().expect(text);
            let size = |tile: Tile| (tile.width, tile.height);
            let theme = |charset, colors| Theme { charset, colors, is_light: false };
            assert_eq!(size(Tile::small(shape, theme(Charset::Pixels, Colors::True))), pixels, "{text}");
            assert_eq!(size(Tile::small(shape, theme(Charset::Half, Colors::True))), small, "{text}");
            assert_eq!(size(Tile::large(shape, theme(Charset::Half, Colors::True))), large, "{text}");
            let bytes = vec![200; shape.size()];
            for charset in [Charset::Ascii, Charset::Half, Charset::Braille, Charset::Pixels] {
                for colors in [Colors::None, Colors::Sixteen, Colors::Many, Colors::True] {
                    let mut buffer = Buffer::empty(Rect::new(0, 0, 34, 18));
                    let area = buffer.area;
                    let theme = theme(charset, colors);
                    for is_covered in [false, true] {
                        let mut sheet = Sheet::new(&mut buffer, theme);
                        sheet.is_covered = is_covered;
                        Tile::readable(shape, theme).draw_all(&bytes, 3, area, &mut sheet);
                        let pictures = sheet.finish();
                        assert_eq!(pictures.len(), usize::from(theme.pixels() && !is_covered));
                    }
                    assert_ne!(buffer[(0, 0)].symbol(), " ", "{text} {charset:?} {colors:?}");
                }
            }
        }
    }
}
