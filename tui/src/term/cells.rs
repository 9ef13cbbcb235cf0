//! Pictures as characters: pure functions from bytes to cells, for lines of text and for screens alike.

use std::fmt::Write;

use duel_models::Shape;

use super::{
    charset::Charset,
    theme::{Colors, Theme},
};

/// ASCII characters by rising luminance.
const RAMP: &[u8; 10] = b" .:-=+*#%@";

/// The luminance from which a dot or a half block is drawn, if the terminal cannot show shades.
const SET: u8 = 96;

/// Red, green and blue.
pub type Rgb = [u8; 3];

/// A picture.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// The shape.
    pub shape: Shape,
    /// [height, width, channels].
    pub bytes: &'a [u8],
}

/// A cell of a terminal with a part of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The character.
    pub glyph: char,
    /// Colours of foreground and background, where the terminal has enough of them.
    pub colours: Option<[Rgb; 2]>,
}

/// Returns the columns and rows of a picture whose cells are `scale` pixels wide and twice as high.
pub fn size(shape: Shape, scale: usize) -> (usize, usize) {
    (shape.width.div_ceil(scale), shape.height.div_ceil(2 * scale))
}

/// Draws `images`, [N, height, width, channels], as lines of text: `across` pictures in a row with a space between
/// them, each of the given [`size`].
pub fn lines(images: &[u8], shape: Shape, across: usize, scale: usize, theme: Theme) -> String {
    let (width, height) = size(shape, scale);
    let mut text = String::new();
    for row in images.chunks(across * shape.size()) {
        for y in 0..height {
            let line = |bytes| {
                let image = Image { shape, bytes };
                let cells: Vec<Cell> = (0..width).map(|x| cell(image, x, y, scale, theme)).collect();
                coloured(&cells, theme.colors)
            };
            let pictures: Vec<String> = row.chunks_exact(shape.size()).map(line).collect();
            text += pictures.join(" ").trim_end();
            text.push('\n');
        }
    }
    text
}

/// Returns the cell at column `x` and row `y` of a picture whose cells are `scale` pixels wide.
pub fn cell(image: Image, x: usize, y: usize, scale: usize, theme: Theme) -> Cell {
    if theme.charset == Charset::Braille {
        return Cell { glyph: braille(image, x, y, scale), colours: None };
    }
    let halves = [0, 1].map(|half| mean(image, (x * scale, (2 * y + half) * scale), scale));
    if theme.ascii() { ascii(halves) } else { half_block(halves, theme.colors) }
}

/// Returns the mean colour of the square of `side` pixels whose top left pixel is at column `x` and row `y`. Pixels
/// outside the picture do not count; a square without a pixel of the picture is black.
fn mean(image: Image, (x, y): (usize, usize), side: usize) -> Rgb {
    let Shape { channels, height, width, .. } = image.shape;
    let (mut sums, mut count) = ([0usize; 3], 0);
    for y in y..height.min(y + side) {
        for x in x..width.min(x + side) {
            let pixel = &image.bytes[(y * width + x) * channels..][..channels];
            for (channel, sum) in sums.iter_mut().enumerate() {
                *sum += usize::from(pixel[channel % channels]);
            }
            count += 1;
        }
    }
    sums.map(|sum| (sum / count.max(1)) as u8)
}

/// Returns the luminance of a colour (Rec. 709, without gamma).
fn luminance([r, g, b]: Rgb) -> u8 {
    let [r, g, b] = [r, g, b].map(u32::from);
    ((2126 * r + 7152 * g + 722 * b + 5000) / 10_000) as u8
}

fn ascii(halves: [Rgb; 2]) -> Cell {
    let sum: usize = halves.into_iter().map(|half| usize::from(luminance(half))).sum();
    // The step of the ramp that is nearest to the mean of both halves.
    let step = (sum * (RAMP.len() - 1) + 255) / (2 * 255);
    Cell { glyph: RAMP[step].into(), colours: None }
}

fn half_block(halves: [Rgb; 2], colors: Colors) -> Cell {
    if matches!(colors, Colors::Many | Colors::True) {
        return Cell { glyph: '▀', colours: Some(halves) };
    }
    let glyph = match halves.map(|half| luminance(half) >= SET) {
        [true, true] => '█',
        [true, false] => '▀',
        [false, true] => '▄',
        [false, false] => ' ',
    };
    Cell { glyph, colours: None }
}

/// Returns the braille character of a cell: two columns and four rows of dots, each of `scale` / 2 pixels. Unicode
/// numbers the dots of the lowest row last.
fn braille(image: Image, x: usize, y: usize, scale: usize) -> char {
    let dots = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
    let set = dots.iter().enumerate().filter(|(_, (dx, dy))| {
        let place = ((2 * x + dx) * scale / 2, (4 * y + dy) * scale / 2);
        luminance(mean(image, place, scale.div_ceil(2))) >= SET
    });
    let bits: u32 = set.map(|(bit, _)| 1 << bit).sum();
    char::from_u32(0x2800 + bits).expect("eight bits over U+2800 are braille")
}

/// Joins cells, with an escape sequence wherever their colours change and one at the end.
fn coloured(cells: &[Cell], colors: Colors) -> String {
    let mut text = String::new();
    let mut current = None;
    for cell in cells {
        if cell.colours != current {
            if let Some([front, back]) = cell.colours {
                let (front, back) = (parameters(front, colors), parameters(back, colors));
                write!(text, "\x1b[38;{front};48;{back}m").expect("a string takes what is written to it");
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

/// Returns the parameters of ISO 8613-6 for a colour: 24 bits, or one of 256.
fn parameters(colour: Rgb, colors: Colors) -> String {
    match (colors, colour) {
        (Colors::True, [r, g, b]) => format!("2;{r};{g};{b}"),
        _ => format!("5;{}", xterm(colour)),
    }
}

/// Returns the nearest of xterm's 256 colours. A grey becomes black, white or one of the 24 greys; any other colour
/// becomes one of the cube of 6 × 6 × 6 colours.
pub fn xterm([r, g, b]: Rgb) -> u8 {
    if r == g && g == b {
        return match r {
            0..=3 => 16,
            247.. => 231,
            // xterm's grey n is 8 + 10 n.
            level => 232 + ((u16::from(level) + 5).saturating_sub(8) / 10).min(23) as u8,
        };
    }
    // The levels of the cube are 0, 95, 135, 175, 215 and 255.
    let [r, g, b] = [r, g, b].map(|level| match level {
        0..=47 => 0,
        48..=114 => 1,
        level => (level - 35) / 40,
    });
    16 + 36 * r + 6 * g + b
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
        Theme { charset, colors }
    }

    #[test]
    fn the_first_cells_of_a_digit() {
        let (bytes, shape) = (image(), shape("1x28x28"));
        for (charset, scale, colors, expected) in [
            (Charset::Ascii, 1, Colors::True, "@ :"),
            (Charset::Ascii, 2, Colors::True, "=. "),
            (Charset::Half, 1, Colors::None, "█ ▀"),
            (Charset::Half, 1, Colors::Sixteen, "█ ▀"),
            (Charset::Half, 2, Colors::None, "█  "),
            (Charset::Braille, 2, Colors::True, "⡇⠁⠀"),
        ] {
            let theme = theme(charset, colors);
            assert_eq!(lines(&bytes, shape, 1, scale, theme).lines().count(), 14 / scale);
            let glyph = |x| cell(Image { shape, bytes: &bytes }, x, 0, scale, theme).glyph;
            assert_eq!((0..3).map(glyph).collect::<String>(), expected, "{charset:?} {scale} {colors:?}");
        }
    }

    #[test]
    fn colour_pictures_keep_their_colours_or_only_their_luminance() {
        // Red above blue, 9 wide and 11 high: the last cells reach beyond the picture.
        let shape = shape("3x11x9");
        let bytes: Vec<u8> =
            (0..11 * 9).flat_map(|at| if at / 9 % 2 == 0 { [255, 0, 0] } else { [0, 0, 255] }).collect();
        let image = Image { shape, bytes: &bytes };
        assert_eq!(size(shape, 2), (5, 3));
        let colours = |x, y, scale| cell(image, x, y, scale, theme(Charset::Half, Colors::True)).colours;
        assert_eq!(colours(0, 0, 1), Some([[255, 0, 0], [0, 0, 255]]));
        assert_eq!(colours(8, 5, 1), Some([[255, 0, 0], [0, 0, 0]]), "below the picture it is black");
        assert_eq!(colours(4, 0, 2), Some([[127, 0, 127]; 2]));
        assert_eq!((luminance([255, 0, 0]), luminance([9; 3])), (54, 9));
        let row = lines(&bytes, shape, 1, 1, theme(Charset::Half, Colors::Many));
        assert!(row.starts_with("\x1b[38;5;196;48;5;21m▀▀"), "{row:?}");
        assert!(lines(&bytes, shape, 1, 2, theme(Charset::Ascii, Colors::None)).starts_with(".....\n"));
        lines(&bytes, shape, 1, 2, theme(Charset::Braille, Colors::None));
    }

    #[test]
    fn an_escape_sequence_stands_only_where_colours_change() {
        let text = lines(&image(), shape("1x28x28"), 1, 1, theme(Charset::Half, Colors::Many));
        let first = text.lines().next().expect("fourteen lines");
        let black = "\x1b[38;5;16;48;5;16m";
        let rest = "▀".repeat(25);
        assert_eq!(first, format!("\x1b[38;5;231;48;5;231m▀{black}▀\x1b[38;5;244;48;5;16m▀{black}{rest}\x1b[0m"));
    }

    #[test]
    fn a_row_holds_as_many_pictures_as_fit_across() {
        let images = [image(), image(), image()].concat();
        let text = lines(&images, shape("1x28x28"), 2, 1, theme(Charset::Ascii, Colors::None));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 28);
        assert_eq!((lines[1], lines[27]), ("@                            @", "@"));
        assert!(text.is_ascii() && !text.contains('\x1b'));
    }

    #[test]
    fn colours_are_the_nearest_that_xterm_has() {
        for (level, expected) in [(0, 16), (8, 232), (12, 232), (13, 233), (128, 244), (238, 255), (255, 231)] {
            assert_eq!(parameters([level; 3], Colors::Many), format!("5;{expected}"), "{level}");
        }
        for (colour, expected) in [([255, 0, 0], 196), ([0, 95, 135], 24), ([10, 90, 120], 24), ([255, 255, 240], 231)]
        {
            assert_eq!(xterm(colour), expected, "{colour:?}");
        }
        assert_eq!(parameters([7, 8, 9], Colors::True), "2;7;8;9");
    }
}
