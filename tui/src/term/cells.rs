//! Pictures as characters: pure functions from bytes to cells, for lines of text and for screens alike.

use std::fmt::Write;

use duel_models::Shape;
use ratatui::style::Color;

use super::{
    charset::Charset,
    palette::{Rgb, luma, nearest_of_16, nearest_of_256},
    resize::{Image, scale},
    theme::{Colors, Theme},
};

/// ASCII characters by rising luminance.
const RAMP: &[u8; 10] = b" .:-=+*#%@";

/// The luma from which a dot of a grey picture is set where a dot is on or off: dithered, the edges of digits would fray.
const SET: u8 = 96;

/// The lowest and the highest luma from which a dot of a picture in colour is set: its tones are dithered.
const DITHER: (u16, u16) = (32, 192);

/// The order in which dots are set as a tone rises (Bayer 1973, the matrix of 4 × 4).
const BAYER: [[u16; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// A cell of a terminal with a part of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The character.
    pub glyph: char,
    /// Colours of foreground and background, where the terminal has colours.
    pub colours: Option<[Color; 2]>,
}

/// Returns the columns and rows of a picture of `size` pixels: a cell is a pixel wide and two pixels high.
pub fn columns_and_rows((width, height): (usize, usize)) -> (usize, usize) {
    (width, height.div_ceil(2))
}

/// Draws `images`, [N, height, width, channels], as lines of text: `across` pictures in a row with a space between
/// them, each scaled to `size` pixels, of which a cell has one in its width and two in its height.
pub fn lines(images: &[u8], shape: Shape, across: usize, size: (usize, usize), theme: Theme) -> String {
    let mut text = String::new();
    let (columns, rows) = columns_and_rows(size);
    for row in images.chunks(across * shape.size()) {
        let pictures = row.chunks_exact(shape.size()).map(|bytes| cells(Image { shape, bytes }, size, theme));
        let pictures: Vec<Vec<Cell>> = pictures.collect();
        for y in 0..rows {
            let line = |cells: &Vec<Cell>| coloured(&cells[y * columns..][..columns]);
            text += pictures.iter().map(line).collect::<Vec<String>>().join(" ").trim_end();
            text.push('\n');
        }
    }
    text
}

/// Draws a picture scaled to `size` pixels; returns its cells row by row. Braille has twice as many dots in each
/// direction. Half blocks are drawn instead of braille where there are colours, and where dots would be finer than the
/// picture's pixels.
pub fn cells(image: Image, size: (usize, usize), theme: Theme) -> Vec<Cell> {
    let (columns, rows) = columns_and_rows(size);
    let places = (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y)));
    let finer = 2 * size.0 > image.shape.width;
    if theme.charset == Charset::Ascii {
        let picture = Dots::of(image, size);
        places.map(|(x, y)| ascii(&picture, x, y)).collect()
    } else if theme.colors == Colors::None && theme.charset != Charset::Half && !finer {
        let picture = Dots::of(image, (2 * size.0, 2 * size.1));
        places.map(|(x, y)| braille(&picture, x, y)).collect()
    } else {
        let picture = Dots::of(image, size);
        places.map(|(x, y)| half_block(&picture, x, y, theme.colors)).collect()
    }
}

/// A scaled picture.
struct Dots {
    width: usize,
    pixels: Vec<Rgb>,
    is_grey: bool,
}

impl Dots {
    fn of(image: Image, size: (usize, usize)) -> Self {
        Self { width: size.0, pixels: scale(image, size), is_grey: image.shape.channels == 1 }
    }

    /// Returns a pixel; none below the picture.
    fn at(&self, x: usize, y: usize) -> Option<Rgb> {
        self.pixels.get(y * self.width + x).copied()
    }

    /// Tells whether a dot is set.
    fn is_set(&self, x: usize, y: usize) -> bool {
        let dithered = DITHER.0 + (DITHER.1 - DITHER.0) * BAYER[y % 4][x % 4] / 15;
        let threshold = if self.is_grey { SET.into() } else { dithered };
        self.at(x, y).is_some_and(|colour| u16::from(luma(colour)) >= threshold)
    }
}

fn ascii(picture: &Dots, x: usize, y: usize) -> Cell {
    let light = |y| picture.at(x, y).map_or(0, |colour| usize::from(luma(colour)));
    // The step of the ramp that is nearest to the mean of both halves.
    let step = ((light(2 * y) + light(2 * y + 1)) * (RAMP.len() - 1) + 255) / (2 * 255);
    Cell { glyph: RAMP[step].into(), colours: None }
}

fn half_block(picture: &Dots, x: usize, y: usize, colors: Colors) -> Cell {
    let [above, below] = [2 * y, 2 * y + 1];
    if colors != Colors::None {
        // Below the picture is the terminal's own background.
        let color = |y| picture.at(x, y).map_or(Color::Reset, |colour| color(colour, colors));
        return Cell { glyph: '▀', colours: Some([color(above), color(below)]) };
    }
    let glyph = match [above, below].map(|y| picture.is_set(x, y)) {
        [true, true] => '█',
        [true, false] => '▀',
        [false, true] => '▄',
        [false, false] => ' ',
    };
    Cell { glyph, colours: None }
}

/// Returns the braille character of a cell: two columns and four rows of dots. Unicode numbers the lowest row last.
fn braille(picture: &Dots, x: usize, y: usize) -> Cell {
    let dots = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
    let set = dots.iter().enumerate().filter(|(_, (dx, dy))| picture.is_set(2 * x + dx, 4 * y + dy));
    let bits: u32 = set.map(|(bit, _)| 1 << bit).sum();
    let glyph = char::from_u32(0x2800 + bits).expect("eight bits over U+2800 are braille");
    Cell { glyph, colours: None }
}

/// Returns the terminal's colour for a colour. 24 bits are rounded to 18, and a grey is one of the 256: so fewer cells change
/// and each takes fewer bytes, and the difference cannot be seen. 16 colours are not dithered: in so few cells that is noise.
fn color(colour: Rgb, colors: Colors) -> Color {
    match colors {
        Colors::True if colour != [colour[0]; 3] => {
            // The 6 upper bits, and the 2 highest again below them, so that black and white stay.
            let [r, g, b] = colour.map(|level| level & 0xfc | level >> 6);
            Color::Rgb(r, g, b)
        }
        Colors::Sixteen => Color::Indexed(nearest_of_16(colour)),
        _ => Color::Indexed(nearest_of_256(colour)),
    }
}

/// Joins cells, with an escape sequence wherever their colours change and one at the end.
fn coloured(cells: &[Cell]) -> String {
    let mut text = String::new();
    let mut current = None;
    for cell in cells {
        if cell.colours != current {
            if let Some([front, back]) = cell.colours {
                let (front, back) = (parameters(front, 30), parameters(back, 40));
                write!(text, "\x1b[{front};{back}m").expect("a string takes what is written to it");
            }
            current = cell.colours;
        }
        text.push(cell.glyph);
    }
    if current.is_some() {
        text += "\x1b[0m";
    }
    text
}

/// Returns the parameters of SGR for a colour of the text (`base` 30) or its background (`base` 40): 24 bits or one of 256
/// (ISO 8613-6), one of 16, or the terminal's own.
fn parameters(color: Color, base: u8) -> String {
    match color {
        Color::Rgb(r, g, b) => format!("{};2;{r};{g};{b}", base + 8),
        Color::Indexed(index @ 0..=7) => format!("{}", base + index),
        Color::Indexed(index @ 8..=15) => format!("{}", base + 60 + index - 8),
        Color::Indexed(index) => format!("{};5;{index}", base + 8),
        _ => format!("{}", base + 9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Shape {
        text.parse().expect("a shape")
    }

    /// A black picture of 28×28 pixels with a white left column and a grey pixel at (2, 0).
    fn image() -> Vec<u8> {
        let mut image = vec![0; 28 * 28];
        image.iter_mut().step_by(28).for_each(|pixel| *pixel = 255);
        image[2] = 128;
        image
    }

    fn theme(charset: Charset, colors: Colors) -> Theme {
        Theme { charset, colors, is_light: false }
    }

    #[test]
    fn the_first_cells_of_a_digit() {
        let (bytes, shape) = (image(), shape("1x28x28"));
        for (charset, side, colors, expected) in [
            (Charset::Ascii, 28, Colors::True, "@ :"),
            (Charset::Ascii, 14, Colors::True, "#. "),
            (Charset::Half, 28, Colors::None, "█ ▀"),
            (Charset::Half, 14, Colors::None, "█  "),
            (Charset::Braille, 14, Colors::None, "⡇⠁⠀"),
            // Dots would be finer than pixels.
            (Charset::Braille, 28, Colors::None, "█ ▀"),
            (Charset::Braille, 14, Colors::True, "▀▀▀"),
        ] {
            let cells = cells(Image { shape, bytes: &bytes }, (side, side), theme(charset, colors));
            assert_eq!(cells.len(), side * side / 2);
            let glyphs: String = cells[..3].iter().map(|cell| cell.glyph).collect();
            assert_eq!(glyphs, expected, "{charset:?} {side} {colors:?}");
        }
    }

    #[test]
    fn colours_are_kept_where_there_are_any_and_else_their_luminance() {
        // Rows of red and blue, 9 wide and 11 high: the last cells reach beyond the picture.
        let shape = shape("3x11x9");
        let bytes: Vec<u8> =
            (0..11 * 9).flat_map(|at| if at / 9 % 2 == 0 { [255, 0, 0] } else { [0, 0, 255] }).collect();
        let draw = |size, charset, colors| cells(Image { shape, bytes: &bytes }, size, theme(charset, colors));
        let (red, blue) = (Color::Rgb(255, 0, 0), Color::Rgb(0, 0, 255));
        let cells = draw((9, 11), Charset::Half, Colors::True);
        assert_eq!((cells.len(), cells[0].colours), (54, Some([red, blue])));
        assert_eq!(cells[53].colours, Some([red, Color::Reset]), "below the picture is the terminal's background");
        let mixed = draw((1, 1), Charset::Half, Colors::True)[0].colours;
        assert_eq!(mixed, Some([Color::Rgb(195, 0, 182), Color::Reset]), "6 rows of red and 5 of blue, in 18 bits");
        for (colors, expected) in
            [(Colors::Many, "\x1b[38;5;196;48;5;21m▀▀▀"), (Colors::True, "\x1b[38;2;255;0;0;48;2;0;0;255m▀▀")]
        {
            let row = lines(&bytes, shape, 1, (9, 11), theme(Charset::Half, colors));
            assert!(row.starts_with(expected), "{row:?}");
        }
        assert!(lines(&bytes, shape, 1, (9, 11), theme(Charset::Ascii, Colors::None)).starts_with("....."));
    }

    #[test]
    fn an_escape_sequence_stands_only_where_colours_change() {
        let text = lines(&image(), shape("1x28x28"), 1, (28, 28), theme(Charset::Half, Colors::Many));
        let first = text.lines().next().expect("fourteen lines");
        let black = "\x1b[38;5;16;48;5;16m";
        let rest = "▀".repeat(25);
        assert_eq!(first, format!("\x1b[38;5;231;48;5;231m▀{black}▀\x1b[38;5;244;48;5;16m▀{black}{rest}\x1b[0m"));
    }

    #[test]
    fn a_row_holds_as_many_pictures_as_fit_across() {
        let images = [image(), image(), image()].concat();
        let text = lines(&images, shape("1x28x28"), 2, (28, 28), theme(Charset::Ascii, Colors::None));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 28);
        assert_eq!((lines[1], lines[27]), ("@                            @", "@"));
        assert!(text.is_ascii() && !text.contains('\x1b'));
    }

    #[test]
    fn tones_of_a_picture_in_colour_are_dithered() {
        let shape = shape("3x8x8");
        for (level, expected) in [(31, "⠀⠀"), (80, "⠕⠅"), (120, "⢝⢕"), (192, "⣿⣿")] {
            let text = lines(&[level; 192], shape, 1, (4, 8), theme(Charset::Braille, Colors::None));
            assert!(text.starts_with(expected), "{level}: {text}");
        }
    }

    #[test]
    fn every_colour_has_its_code() {
        let text =
            lines(&[255, 10, 10].repeat(64), shape("3x8x8"), 1, (8, 8), theme(Charset::Braille, Colors::Sixteen));
        assert!(text.starts_with("\x1b[91;101m▀▀"), "{text:?}");
        for (color, expected) in [
            (Color::Indexed(1), "31 41"),
            (Color::Indexed(9), "91 101"),
            (Color::Rgb(7, 8, 9), "38;2;7;8;9 48;2;7;8;9"),
            (Color::Indexed(196), "38;5;196 48;5;196"),
            (Color::Reset, "39 49"),
        ] {
            assert_eq!(format!("{} {}", parameters(color, 30), parameters(color, 40)), expected);
        }
    }
}
