//! Many images as one picture, and that as a PNG file's bytes.

use crate::{PIXELS, SIDE};

/// A grey picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns of pixels.
    pub width: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Grey levels, row by row.
    pub pixels: Vec<u8>,
}

/// `images`, [N, 28, 28], side by side in rows of `columns`; what is left of the last row is black.
pub fn grid(images: &[u8], columns: usize) -> Picture {
    let rows = (images.len() / PIXELS).div_ceil(columns);
    let (width, height) = (columns * SIDE, rows * SIDE);
    let mut pixels = vec![0; width * height];
    for (index, image) in images.chunks_exact(PIXELS).enumerate() {
        let corner = index / columns * SIDE * width + index % columns * SIDE;
        for (y, line) in image.chunks_exact(SIDE).enumerate() {
            pixels[corner + y * width..][..SIDE].copy_from_slice(line);
        }
    }
    Picture { width, height, pixels }
}

/// A picture as the bytes of an 8-bit grey PNG file.
pub fn png(picture: &Picture) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width as u32, picture.height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&picture.pixels));
    written.expect("a picture has width × height pixels, and memory takes them");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_stand_in_reading_order() {
        let images: Vec<u8> = [1, 2, 3].into_iter().flat_map(|grey| [grey; PIXELS]).collect();
        let picture = grid(&images, 2);
        assert_eq!((picture.width, picture.height), (56, 56));
        let at = |x: usize, y: usize| picture.pixels[y * 56 + x];
        assert_eq!([at(0, 0), at(28, 27), at(27, 28), at(55, 55)], [1, 2, 3, 0]);
    }
}
