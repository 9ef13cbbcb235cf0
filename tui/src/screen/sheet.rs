//! What a screen is drawn on: text, and lines that join where they meet.

use std::borrow::Cow;

use ratatui::{buffer::Buffer, layout::Rect};

use crate::theme::{Role, Theme};

/// A text and what it stands for.
pub type Piece = (Cow<'static, str>, Role);

/// A piece of text.
pub fn piece(text: impl Into<Cow<'static, str>>, role: Role) -> Piece {
    (text.into(), role)
}

/// Arms of a cell of a line: towards the left, the right, up and down.
const LEFT: u8 = 1;
const RIGHT: u8 = 2;
const UP: u8 = 4;
const DOWN: u8 = 8;

/// Line characters by the sum of a cell's arms: those of a modern terminal, those of a PC, ASCII.
const LINES: [&str; 3] = [" ───│╯╰┴│╮╭┬│┤├┼", " ───│┘└┴│┐┌┬│┤├┼", " ---|+++|+++|+++"];

/// A buffer, a theme, and the lines and labels that are drawn at the end.
#[derive(Debug)]
pub struct Sheet<'a> {
    /// Where it is drawn.
    pub buffer: &'a mut Buffer,
    /// How it looks.
    pub theme: Theme,
    area: Rect,
    arms: Vec<u8>,
    labels: Vec<(u16, u16, u16, Vec<Piece>)>,
}

impl<'a> Sheet<'a> {
    /// One over the whole buffer, without any line.
    pub fn new(buffer: &'a mut Buffer, theme: Theme) -> Self {
        let area = buffer.area;
        let arms = vec![0; usize::from(area.width) * usize::from(area.height)];
        Self { buffer, theme, area, arms, labels: Vec::new() }
    }

    /// All of it.
    pub fn area(&self) -> Rect {
        self.area
    }

    /// A line around `area`.
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

    /// A line from column `from` to column `to`, both ends included.
    pub fn across(&mut self, from: u16, to: u16, y: u16) {
        for x in from..to {
            self.arm(x, y, RIGHT);
            self.arm(x + 1, y, LEFT);
        }
    }

    /// A line from row `from` to row `to`, both ends included.
    pub fn down(&mut self, x: u16, from: u16, to: u16) {
        for y in from..to {
            self.arm(x, y, DOWN);
            self.arm(x, y + 1, UP);
        }
    }

    /// Text on a line, from column `x` on, with a space before and after; never beyond column `end`.
    pub fn label(&mut self, x: u16, end: u16, y: u16, pieces: Vec<Piece>) {
        self.labels.push((x, end, y, pieces));
    }

    /// Text on a line that ends before column `end`.
    pub fn label_right(&mut self, x: u16, end: u16, y: u16, pieces: Vec<Piece>) {
        let width = width(&pieces) + 2;
        self.label(end.saturating_sub(width).max(x), end, y, pieces);
    }

    /// Text from column `x` on, cut before column `end`; returns the column after it.
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

    /// Draws the lines and the labels on them.
    pub fn finish(mut self) {
        self.draw_lines();
        for (x, end, y, mut pieces) in std::mem::take(&mut self.labels) {
            pieces.insert(0, piece(" ", Role::Text));
            pieces.push(piece(" ", Role::Text));
            self.put(x, end, y, &pieces);
        }
        if self.theme.ascii() {
            only_ascii(self.buffer);
        }
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

/// What a text of a stranger holds beyond ASCII.
fn only_ascii(buffer: &mut Buffer) {
    for cell in buffer.content.iter_mut().filter(|cell| !cell.symbol().is_ascii()) {
        cell.set_char('?');
    }
}

/// Cells that pieces take.
pub fn width(pieces: &[Piece]) -> u16 {
    pieces.iter().map(|(text, _)| ratatui::text::Span::raw(text.as_ref()).width() as u16).sum()
}
