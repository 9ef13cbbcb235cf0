//! A drawn screen as an SVG picture. Blocks, braille dots and lines are drawn as shapes, so that they join in every
//! viewer, whatever its font; everything else is text.

use std::{collections::BTreeMap, fmt::Write as _};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
    text::Span,
};

use super::{
    palette::{Rgb, of_256},
    pixels::{self, Picture},
};
use crate::text::markup::escape;

/// Width and height of a cell, in units of the picture.
const CELL: (usize, usize) = (10, 20);
/// Units around the screen.
const MARGIN: usize = 10;
/// Colours of a terminal's text and background.
const FRONT: Rgb = [230, 237, 243];
const BACK: Rgb = [13, 17, 23];

/// Paths by colour, in the syntax of SVG.
type Paths = BTreeMap<Rgb, String>;

/// A cell of the screen with its colours resolved.
#[derive(Debug, Clone, PartialEq)]
struct Seen<'a> {
    symbol: &'a str,
    glyph: Glyph,
    front: Rgb,
    back: Rgb,
    bold: bool,
    /// Columns that the symbol takes.
    width: usize,
}

/// The way in which a symbol is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Glyph {
    Blank,
    /// A rectangle over the full width: its top and its height, in eighths of the cell.
    Block(usize, usize),
    /// Braille dots; Unicode defines the bits.
    Dots(u32),
    /// A line from the middle towards the left, the right, up and down; its width in units, and whether a corner is
    /// round.
    Line([bool; 4], usize, bool),
    /// A dashed line from top to bottom.
    Dashes,
    Text,
}

/// Shapes and texts of a screen.
#[derive(Debug, Default)]
struct Layers {
    fills: Paths,
    blocks: Paths,
    dots: Paths,
    thin: Paths,
    heavy: Paths,
    texts: String,
}

/// Returns a screen, with `pictures` that are drawn as pixels, as an SVG file whose title, for readers that do not see it,
/// is `title`.
pub fn svg(buffer: &Buffer, pictures: &[Picture], title: &str) -> String {
    let (columns, rows) = (usize::from(buffer.area.width), usize::from(buffer.area.height));
    let mut layers = Layers::default();
    for (y, row) in buffer.content.chunks(columns.max(1)).enumerate() {
        let seen: Vec<Seen> = row.iter().map(seen).collect();
        layers.add_shapes(&seen, y);
        layers.add_texts(&seen, y);
    }
    let (width, height) = (columns * CELL.0 + 2 * MARGIN, rows * CELL.1 + 2 * MARGIN);
    let title = escape(title);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         xml:space=\"preserve\" font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
         font-size=\"16\">\n<title>{title}</title>\n<rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{}\"/>\n\
         <g transform=\"translate({MARGIN} {MARGIN})\">\n",
        hex(BACK)
    );
    for (colour, path) in layers.fills.iter().chain(&layers.blocks) {
        _ = writeln!(svg, "<path fill=\"{}\" shape-rendering=\"crispEdges\" d=\"{path}\"/>", hex(*colour));
    }
    for (paths, style) in [
        (&layers.thin, "stroke-width=\"1.5\""),
        (&layers.heavy, "stroke-width=\"4\""),
        (&layers.dots, "stroke-width=\"3\" stroke-linecap=\"round\""),
    ] {
        for (colour, path) in paths {
            _ = writeln!(svg, "<path fill=\"none\" stroke=\"{}\" {style} d=\"{path}\"/>", hex(*colour));
        }
    }
    pictures.iter().for_each(|picture| svg += &image(picture));
    svg + &layers.texts + "</g>\n</svg>\n"
}

/// Returns pictures as an image, with two pixels for each unit.
fn image(picture: &Picture) -> String {
    let cell = (2 * CELL.0 as u16, 2 * CELL.1 as u16);
    let [x, width] = [picture.area.x, picture.area.width].map(|columns| usize::from(columns) * CELL.0);
    let [y, height] = [picture.area.y, picture.area.height].map(|rows| usize::from(rows) * CELL.1);
    let data = BASE64.encode(pixels::png(picture, cell));
    format!(
        "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" href=\"data:image/png;base64,{data}\"/>\n"
    )
}

impl Layers {
    /// Adds the backgrounds, blocks, dots and lines of a row.
    fn add_shapes(&mut self, row: &[Seen], y: usize) {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a.back == b.back) {
            if run[0].back != BACK {
                *self.fills.entry(run[0].back).or_default() += &rectangle(x, y, run.len(), 0, 8);
            }
            x += run.len();
        }
        let mut x = 0;
        for run in row.chunk_by(|a, b| a.glyph == b.glyph && a.front == b.front) {
            let (glyph, front) = (run[0].glyph, run[0].front);
            match glyph {
                Glyph::Blank | Glyph::Text => {}
                Glyph::Block(top, height) => {
                    *self.blocks.entry(front).or_default() += &rectangle(x, y, run.len(), top, height);
                }
                Glyph::Dots(bits) => {
                    let path = self.dots.entry(front).or_default();
                    (x..x + run.len()).for_each(|x| *path += &dots(x, y, bits));
                }
                Glyph::Dashes => {
                    let path = self.thin.entry(front).or_default();
                    *path += &format!("M{} {}v4m0 4v4m0 4v4", x * CELL.0 + CELL.0 / 2, y * CELL.1 + 1);
                }
                Glyph::Line(arms, width, round) => {
                    let paths = if width > 1 { &mut self.heavy } else { &mut self.thin };
                    let path = paths.entry(front).or_default();
                    (x..x + run.len()).for_each(|x| *path += &line(x, y, arms, round));
                }
            }
            x += run.len();
        }
    }

    /// Adds the texts of a row: an element for each run of one colour. Its length is given, so that every font keeps to
    /// the columns.
    fn add_texts(&mut self, row: &[Seen], y: usize) {
        let mut x = 0;
        let joined = |a: &Seen, b: &Seen| {
            let is_text = |cell: &Seen| matches!(cell.glyph, Glyph::Text | Glyph::Blank);
            is_text(a) && is_text(b) && (a.front, a.bold) == (b.front, b.bold)
        };
        for run in row.chunk_by(joined) {
            let before = run.iter().take_while(|cell| cell.glyph == Glyph::Blank).count();
            let mut text = String::new();
            let mut covered = 0;
            for cell in &run[before..] {
                if covered == 0 {
                    text += cell.symbol;
                    covered = cell.width;
                }
                covered = covered.saturating_sub(1);
            }
            let text = text.trim_end();
            if before < run.len() && run[before].glyph == Glyph::Text {
                let columns = Span::raw(text).width();
                let weight = if run[before].bold { " font-weight=\"bold\"" } else { "" };
                _ = writeln!(
                    self.texts,
                    "<text x=\"{}\" y=\"{}\" textLength=\"{}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{weight}>{}</text>",
                    (x + before) * CELL.0,
                    y * CELL.1 + 15,
                    columns * CELL.0,
                    hex(run[before].front),
                    escape(text)
                );
            }
            x += run.len();
        }
    }
}

/// Resolves a cell's colours: reversed and dimmed as a terminal does it.
fn seen(cell: &Cell) -> Seen<'_> {
    let style = cell.style();
    let modifiers = style.add_modifier;
    let mut front = rgb(style.fg.unwrap_or(Color::Reset), FRONT);
    let mut back = rgb(style.bg.unwrap_or(Color::Reset), BACK);
    if modifiers.contains(Modifier::REVERSED) {
        std::mem::swap(&mut front, &mut back);
    }
    if modifiers.contains(Modifier::DIM) {
        front = mixed(front, back, 2, 1);
    }
    let symbol = cell.symbol();
    if symbol == "░" {
        front = mixed(front, back, 1, 3);
    }
    let bold = modifiers.contains(Modifier::BOLD);
    Seen { symbol, glyph: glyph(symbol), front, back, bold, width: Span::raw(symbol).width().max(1) }
}

fn glyph(symbol: &str) -> Glyph {
    let mut characters = symbol.chars();
    let (Some(c), None) = (characters.next(), characters.next()) else { return Glyph::Text };
    // The arms of a line: left, right, up, down.
    let line = |arms: &str| Glyph::Line(['l', 'r', 'u', 'd'].map(|arm| arms.contains(arm)), 1, "╭╮╰╯".contains(c));
    match c {
        ' ' | '\u{2800}' => Glyph::Blank,
        '█' | '░' => Glyph::Block(0, 8),
        '▀' => Glyph::Block(0, 4),
        '\u{2581}'..='\u{2587}' => {
            let eighths = c as usize - 0x2580;
            Glyph::Block(8 - eighths, eighths)
        }
        '■' => Glyph::Block(2, 4),
        '\u{2801}'..='\u{28ff}' => Glyph::Dots(c as u32 - 0x2800),
        '─' => line("lr"),
        '│' => line("ud"),
        '╭' | '┌' => line("rd"),
        '╮' | '┐' => line("ld"),
        '╰' | '└' => line("ru"),
        '╯' | '┘' => line("lu"),
        '├' => line("rud"),
        '┤' => line("lud"),
        '┬' => line("lrd"),
        '┴' => line("lru"),
        '┼' => line("lrud"),
        '━' => Glyph::Line([true, true, false, false], 2, false),
        '┃' => Glyph::Line([false, false, true, true], 2, false),
        '┊' => Glyph::Dashes,
        _ => Glyph::Text,
    }
}

/// A path around `columns` cells from column `x`, from the eighth `top` on, `height` eighths high.
fn rectangle(x: usize, y: usize, columns: usize, top: usize, height: usize) -> String {
    let unit = |eighths: usize| (eighths * CELL.1) as f64 / 8.0;
    let (left, width) = (x * CELL.0, columns * CELL.0);
    format!("M{left} {}h{width}v{}h-{width}z", (y * CELL.1) as f64 + unit(top), unit(height))
}

/// Points for the dots of a braille character: bits 0 to 2 and 6 are the left column from the top, 3 to 5 and 7 the
/// right one.
fn dots(x: usize, y: usize, bits: u32) -> String {
    const PLACES: [(usize, usize); 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
    let set = PLACES.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
    let point = |(column, row): (usize, usize)| {
        format!(
            "M{} {}h0",
            (x * CELL.0) as f64 + 2.5 + 5.0 * column as f64,
            (y * CELL.1) as f64 + 2.5 + 5.0 * row as f64
        )
    };
    set.map(|(_, place)| point(*place)).collect()
}

/// A path from the middle of a cell along its arms; a round corner is one curve from edge to edge.
fn line(x: usize, y: usize, [left, right, up, down]: [bool; 4], round: bool) -> String {
    let (x0, y0) = (x * CELL.0, y * CELL.1);
    let (middle, centre) = (x0 + CELL.0 / 2, y0 + CELL.1 / 2);
    let (side, end) = (if left { x0 } else { x0 + CELL.0 }, if up { y0 } else { y0 + CELL.1 });
    if round {
        return format!("M{side} {centre}Q{middle} {centre} {middle} {end}");
    }
    let mut path = String::new();
    for (arm, ends) in
        [(left, (x0, centre)), (right, (x0 + CELL.0, centre)), (up, (middle, y0)), (down, (middle, y0 + CELL.1))]
    {
        if arm {
            path += &format!("M{middle} {centre}L{} {}", ends.0, ends.1);
        }
    }
    path
}

/// The red, green and blue of a terminal's colour.
fn rgb(color: Color, reset: Rgb) -> Rgb {
    match color {
        Color::Reset => reset,
        Color::Rgb(r, g, b) => [r, g, b],
        Color::Indexed(index) => of_256(index),
        Color::Black => of_256(0),
        Color::Red => of_256(1),
        Color::Green => of_256(2),
        Color::Yellow => of_256(3),
        Color::Blue => of_256(4),
        Color::Magenta => of_256(5),
        Color::Cyan => of_256(6),
        Color::Gray => of_256(7),
        Color::DarkGray => of_256(8),
        Color::LightRed => of_256(9),
        Color::LightGreen => of_256(10),
        Color::LightYellow => of_256(11),
        Color::LightBlue => of_256(12),
        Color::LightMagenta => of_256(13),
        Color::LightCyan => of_256(14),
        Color::White => of_256(15),
    }
}

/// Two colours mixed in these shares.
fn mixed(a: Rgb, b: Rgb, of_a: u16, of_b: u16) -> Rgb {
    std::array::from_fn(|channel| ((u16::from(a[channel]) * of_a + u16::from(b[channel]) * of_b) / (of_a + of_b)) as u8)
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use ratatui::{layout::Rect, style::Style};

    use super::*;

    #[test]
    fn shapes_join_and_text_keeps_to_its_columns() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 3));
        buffer.set_string(0, 0, "╭──┬┊", Style::new());
        buffer.set_string(0, 1, "▀▀▄", Style::new().fg(Color::Indexed(232)).bg(Color::Indexed(196)));
        buffer.set_string(4, 1, "⢀⡀", Style::new().fg(Color::Rgb(1, 2, 3)));
        buffer.set_string(0, 2, "a <b>  日", Style::new().add_modifier(Modifier::REVERSED));
        let svg = svg(&buffer, &[], "a & b");
        for expected in [
            "width=\"140\" height=\"80\"",
            "<title>a &amp; b</title>",
            // Both upper halves in one rectangle, the lower half beside it, over one background.
            "fill=\"#ff0000\" shape-rendering=\"crispEdges\" d=\"M0 20h30v20h-30z\"",
            "fill=\"#080808\" shape-rendering=\"crispEdges\" d=\"M0 20h20v10h-20zM20 30h10v10h-10z\"",
            "stroke=\"#010203\" stroke-width=\"3\" stroke-linecap=\"round\" d=\"M47.5 37.5h0M52.5 37.5h0\"",
            "M10 10Q5 10 5 20",
            "textLength=\"90\" lengthAdjust=\"spacingAndGlyphs\" fill=\"#0d1117\">a &lt;b&gt;  日</text>",
        ] {
            assert!(svg.contains(expected), "{expected} in {svg}");
        }
        assert_eq!(svg.matches("<text").count(), 1, "{svg}");
    }

    #[test]
    fn every_symbol_and_colour_is_drawn() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 1, 1));
        for symbol in (0x20..0x7f).chain(0x2500..0x2600).chain(0x2800..0x2900).filter_map(char::from_u32) {
            buffer[(0, 0)].set_char(symbol);
            for color in 0..=255 {
                buffer[(0, 0)].set_fg(Color::Indexed(color));
                let svg = svg(&buffer, &[], "");
                assert!(svg.matches("<path").count() + svg.matches("<text").count() <= 1, "{svg}");
                if symbol > ' ' && symbol != '\u{2800}' {
                    assert!(svg.contains("<path") || svg.contains("<text"), "{symbol}");
                }
            }
        }
    }
}
