//! GIF files: frames that repeat forever.

use duel_models::{Shape, picture::Picture};

use super::rendering::{Rendering, dithered, enlarged};

/// The longest side of a GIF in pixels. Each pixel of a picture is enlarged by the largest whole number that fits.
const SIDE: usize = 224;

/// The largest width or height of a GIF, in pixels.
pub const SIDE_MAX: usize = 2048;

/// The time of a GIF's frame, in hundredths of a second.
const DELAY: u16 = 8;

/// Returns the scale of a GIF whose larger side is at most 224 pixels.
pub fn scale(shape: Shape) -> usize {
    (SIDE / shape.width.max(shape.height)).max(1)
}

/// Encodes `frames`, [N, height, width, channels], as a GIF that repeats forever.
pub fn gif(frames: &[u8], shape: Shape, rendering: Rendering) -> Vec<u8> {
    let Shape { channels, height, width, .. } = shape;
    let sides = [width, height].map(|side| (side * rendering.scale) as u16);
    let greys: Vec<u8> = (0..=255).flat_map(|grey| [grey; 3]).collect();
    let palette = match (rendering.dither, channels) {
        (true, _) => &[0, 0, 0, 255, 255, 255][..],
        (false, 1) => &greys,
        // Each colour frame has a palette of its own.
        (false, _) => &[],
    };
    let mut bytes = Vec::new();
    let written = gif::Encoder::new(&mut bytes, sides[0], sides[1], palette).and_then(|mut encoder| {
        encoder.set_repeat(gif::Repeat::Infinite)?;
        for frame in frames.chunks_exact(shape.size()) {
            let picture = Picture { width, height, channels, pixels: frame.to_vec() };
            let (indices, palette) = indexed(picture, rendering);
            let [width, height] = sides;
            let frame =
                gif::Frame { width, height, buffer: indices.into(), palette, delay: DELAY, ..Default::default() };
            encoder.write_frame(&frame)?;
        }
        Ok(())
    });
    written.expect("a frame has as many pixels as the picture, and writing to memory does not fail");
    bytes
}

/// Returns the pixels of an enlarged frame as indices into a palette, and a palette if the frame needs its own.
fn indexed(picture: Picture, rendering: Rendering) -> (Vec<u8>, Option<Vec<u8>>) {
    if rendering.dither {
        let dots = dithered(&enlarged(&picture, rendering.scale));
        return (dots.pixels.iter().map(|level| level >> 7).collect(), None);
    }
    let Picture { width, height, channels, pixels } = picture;
    let (indices, palette) = match channels {
        1 => (pixels, None),
        _ => {
            // NeuQuant (A. Dekker, 1994) if there are more than 256 colours. The palette is that of the small picture:
            // the enlarged one has no other colours, and would take many times as long.
            let frame = gif::Frame::from_rgb(width as u16, height as u16, &pixels);
            (frame.buffer.into_owned(), frame.palette)
        }
    };
    let indices = Picture { width, height, channels: 1, pixels: indices };
    (enlarged(&indices, rendering.scale).pixels, palette)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// Levels that rise from 0 to 250 and start again.
    fn levels(count: usize) -> Vec<u8> {
        (0..count).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn a_gif_is_read_back() {
        let shape: Shape = "1x28x28".parse().expect("a shape");
        let frames = levels(2 * shape.size());
        let bytes = gif(&frames, shape, Rendering { scale: scale(shape), dither: false });
        let mut reader = gif::DecodeOptions::new().read_info(Cursor::new(bytes)).expect("a GIF");
        for frame in frames.chunks_exact(shape.size()) {
            let read = reader.read_next_frame().expect("a frame").expect("two frames");
            assert_eq!((read.width, read.height, read.delay), (224, 224, DELAY));
            let picture = Picture { width: 28, height: 28, channels: 1, pixels: frame.to_vec() };
            assert_eq!(read.buffer[..], enlarged(&picture, 8).pixels);
        }
        assert!(reader.read_next_frame().expect("an end").is_none());
    }

    /// Decodes the first frame of a GIF to RGB.
    fn first_frame(bytes: Vec<u8>) -> Vec<u8> {
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::RGBA);
        let mut reader = options.read_info(Cursor::new(bytes)).expect("a GIF");
        let read = reader.read_next_frame().expect("a frame").expect("one frame");
        read.buffer.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
    }

    #[test]
    fn a_gif_in_colour_keeps_its_colours() {
        let shape: Shape = "3x8x16".parse().expect("a shape");
        let frame: Vec<u8> = (0..8 * 16).flat_map(|at| if at % 16 < 8 { [250, 0, 0] } else { [0, 0, 250] }).collect();
        let read = first_frame(gif(&frame, shape, Rendering { scale: 14, dither: false }));
        assert_eq!(
            (read.len(), &read[..3], &read[read.len() - 3..]),
            (224 * 112 * 3, &[250, 0, 0][..], &[0, 0, 250][..])
        );
        // 4,096 colours in 256: no pixel is far from its own.
        let shape: Shape = "3x64x64".parse().expect("a shape");
        let frame: Vec<u8> = (0..64 * 64)
            .flat_map(|at| [at % 64 * 4, at / 64 * 4, 255 - at % 64 * 2].map(|level| level as u8))
            .collect();
        let read = first_frame(gif(&frame, shape, Rendering { scale: 1, dither: false }));
        let errors: Vec<f64> = frame.iter().zip(&read).map(|(a, b)| f64::from(a.abs_diff(*b))).collect();
        let mean = errors.iter().map(|error| error * error).sum::<f64>() / errors.len() as f64;
        println!("root mean square error {:.1}, largest {}", mean.sqrt(), errors.iter().copied().fold(0.0, f64::max));
        assert!(mean.sqrt() < 12.0, "{mean}");
    }

    #[test]
    fn a_dithered_gif_is_black_and_white() {
        let shape: Shape = "3x8x16".parse().expect("a shape");
        let read = first_frame(gif(&levels(shape.size()), shape, Rendering { scale: 3, dither: true }));
        assert!(read.chunks_exact(3).all(|pixel| pixel == [0; 3] || pixel == [255; 3]));
        assert!(read.contains(&0) && read.contains(&255));
    }
}
