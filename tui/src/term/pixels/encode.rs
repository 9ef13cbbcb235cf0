//! Escape sequences that show a picture, or take it away.

use std::fmt::Write;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use ratatui::layout::Rect;

use super::{
    Picture,
    compose::{compose, encode_png},
    quantise::{Indexed, quantise},
    query::{PixelTerminal, Protocol},
};

/// The largest piece of kitty's protocol, in bytes of base64.
const PIECE: usize = 4096;

/// The detail with which a picture is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detail {
    /// The resolution is divided by this number.
    pub divisor: usize,
    /// The number of colours; none for 24 bits.
    pub colours: Option<usize>,
}

/// The details from the finest to the coarsest.
pub const DETAILS: [Detail; 9] = [
    Detail { divisor: 1, colours: None },
    Detail { divisor: 1, colours: Some(256) },
    Detail { divisor: 1, colours: Some(64) },
    Detail { divisor: 2, colours: Some(256) },
    Detail { divisor: 2, colours: Some(48) },
    Detail { divisor: 3, colours: Some(48) },
    Detail { divisor: 4, colours: Some(24) },
    Detail { divisor: 4, colours: Some(12) },
    Detail { divisor: 6, colours: Some(12) },
];

/// Returns the sequence that shows a picture at the cursor, without moving the cursor where the protocol allows that.
pub fn show(picture: &Picture, terminal: PixelTerminal, id: u32, detail: Detail) -> String {
    let composed = compose(picture, terminal.cell, detail.divisor);
    let Rect { width, height, .. } = picture.area;
    match terminal.protocol {
        Protocol::Kitty => kitty(&encode_png(&composed, detail.colours), (width, height), id),
        Protocol::Iterm2 => iterm2(&encode_png(&composed, detail.colours), (width, height)),
        // Sixel has 256 colours at most.
        Protocol::Sixel => {
            let indexed = quantise(&composed.rgba, detail.colours.unwrap_or(256));
            sixel(&indexed, composed.width, detail.divisor)
        }
    }
}

/// Returns the sequence that takes a picture away. Its cells are blank afterwards.
pub fn erase(area: Rect, terminal: PixelTerminal, id: u32) -> String {
    let mut text = String::new();
    if terminal.protocol == Protocol::Kitty {
        _ = write!(text, "\x1b_Ga=d,d=I,i={id},q=2\x1b\\");
        return text;
    }
    let blank = " ".repeat(area.width.into());
    for y in area.y..area.bottom() {
        _ = write!(text, "{}{blank}", place(area.x, y));
    }
    text
}

/// Returns the sequence that moves the cursor to a cell.
pub fn place(x: u16, y: u16) -> String {
    format!("\x1b[{};{}H", y + 1, x + 1)
}

/// Returns a PNG in kitty's graphics protocol (sw.kovidgoyal.net/kitty/graphics-protocol), scaled to `width` × `height` cells.
/// A picture with the same id is replaced. The terminal answers nothing (q=2) and leaves the cursor (C=1).
fn kitty(png: &[u8], (width, height): (u16, u16), id: u32) -> String {
    let data = BASE64.encode(png);
    let mut text = String::with_capacity(data.len() + 200);
    let pieces = data.len().div_ceil(PIECE);
    for (at, piece) in data.as_bytes().chunks(PIECE).enumerate() {
        let more = u8::from(at + 1 < pieces);
        let control = match at {
            0 => format!("a=T,q=2,f=100,i={id},p=1,c={width},r={height},C=1,m={more}"),
            _ => format!("q=2,m={more}"),
        };
        _ = write!(text, "\x1b_G{control};{}\x1b\\", String::from_utf8_lossy(piece));
    }
    text
}

/// Returns a PNG as an image of iTerm2 (iterm2.com/documentation-images.html), scaled to `width` × `height` cells.
fn iterm2(png: &[u8], (width, height): (u16, u16)) -> String {
    let (size, data) = (png.len(), BASE64.encode(png));
    format!(
        "\x1b]1337;File=inline=1;size={size};width={width};height={height};preserveAspectRatio=0;doNotMoveCursor=1:{data}\x07"
    )
}

/// Returns a picture as sixels, each of its pixels a square of `zoom` × `zoom` (VT330/VT340 Programmer Reference Manual,
/// chapter 14). Transparent pixels get the terminal's background.
fn sixel(picture: &Indexed, width: usize, zoom: usize) -> String {
    let rows = picture.indices.len() / width;
    let mut text = format!("\x1bP0;0;0q\"1;1;{};{}", width * zoom, rows * zoom);
    for (index, colour) in picture.palette.iter().enumerate().skip(1) {
        let [r, g, b] = colour.map(|level| (u32::from(level) * 100 + 127) / 255);
        _ = write!(text, "#{index};2;{r};{g};{b}");
    }
    for top in (0..rows * zoom).step_by(6) {
        let row = |line: usize| -> &[u8] {
            let row = (top + line) / zoom;
            if row < rows { &picture.indices[row * width..][..width] } else { &[] }
        };
        let lines: [&[u8]; 6] = std::array::from_fn(row);
        band(&lines, picture.palette.len(), zoom, &mut text);
        text.push('-');
    }
    text + "\x1b\\"
}

/// Adds six rows of pixels: for each of their colours the columns in which it is, as one character each, and then the start
/// of the line again.
fn band(lines: &[&[u8]; 6], colours: usize, zoom: usize, text: &mut String) {
    let mut columns = vec![None::<Vec<u8>>; colours];
    for (bit, line) in lines.iter().enumerate() {
        for (x, index) in line.iter().enumerate().filter(|(_, index)| **index > 0) {
            let columns = columns[usize::from(*index)].get_or_insert_with(|| vec![0; lines[0].len()]);
            columns[x] |= 1 << bit;
        }
    }
    for (index, columns) in columns.iter().enumerate() {
        let Some(columns) = columns else { continue };
        let end = columns.iter().rposition(|bits| *bits > 0).map_or(0, |last| last + 1);
        _ = write!(text, "#{index}");
        for run in columns[..end].chunk_by(|a, b| a == b) {
            let (count, character) = (run.len() * zoom, char::from(b'?' + run[0]));
            match count {
                0..=3 => text.extend(std::iter::repeat_n(character, count)),
                _ => _ = write!(text, "!{count}{character}"),
            }
        }
        text.push('$');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Rect = Rect { x: 3, y: 1, width: 4, height: 2 };

    fn terminal(protocol: Protocol) -> PixelTerminal {
        PixelTerminal { protocol, cell: (8, 16), first_id: 257 }
    }

    fn picture() -> Picture {
        let shape = "3x8x8".parse().expect("a shape");
        let images = (0..192u32).map(|at| (at * 73 % 256) as u8).collect();
        Picture { area: AREA, tile: (4, 2), across: 1, shape, images, mark: None }
    }

    #[test]
    fn every_protocol_shows_and_erases() {
        for (protocol, start, end) in [
            (Protocol::Kitty, "\x1b_Ga=T,q=2,f=100,i=257,p=1,c=4,r=2,C=1,m=0;iVBORw0KGgo", "\x1b\\"),
            (Protocol::Iterm2, "\x1b]1337;File=inline=1;size=", "\x07"),
            (Protocol::Sixel, "\x1bP0;0;0q\"1;1;32;32#1;2;", "-\x1b\\"),
        ] {
            for detail in DETAILS {
                let text = show(&picture(), terminal(protocol), 257, detail);
                let smaller = protocol == Protocol::Sixel && 32 % detail.divisor > 0;
                let start = if smaller { "\x1bP0;0;0q\"1;1;30;30" } else { start };
                assert!(text.starts_with(start) && text.ends_with(end), "{protocol:?} {detail:?}: {text:?}");
            }
        }
        assert_eq!(erase(AREA, terminal(Protocol::Kitty), 257), "\x1b_Ga=d,d=I,i=257,q=2\x1b\\");
        assert_eq!(erase(AREA, terminal(Protocol::Sixel), 257), "\x1b[2;4H    \x1b[3;4H    ");
    }

    #[test]
    fn a_large_picture_of_kitty_is_sent_in_pieces() {
        let text = kitty(&[7; 10_000], (4, 2), 1);
        let pieces: Vec<&str> = text.split_terminator("\x1b\\").collect();
        assert_eq!(pieces.len(), 4);
        assert!(pieces[0].contains(",m=1;") && pieces[1].starts_with("\x1b_Gq=2,m=1;"), "{}", pieces[1]);
        assert!(pieces[3].starts_with("\x1b_Gq=2,m=0;"));
        let data: String = pieces.iter().filter_map(|piece| piece.split_once(';')).map(|(_, data)| data).collect();
        assert_eq!(BASE64.decode(data).expect("base64"), [7; 10_000]);
    }

    #[test]
    fn sixels_are_those_of_the_manual() {
        // Two columns of red, a transparent one, one of blue, seven rows high, each pixel doubled.
        let indices = [1, 1, 0, 2].repeat(7);
        let picture = Indexed { palette: vec![[0; 3], [255, 0, 0], [0, 0, 255]], indices };
        assert_eq!(
            sixel(&picture, 4, 1),
            "\x1bP0;0;0q\"1;1;4;7#1;2;100;0;0#2;2;0;0;100#1~~$#2???~$-#1@@$#2???@$-\x1b\\"
        );
        assert!(sixel(&picture, 4, 2).contains("#1!4~$#2!6?~~$-#1!4~$#2!6?~~$-#1!4B$#2!6?BB$-\x1b\\"));
    }
}
