//! Digits as characters: pure functions from grey levels to cells, for lines of text and for screens alike.

use std::fmt::Write;

use duel_models::{PIXELS, SIDE};

use crate::{
    charset::Charset,
    theme::{Colors, Theme},
};

/// Grey levels by luminance, in ASCII.
const RAMP: &[u8; 10] = b" .:-=+*#%@";

/// The grey level from which a dot is set where a dot is on or off.
const SET: u8 = 96;

/// What one cell of a terminal shows of a digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The character.
    pub glyph: char,
    /// Where the terminal has greys: the levels of foreground and background.
    pub greys: Option<[u8; 2]>,
}

/// `images`, [N, 28, 28] grey levels, as lines of text: `across` digits in a row with a space between them, each `width`
/// cells wide and half as high. `width` is 14 or 28; braille, of eight dots a cell, has its 14.
pub fn lines(images: &[u8], across: usize, width: usize, theme: Theme) -> String {
    let mut text = String::new();
    for row in images.chunks(across * PIXELS) {
        for y in 0..width / 2 {
            let digits: Vec<String> = row
                .chunks_exact(PIXELS)
                .map(|image| {
                    let cells: Vec<Cell> = (0..width).map(|x| cell(image, x, y, width, theme)).collect();
                    run(&cells, theme.colors)
                })
                .collect();
            text += digits.join(" ").trim_end();
            text.push('\n');
        }
    }
    text
}

/// The cell at column `x` and row `y` of `image` where it is `width` cells wide.
pub fn cell(image: &[u8], x: usize, y: usize, width: usize, theme: Theme) -> Cell {
    if theme.charset == Charset::Braille {
        return Cell { glyph: braille(image, 2 * x, 4 * y), greys: None };
    }
    let scale = SIDE / width;
    let halves = [0, 1].map(|half| mean(image, x * scale, (2 * y + half) * scale, scale));
    if theme.ascii() { ascii(halves) } else { half(halves, theme.colors) }
}

/// The mean level of a square of `side` pixels at column `x` and row `y`.
fn mean(image: &[u8], x: usize, y: usize, side: usize) -> u8 {
    let rows = image[y * SIDE..].chunks(SIDE).take(side);
    let sum: usize = rows.flat_map(|row| &row[x..x + side]).map(|&level| usize::from(level)).sum();
    (sum / (side * side)) as u8
}

fn ascii(halves: [u8; 2]) -> Cell {
    let sum: usize = halves.iter().map(|&level| usize::from(level)).sum();
    // The nearest of the ramp's levels to the mean of both.
    let level = (sum * (RAMP.len() - 1) + 255) / (2 * 255);
    Cell { glyph: RAMP[level].into(), greys: None }
}

fn half(halves: [u8; 2], colors: Colors) -> Cell {
    if matches!(colors, Colors::Many | Colors::True) {
        return Cell { glyph: '▀', greys: Some(halves) };
    }
    let glyph = match halves.map(|level| level >= SET) {
        [true, true] => '█',
        [true, false] => '▀',
        [false, true] => '▄',
        [false, false] => ' ',
    };
    Cell { glyph, greys: None }
}

/// Two columns and four rows of dots; Unicode numbers the lowest row last, as it came last.
fn braille(image: &[u8], x: usize, y: usize) -> char {
    let dots = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
    let set = dots.iter().enumerate().filter(|(_, (dx, dy))| image[(y + dy) * SIDE + x + dx] >= SET);
    let bits: u32 = set.map(|(bit, _)| 1 << bit).sum();
    char::from_u32(0x2800 + bits).expect("eight bits over U+2800 are braille")
}

/// Cells beside each other, with an escape sequence wherever their greys change and one at the end.
fn run(cells: &[Cell], colors: Colors) -> String {
    let mut text = String::new();
    let mut current = None;
    for cell in cells {
        if cell.greys != current {
            if let Some([front, back]) = cell.greys {
                let (front, back) = (grey(front, colors), grey(back, colors));
                write!(text, "\x1b[38;{front};48;{back}m").expect("a string takes what is written to it");
            }
            current = cell.greys;
        }
        text.push(cell.glyph);
    }
    if current.is_some() {
        text += "\x1b[0m";
    }
    text
}

/// The parameters of ISO 8613-6 for a grey: 24 bits, or one of 256 colours.
fn grey(level: u8, colors: Colors) -> String {
    match colors {
        Colors::True => format!("2;{level};{level};{level}"),
        _ => format!("5;{}", xterm_grey(level)),
    }
}

/// The nearest of xterm's black, white and 24 greys among its 256 colours.
pub fn xterm_grey(level: u8) -> u8 {
    match level {
        0..=3 => 16,
        247.. => 231,
        // xterm's grey n is 8 + 10 n.
        level => 232 + ((u16::from(level) + 5).saturating_sub(8) / 10).min(23) as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Black but for the left column, which is white, and the pixel at (2, 0), which is grey.
    fn image() -> Vec<u8> {
        let mut image = vec![0; PIXELS];
        image.iter_mut().step_by(SIDE).for_each(|pixel| *pixel = 255);
        image[2] = 128;
        image
    }

    fn theme(charset: Charset, colors: Colors) -> Theme {
        Theme { charset, colors }
    }

    #[test]
    fn the_first_cells_of_a_digit() {
        for (charset, width, colors, expected) in [
            (Charset::Ascii, 28, Colors::True, "@ :"),
            (Charset::Ascii, 14, Colors::True, "=. "),
            (Charset::Half, 28, Colors::None, "█ ▀"),
            (Charset::Half, 28, Colors::Sixteen, "█ ▀"),
            (Charset::Half, 14, Colors::None, "█  "),
            (Charset::Braille, 14, Colors::True, "⡇⠁⠀"),
        ] {
            let text = lines(&image(), 1, width, theme(charset, colors));
            assert_eq!(text.lines().count(), width / 2);
            let first: String = (0..3).map(|x| cell(&image(), x, 0, width, theme(charset, colors)).glyph).collect();
            assert_eq!(first, expected, "{charset:?} {width} {colors:?}");
        }
    }

    #[test]
    fn an_escape_sequence_stands_only_where_greys_change() {
        let text = lines(&image(), 1, 28, theme(Charset::Half, Colors::Many));
        let first = text.lines().next().expect("fourteen lines");
        let black = "\x1b[38;5;16;48;5;16m";
        let rest = "▀".repeat(25);
        assert_eq!(first, format!("\x1b[38;5;231;48;5;231m▀{black}▀\x1b[38;5;244;48;5;16m▀{black}{rest}\x1b[0m"));
    }

    #[test]
    fn a_row_holds_as_many_digits_as_fit_across() {
        let images = [image(), image(), image()].concat();
        let text = lines(&images, 2, 28, theme(Charset::Ascii, Colors::None));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 28);
        assert_eq!((lines[1], lines[27]), ("@                            @", "@"));
        assert!(text.is_ascii() && !text.contains('\x1b'));
    }

    #[test]
    fn greys_are_the_nearest_that_xterm_has() {
        for (level, expected) in [(0, 16), (8, 232), (12, 232), (13, 233), (128, 244), (238, 255), (255, 231)] {
            assert_eq!(grey(level, Colors::Many), format!("5;{expected}"), "{level}");
        }
        assert_eq!(grey(7, Colors::True), "2;7;7;7");
    }
}
