//! Dots finer than a cell: 2 × 4 per cell in braille, 1 × 2 in half blocks and in ASCII.

use ratatui::{buffer::Buffer, layout::Rect};

use crate::term::{
    charset::Charset,
    theme::{Role, Theme},
};

/// Dots over a rectangle of cells. Dot (0, 0) is at the top left.
#[derive(Debug)]
pub struct Canvas {
    area: Rect,
    theme: Theme,
    /// The dots of each cell, and the role of the dot that was set last.
    cells: Vec<(u8, Role)>,
}

/// The bits of a cell's braille dots, by row and column: Unicode numbers the upper six by column, then the lowest two.
const BRAILLE: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// ASCII characters for a dot above, below, or both. The second set distinguishes a second curve where there are no
/// colours.
const MARKS: [[char; 3]; 2] = [['\'', '.', ':'], ['"', ',', ';']];

impl Canvas {
    /// Makes an empty canvas over `area`.
    pub fn new(area: Rect, theme: Theme) -> Self {
        Self { area, theme, cells: vec![(0, Role::Text); usize::from(area.width) * usize::from(area.height)] }
    }

    /// Returns the number of dots in a cell, across and down.
    pub fn density(theme: Theme) -> (usize, usize) {
        if theme.charset == Charset::Braille { (2, 4) } else { (1, 2) }
    }

    /// Returns the number of dots on the canvas, across and down.
    pub fn size(&self) -> (usize, usize) {
        let (x, y) = Self::density(self.theme);
        (usize::from(self.area.width) * x, usize::from(self.area.height) * y)
    }

    /// Sets a dot. A dot outside the canvas is ignored.
    pub fn set(&mut self, x: usize, y: usize, role: Role) {
        let (width, height) = self.size();
        if x >= width || y >= height {
            return;
        }
        let (across, down) = Self::density(self.theme);
        let bit = if across == 2 { BRAILLE[y % down][x % across] } else { 1 << (y % down) };
        let cell = &mut self.cells[y / down * usize::from(self.area.width) + x / across];
        *cell = (cell.0 | bit, role);
    }

    /// Writes the cells that have dots.
    pub fn draw(&self, buffer: &mut Buffer) {
        let width = usize::from(self.area.width);
        for (at, (bits, role)) in self.cells.iter().enumerate().filter(|(_, (bits, _))| *bits != 0) {
            let place = (self.area.x + (at % width) as u16, self.area.y + (at / width) as u16);
            if let Some(cell) = buffer.cell_mut(place) {
                cell.set_char(self.glyph(*bits, *role)).set_style(self.theme.style(*role));
            }
        }
    }

    fn glyph(&self, bits: u8, role: Role) -> char {
        let second = matches!(role, Role::G) || matches!(role, Role::Run(number) if number % 2 == 1);
        match self.theme.charset {
            Charset::Ascii => MARKS[usize::from(second)][usize::from(bits & 3) - 1],
            Charset::Half => ['▀', '▄', '█'][usize::from(bits & 3) - 1],
            _ => char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' '),
        }
    }
}
