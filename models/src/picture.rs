//! Pictures as bytes and as the values of a network: the only conversion between the two, grids of pictures, PNG files.

use crate::Shape;

/// Converts a network's value in [-1, 1] to a level from 0 to 255. Values outside the range are clamped; NaN becomes 0.
pub fn to_byte(value: f32) -> u8 {
    // A cast from float to integer saturates in Rust, and makes 0 of NaN.
    ((value + 1.0) * 127.5).round() as u8
}

/// Converts a level from 0 to 255 to a value in [-1, 1].
pub fn from_byte(byte: u8) -> f32 {
    f32::from(byte) / 127.5 - 1.0
}

/// Converts each value as [`to_byte`] does.
pub fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().map(|&value| to_byte(value)).collect()
}

/// Converts each level as [`from_byte`] does.
pub fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes.iter().map(|&byte| from_byte(byte)).collect()
}

/// Hyperbolic tangent, the last activation of a generator, within 5e-7 and with the same bits on every CPU.
///
/// A polynomial of degree 13 over one of degree 6, clamped where tanh rounds to ±1, with the minimax coefficients of
/// Eigen's `generic_fast_tanh_float` (Eigen 3, MathFunctionsImpl.h). The compiler vectorises it; the platform's `tanh`
/// takes about 20 times as long.
#[inline]
pub fn tanh(x: f32) -> f32 {
    let x = x.clamp(-7.905_311, 7.905_311);
    let s = x * x;
    let mut numerator = -2.760_768_5e-16;
    for c in [2.000_188e-13, -8.604_672e-11, 5.122_297_1e-8, 1.485_722_4e-5, 6.372_619_3e-4, 4.893_525e-3] {
        numerator = numerator * s + c;
    }
    let mut denominator = 1.198_258_4e-6;
    for c in [1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3] {
        denominator = denominator * s + c;
    }
    x * numerator / denominator
}

/// A grey or coloured picture of any size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns of pixels.
    pub width: usize,
    /// Rows of pixels.
    pub height: usize,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Levels from 0 to 255, `[height, width, channels]`.
    pub pixels: Vec<u8>,
}

/// Places `images` of `shape`, `[N, height, width, channels]`, side by side in rows of `columns` images. The rest of
/// the last row has the colour that most pictures have at their corners: black for digits, white for emoji.
pub fn grid(images: &[u8], shape: Shape, columns: usize) -> Picture {
    let rows = (images.len() / shape.size()).div_ceil(columns);
    let (width, height) = (columns * shape.width, rows * shape.height);
    // Bytes of a row of one image, and of a row of the grid.
    let (narrow, wide) = (shape.width * shape.channels, width * shape.channels);
    let mut pixels = background(images, shape).repeat(width * height);
    for (index, image) in images.chunks_exact(shape.size()).enumerate() {
        let corner = index / columns * shape.height * wide + index % columns * narrow;
        for (y, line) in image.chunks_exact(narrow).enumerate() {
            pixels[corner + y * wide..][..narrow].copy_from_slice(line);
        }
    }
    Picture { width, height, channels: shape.channels, pixels }
}

/// The median of each channel over the four corners of all pictures.
fn background(images: &[u8], shape: Shape) -> Vec<u8> {
    let (line, last) = ((shape.width - 1) * shape.channels, shape.size() - shape.channels);
    let median = |channel: usize| {
        let corners = images
            .chunks_exact(shape.size())
            .flat_map(|image| [0, line, last - line, last].map(|at| image[at + channel]));
        let mut levels: Vec<u8> = corners.collect();
        let middle = levels.len() / 2;
        if levels.is_empty() { 0 } else { *levels.select_nth_unstable(middle).1 }
    };
    (0..shape.channels).map(median).collect()
}

/// Encodes a picture as a PNG file of 8 bits per channel, grey or RGB.
pub fn png(picture: &Picture) -> Vec<u8> {
    encode(picture, png::BitDepth::Eight, &picture.pixels)
}

/// Encodes a grey picture as a PNG file of one bit per pixel: white from level 128 on.
pub fn png_one_bit(picture: &Picture) -> Vec<u8> {
    assert_eq!(picture.channels, 1, "a picture of one bit per pixel is grey");
    // The leftmost pixel is the highest bit; each row begins with a new byte.
    let byte = |pixels: &[u8]| pixels.iter().zip(0..).fold(0, |byte, (level, bit)| byte | (level >> 7) << (7 - bit));
    let packed: Vec<u8> = picture.pixels.chunks(picture.width).flat_map(|row| row.chunks(8).map(byte)).collect();
    encode(picture, png::BitDepth::One, &packed)
}

/// Encodes rows of pixels of the given depth, as many as the picture has.
fn encode(picture: &Picture, depth: png::BitDepth, rows: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width as u32, picture.height as u32);
    encoder.set_color(if picture.channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
    encoder.set_depth(depth);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(rows));
    written.expect("a picture has width × height × channels bytes, and writing to memory does not fail");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_survives_the_round_trip() {
        let levels: Vec<u8> = (0..=255).collect();
        assert_eq!(to_bytes(&from_bytes(&levels)), levels);
    }

    #[test]
    fn values_outside_the_range_are_clamped() {
        for (value, byte) in [(-1.5, 0), (1.5, 255), (f32::INFINITY, 255), (f32::NAN, 0)] {
            assert_eq!(to_byte(value), byte);
        }
    }

    #[test]
    fn tanh_is_close_to_the_platforms() {
        let worst = (-100_000..=100_000)
            .map(|i| i as f32 * 1e-4)
            .map(|x| (f64::from(tanh(x)) - f64::from(x).tanh()).abs())
            .fold(0.0, f64::max);
        assert!(worst < 5e-7, "{worst:e}");
        assert!(tanh(f32::NAN).is_nan());
    }

    #[test]
    fn a_grid_holds_its_images_in_reading_order() {
        let shape = Shape::new(1, 28, 28).expect("in range");
        let images: Vec<u8> = [1, 2, 3].into_iter().flat_map(|grey| vec![grey; shape.size()]).collect();
        let picture = grid(&images, shape, 2);
        assert_eq!((picture.width, picture.height, picture.channels), (56, 56, 1));
        let at = |x: usize, y: usize| picture.pixels[y * 56 + x];
        assert_eq!([at(0, 0), at(28, 27), at(27, 28)], [1, 2, 3]);
        assert_eq!([at(28, 28), at(55, 55)], [2, 2], "the median of the corners");
    }

    #[test]
    fn a_coloured_grid_survives_png() {
        let shape = Shape::new(3, 8, 12).expect("in range");
        let images: Vec<u8> = (0..3 * shape.size()).map(|at| (at % 251) as u8).collect();
        let picture = grid(&images, shape, 2);
        let pixel = |x: usize, y: usize| &picture.pixels[(y * 24 + x) * 3..][..3];
        assert_eq!(pixel(0, 0), &images[..3]);
        assert_eq!(pixel(12, 1), &images[shape.size() + 12 * 3..][..3]);
        assert_eq!(pixel(11, 15), &images[3 * shape.size() - 3..]);
        // Red at the corners of the three pictures, whose rows have 36 bytes.
        let mut red: Vec<u8> = (0..3).flat_map(|at| [0, 33, 252, 285].map(|byte| images[at * 288 + byte])).collect();
        red.sort_unstable();
        assert_eq!([pixel(12, 8)[0], pixel(23, 15)[0]], [red[6]; 2]);
        let bytes = png(&picture);
        let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().expect("a PNG file");
        let mut decoded = vec![0; reader.output_buffer_size().expect("small")];
        let info = reader.next_frame(&mut decoded).expect("an image");
        assert_eq!((info.width, info.height, info.color_type), (24, 16, png::ColorType::Rgb));
        assert_eq!(decoded, picture.pixels);
    }

    #[test]
    fn a_png_of_one_bit_has_a_bit_for_each_pixel() {
        let pixels: Vec<u8> = (0..3 * 10).map(|at| if at % 7 < 3 { 128 } else { 127 }).collect();
        let bytes = png_one_bit(&Picture { width: 10, height: 3, channels: 1, pixels: pixels.clone() });
        let mut decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().expect("a PNG file");
        assert_eq!((reader.info().bit_depth, reader.info().width, reader.info().height), (png::BitDepth::One, 10, 3));
        let mut decoded = vec![0; 30];
        reader.next_frame(&mut decoded).expect("an image");
        assert!(decoded.iter().eq(pixels.iter().map(|level| if *level < 128 { &0 } else { &255 })), "{decoded:?}");
    }
}
