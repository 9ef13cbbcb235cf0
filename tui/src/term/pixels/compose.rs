//! Pictures side by side as one picture of the size of their cells.

use png::{BitDepth, ColorType, Compression, Encoder, Filter};

use super::{
    Picture,
    quantise::{Indexed, quantise},
};
use crate::term::resize::{Image, fit, scale};

/// The colour of the frame around a marked picture.
const MARK: [u8; 4] = [126, 200, 126, 255];

/// Pixels between a picture and the edge of its cells, and the width of a frame.
const MARGIN: usize = 2;

/// Transparent where no picture is.
#[derive(Debug)]
pub struct Composed {
    /// Columns of pixels.
    pub width: usize,
    /// Rows of pixels.
    pub height: usize,
    /// [height, width, 4].
    pub rgba: Vec<u8>,
}

/// Places the pictures in their tiles, for cells of `cell` pixels, at 1 / `divisor` of the resolution.
pub fn compose(picture: &Picture, cell: (u16, u16), divisor: usize) -> Composed {
    let pixels = |columns: u16, rows: u16| {
        let side = |cells: u16, pixels: u16| (usize::from(cells) * usize::from(pixels) / divisor).max(1);
        (side(columns, cell.0), side(rows, cell.1))
    };
    let (width, height) = pixels(picture.area.width, picture.area.height);
    let mut composed = Composed { width, height, rgba: vec![0; width * height * 4] };
    let margin = (MARGIN / divisor).max(1);
    for (index, bytes) in picture.images.chunks_exact(picture.shape.size()).enumerate() {
        let (column, row) = ((index % picture.across) as u16, (index / picture.across) as u16);
        let (x, y) = (column * (picture.tile.0 + 1), row * picture.tile.1);
        let (from, to) = (pixels(x, y), pixels(x + picture.tile.0, y + picture.tile.1));
        let from = (if x == 0 { 0 } else { from.0 }, if y == 0 { 0 } else { from.1 });
        let place = (to.0 - from.0, to.1 - from.1);
        let most = (place.0.saturating_sub(2 * margin).max(1), place.1.saturating_sub(2 * margin).max(1));
        let size = fit(picture.shape, most);
        let corner = (from.0 + (place.0.saturating_sub(size.0)) / 2, from.1 + (place.1.saturating_sub(size.1)) / 2);
        if picture.mark == Some(index) {
            let corner = (corner.0.saturating_sub(margin), corner.1.saturating_sub(margin));
            let framed = (size.0 + 2 * margin, size.1 + 2 * margin);
            composed.fill(corner, framed, |_| MARK);
        }
        let scaled = scale(Image { shape: picture.shape, bytes }, size);
        composed.fill(corner, size, |at| {
            let [r, g, b] = scaled[at];
            [r, g, b, 255]
        });
    }
    composed
}

impl Composed {
    /// Fills a rectangle, as far as it lies within, with the colour of each of its pixels.
    fn fill(&mut self, (x, y): (usize, usize), (width, height): (usize, usize), colour: impl Fn(usize) -> [u8; 4]) {
        for row in 0..height.min(self.height.saturating_sub(y)) {
            for column in 0..width.min(self.width.saturating_sub(x)) {
                let at = ((y + row) * self.width + x + column) * 4;
                self.rgba[at..][..4].copy_from_slice(&colour(row * width + column));
            }
        }
    }
}

/// Encodes as a PNG of 24 bits and transparency, or with at most `colours` colours.
pub fn encode_png(composed: &Composed, colours: Option<usize>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, composed.width as u32, composed.height as u32);
    encoder.set_compression(Compression::Balanced);
    let indexed;
    let data = match colours {
        None => {
            encoder.set_color(ColorType::Rgba);
            encoder.set_filter(Filter::Adaptive);
            &composed.rgba
        }
        Some(colours) => {
            let Indexed { palette, indices } = quantise(&composed.rgba, colours);
            encoder.set_color(ColorType::Indexed);
            encoder.set_palette(palette.concat());
            encoder.set_trns(&[0][..]);
            // Neighbouring indices say nothing about each other.
            encoder.set_filter(Filter::NoFilter);
            indexed = indices;
            &indexed
        }
    };
    encoder.set_depth(BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(data));
    written.expect("the data have the size of the header, and writing to memory does not fail");
    bytes
}

/// Returns the pictures as a PNG, for cells of `cell` pixels.
#[cfg(feature = "train")]
pub fn png(picture: &Picture, cell: (u16, u16)) -> Vec<u8> {
    encode_png(&compose(picture, cell, 1), None)
}

#[cfg(test)]
mod tests {
    use duel_models::Shape;
    use ratatui::layout::Rect;

    use super::*;

    #[test]
    fn pictures_are_in_the_middle_of_their_tiles_and_crisp() {
        let shape: Shape = "3x8x8".parse().expect("a shape");
        let images: Vec<u8> = [[255, 0, 0], [0, 0, 255], [0, 255, 0]].iter().flat_map(|c| c.repeat(64)).collect();
        // Two across with a column between them, tiles of 4 × 2 cells of 5 × 10 pixels: 20 × 20 pixels each.
        let area = Rect { x: 3, y: 2, width: 9, height: 4 };
        let picture = Picture { area, tile: (4, 2), across: 2, shape, images, mark: Some(1) };
        let composed = compose(&picture, (5, 10), 1);
        assert_eq!((composed.width, composed.height), (45, 40));
        let at = |x: usize, y: usize| &composed.rgba[(y * 45 + x) * 4..][..4];
        // Twice the size, two pixels from the edge.
        assert_eq!(
            (at(1, 1), at(2, 2), at(17, 17), at(18, 18)),
            (&[0; 4][..], &[255, 0, 0, 255][..], at(2, 2), &[0; 4][..])
        );
        assert_eq!((at(26, 1), at(27, 2), at(22, 1)), (&MARK[..], &[0, 0, 255, 255][..], &[0; 4][..]));
        assert_eq!((at(2, 22), at(27, 22)), (&[0, 255, 0, 255][..], &[0; 4][..]), "three of four");
        let half = compose(&picture, (5, 10), 2);
        assert_eq!((half.width, half.height), (22, 20));
        for colours in [None, Some(16)] {
            let bytes = encode_png(&composed, colours);
            let mut decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
            decoder.set_transformations(png::Transformations::EXPAND);
            let mut reader = decoder.read_info().expect("a PNG");
            let mut pixels = vec![0; reader.output_buffer_size().expect("small")];
            reader.next_frame(&mut pixels).expect("its pixels");
            // The colour of transparent pixels is of no account.
            let seen = |rgba: &[u8]| -> Vec<[u8; 4]> {
                rgba.as_chunks::<4>().0.iter().map(|pixel| if pixel[3] == 0 { [0; 4] } else { *pixel }).collect()
            };
            assert_eq!(seen(&pixels), seen(&composed.rgba), "{colours:?}");
        }
    }
}
