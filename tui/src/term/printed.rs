//! Pictures as lines of the terminal, as commands print them.

use std::io::{IsTerminal, stdout};

use anyhow::Result;
use duel_models::Shape;
use ratatui::layout::Rect;

use super::{
    cells,
    charset::Charset,
    look::Look,
    pixels::{self, Picture, PixelTerminal},
    resize::{fit, largest},
    theme::{Colors, Theme},
    tty, window,
};

/// The most columns of a picture that is drawn as pixels: some 160 pixels.
const PIXEL_COLUMNS: usize = 16;

/// The way pictures are drawn in the terminal.
pub struct Printed {
    theme: Theme,
    /// The terminal, if it shows pixels.
    pixels: Option<PixelTerminal>,
    /// Width and height of a picture, in pixels of which a cell has one in its width and two in its height.
    size: (usize, usize),
    /// Pictures in a row.
    pub across: usize,
}

impl Printed {
    /// Detects the terminal. Without one: 80 columns and no escape sequences.
    pub fn detect(shape: Shape, look: Look) -> Result<Self> {
        let terminal = stdout().is_terminal();
        let mut theme = Theme::detect(look);
        let pixels = window::ask_for_pixels(look.charset, theme)?;
        // Braille only if it is asked for: half blocks show pixels in their brightness.
        if theme.charset == Charset::Braille && look.charset == Charset::Auto {
            theme.charset = Charset::Half;
        }
        if !terminal || theme.charset == Charset::Braille {
            theme.colors = Colors::None;
        }
        let columns = if terminal { tty::size().0 } else { 80 };
        let columns = usize::from(columns).max(8);
        // A cell of braille is two pixels wide. A picture that is wider than the terminal is drawn smaller.
        let divisor = if theme.charset == Charset::Braille { 2 } else { 1 };
        let size = match pixels {
            Some(_) => largest(shape, (PIXEL_COLUMNS, PIXEL_COLUMNS)),
            None => fit(shape, (columns.min(shape.width / divisor), shape.height / divisor)),
        };
        Ok(Self { theme, pixels, size, across: ((columns + 1) / (size.0 + 1)).max(1) })
    }

    /// Draws pictures, [N, height, width, channels], as lines.
    pub fn draw(&self, images: &[u8], shape: Shape) -> String {
        let Some(terminal) = self.pixels else {
            return cells::lines(images, shape, self.across, self.size, self.theme);
        };
        let (columns, rows) = cells::columns_and_rows(self.size);
        let tile = (columns as u16, rows as u16);
        let row = |(images, id): (&[u8], u32)| {
            let across = images.len() / shape.size();
            let area = Rect { x: 0, y: 0, width: across as u16 * (tile.0 + 1) - 1, height: tile.1 };
            let picture = Picture { area, tile, across, shape, images: images.to_vec(), mark: None };
            // Empty lines first, which scroll the screen if they must; then back up to draw on them.
            let (lines, shown) = ("\n".repeat(rows), pixels::picture(&picture, terminal, id));
            format!("{lines}\x1b[{rows}A\x1b7{shown}\x1b8\x1b[{rows}B")
        };
        images.chunks(self.across * shape.size()).zip(0..).map(row).collect()
    }
}
