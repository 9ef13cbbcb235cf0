//! A buffer to draw a screen on: text, and lines that join where they meet.

use std::borrow::Cow;

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    pixels::Picture,
    theme::{Role, Theme},
};

/// A text and its role on the screen.
pub type Piece = (Cow<'static, str>, Role);

/// Makes a piece of text.
pub fn piece(text: impl Into<Cow<'static, str>>, role: Role) -> Piece {
    (text.into(), role)
}

/// Bits for the arms of a line in a cell: towards the left, the right, up and down.
const LEFT: u8 = 1;
const RIGHT: u8 = 2;
const UP: u8 = 4;
const DOWN: u8 = 8;

/// Line characters, indexed by the bits of the arms: for a terminal with Unicode, for the console of a PC, for ASCII.
const LINES: [&str; 3] = [" ───│╯╰┴│╮╭┬│┤├┼", " ───│┘└┴│┐┌┬│┤├┼", " ---|+++|+++|+++"];

/// A buffer and a theme. Lines and labels are collected and drawn at the end.
#[derive(Debug)]
pub struct Sheet<'a> {
    /// The buffer.
    pub buffer: &'a mut Buffer,
    /// The theme.
    pub theme: Theme,
    /// Whether something will cover a part of this sheet: then its pictures are characters, which can be covered.
    pub is_covered: bool,
    pictures: Vec<Picture>,
    area: Rect,
    arms: Vec<u8>,
    labels: Vec<(u16, u16, u16, Vec<Piece>)>,
}

impl<'a> Sheet<'a> {
    /// Makes a sheet over the whole buffer, without any line.
    pub fn new(buffer: &'a mut Buffer, theme: Theme) -> Self {
        let area = buffer.area;
        let arms = vec![0; usize::from(area.width) * usize::from(area.height)];
        Self { buffer, theme, is_covered: false, pictures: Vec::new(), area, arms, labels: Vec::new() }
    }

    /// Adds a line around `area`.
    pub fn frame(&mut self, area: Rect) {
        let (right, bottom) = (area.right().saturating_sub(1), area.bottom().saturating_sub(1));
        self.across(area.x, right, area.y);
        self.across(area.x, right, bottom);
        self.down(area.x, area.y, bottom);
        self.down(right, area.y, bottom);
    }

    fn arm(&mut self, x: u16, y: u16, arm: u8) {
        if x < self.area.right() && y < self.area.bottom() {
            self.arms[usize::from(y) * usize::from(self.area.width) + usize::from(x)] |= arm;
        }
    }

    /// Adds a line from column `from` to column `to`, both included.
    pub fn across(&mut self, from: u16, to: u16, y: u16) {
        for x in from..to {
            self.arm(x, y, RIGHT);
            self.arm(x + 1, y, LEFT);
        }
    }

    /// Adds a line from row `from` to row `to`, both included.
    pub fn down(&mut self, x: u16, from: u16, to: u16) {
        for y in from..to {
            self.arm(x, y, DOWN);
            self.arm(x, y + 1, UP);
        }
    }

    /// Adds text on a line, from column `x` on, with a space before and after it; cut before column `end`.
    pub fn label(&mut self, x: u16, end: u16, y: u16, pieces: Vec<Piece>) {
        self.labels.push((x, end, y, pieces));
    }

    /// Adds text on a line that ends before column `end`.
    pub fn label_right(&mut self, x: u16, end: u16, y: u16, pieces: Vec<Piece>) {
        let width = width(&pieces) + 2;
        self.label(end.saturating_sub(width).max(x), end, y, pieces);
    }

    /// Writes text from column `x` on, cut before column `end`; returns the column after it.
    pub fn put(&mut self, x: u16, end: u16, y: u16, pieces: &[Piece]) -> u16 {
        let end = end.min(self.area.right());
        if y >= self.area.bottom() || x >= end {
            return x;
        }
        let cut = width(pieces) > end - x;
        let mut at = x;
        for (text, role) in pieces {
            let room = usize::from(end.saturating_sub(at));
            at = self.buffer.set_stringn(at, y, text, room, self.theme.style(*role)).0;
        }
        if cut {
            self.buffer.set_string(end - 1, y, self.theme.pick("…", "~", "~"), self.theme.style(Role::Dim));
        }
        at
    }

    /// Writes lines of text in the middle of the buffer, for a screen that has no room for anything else.
    pub fn put_in_the_middle(&mut self, lines: &[String]) {
        let top = self.area.height.saturating_sub(lines.len() as u16) / 2;
        for (line, y) in lines.iter().zip(top..) {
            let x = self.area.width.saturating_sub(line.chars().count() as u16) / 2;
            self.put(x, self.area.right(), y, &[piece(line.clone(), Role::Text)]);
        }
    }

    /// Tells whether pictures are drawn as pixels.
    pub fn pixels(&self) -> bool {
        self.theme.pixels() && !self.is_covered
    }

    /// Adds pictures that are drawn as pixels. Nothing else may be drawn on their cells.
    pub fn picture(&mut self, picture: Picture) {
        self.pictures.push(picture);
    }

    /// Draws the lines and the labels on them; returns the pictures that are drawn as pixels.
    pub fn finish(mut self) -> Vec<Picture> {
        self.draw_lines();
        for (x, end, y, mut pieces) in std::mem::take(&mut self.labels) {
            pieces.insert(0, piece(" ", Role::Text));
            pieces.push(piece(" ", Role::Text));
            self.put(x, end, y, &pieces);
        }
        if self.theme.ascii() {
            only_ascii(self.buffer);
        }
        self.pictures
    }

    fn draw_lines(&mut self) {
        let set: Vec<char> = self.theme.pick(LINES[0], LINES[1], LINES[2]).chars().collect();
        let style = self.theme.style(Role::Border);
        for (at, arms) in self.arms.iter().enumerate().filter(|(_, arms)| **arms != 0) {
            let (x, y) = (at % usize::from(self.area.width), at / usize::from(self.area.width));
            if let Some(cell) = self.buffer.cell_mut((x as u16, y as u16)) {
                cell.set_char(set[usize::from(*arms)]).set_style(style);
            }
        }
    }
}

/// Replaces characters beyond ASCII, which a name from outside may contain.
fn only_ascii(buffer: &mut Buffer) {
    for cell in buffer.content.iter_mut().filter(|cell| !cell.symbol().is_ascii()) {
        cell.set_char('?');
    }
}

/// Returns the number of columns that pieces take.
pub fn width(pieces: &[Piece]) -> u16 {
    pieces.iter().map(|(text, _)| ratatui::text::Span::raw(text.as_ref()).width() as u16).sum()
}
