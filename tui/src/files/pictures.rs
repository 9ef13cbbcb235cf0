//! Generated pictures as files: PNG, GIF, NumPy arrays, and MNIST's own layout.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use duel_models::{
    Shape,
    picture::{grid, png},
};

use super::{arrays, write};

/// The longest side of a GIF in pixels. Each pixel of a picture is enlarged by the largest whole number that fits.
const GIF_SIDE: usize = 224;

/// The time of a GIF's frame, in hundredths of a second.
const DELAY: u16 = 50;

/// The most pictures of a grid: 100 × 100.
const GRID_MAX: usize = 10_000;

/// N generated pictures and their inputs.
#[derive(Debug)]
pub struct Generated {
    /// The shape of each picture.
    pub shape: Shape,
    /// The number of values of a latent.
    pub latent: usize,
    /// [N, latent].
    pub latents: Vec<f32>,
    /// `[N]`; empty for a generator without classes.
    pub labels: Vec<u8>,
    /// [N, height, width, channels] in [-1, 1].
    pub values: Vec<f32>,
    /// [N, height, width, channels], 0 to 255.
    pub images: Vec<u8>,
    /// The number of pictures in a row of a PNG.
    pub across: usize,
}

/// Writes pictures to `out`, in the format of its extension; returns the paths that were written. With `float`, for
/// `.npy` alone, the values and the latents are written instead of bytes.
pub fn save(generated: &Generated, out: &Path, float: bool) -> Result<Vec<PathBuf>> {
    let files = encode(generated, out, float)?;
    for (path, bytes) in &files {
        write::replace(path, bytes)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// Returns the extension of a path in lower case; empty if it has none.
pub fn extension(out: &Path) -> String {
    out.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Paths and contents.
type Files = Vec<(PathBuf, Vec<u8>)>;

fn encode(generated: &Generated, out: &Path, float: bool) -> Result<Files> {
    let extension = extension(out);
    ensure!(!float || extension == "npy", "--float: only an --out of .npy holds floats, not {}", out.display());
    let shape = generated.shape;
    let count = generated.images.len() / shape.size();
    let one = |bytes| Ok(vec![(out.to_owned(), bytes)]);
    match extension.as_str() {
        "npy" => Ok(arrays(generated, out, float)),
        "png" => {
            ensure!(
                count <= GRID_MAX,
                "--count {count}: a grid has at most {GRID_MAX} pictures; --out FILE.npy takes more"
            );
            one(png(&grid(&generated.images, shape, generated.across)))
        }
        "gif" => one(gif(&generated.images, shape)),
        _ if extension.is_empty() || out.is_dir() => idx(generated, out),
        _ => bail!("--out {}: expected an extension of .png, .gif or .npy, or a directory", out.display()),
    }
}

fn arrays(generated: &Generated, out: &Path, float: bool) -> Files {
    let Shape { channels, height, width, .. } = generated.shape;
    let count = generated.images.len() / generated.shape.size();
    let sizes = if channels == 1 { vec![count, height, width] } else { vec![count, height, width, channels] };
    let mut files = vec![];
    if float {
        let latents = arrays::npy_floats(&[count, generated.latent], &generated.latents);
        files.push((out.to_owned(), arrays::npy_floats(&sizes, &generated.values)));
        files.push((out.with_extension("latents.npy"), latents));
    } else {
        files.push((out.to_owned(), arrays::npy_bytes(&sizes, &generated.images)));
    }
    if !generated.labels.is_empty() {
        files.push((out.with_extension("labels.npy"), arrays::npy_bytes(&[count], &generated.labels)));
    }
    files
}

fn idx(generated: &Generated, out: &Path) -> Result<Files> {
    ensure!(
        generated.shape.channels == 1,
        "--out {}: IDX files hold grey pictures only, and this generator draws in colour; use --out FILE.npy",
        out.display()
    );
    let mut files = vec![(out.join("images-idx3-ubyte"), arrays::idx_images(generated.shape, &generated.images))];
    if !generated.labels.is_empty() {
        files.push((out.join("labels-idx1-ubyte"), arrays::idx_labels(&generated.labels)));
    }
    Ok(files)
}

/// Encodes `frames`, [N, height, width, channels], as a GIF that repeats forever, enlarged to at most 224 × 224 pixels.
pub fn gif(frames: &[u8], shape: Shape) -> Vec<u8> {
    let zoom = (GIF_SIDE / shape.width.max(shape.height)).max(1);
    let (width, height) = ((shape.width * zoom) as u16, (shape.height * zoom) as u16);
    let greys: Vec<u8> = (0..=255).flat_map(|grey| [grey; 3]).collect();
    // Each colour frame has a palette of its own.
    let palette: &[u8] = if shape.channels == 1 { &greys } else { &[] };
    let mut bytes = Vec::new();
    let written = gif::Encoder::new(&mut bytes, width, height, palette).and_then(|mut encoder| {
        encoder.set_repeat(gif::Repeat::Infinite)?;
        for frame in frames.chunks_exact(shape.size()) {
            let pixels = enlarged(frame, shape, zoom);
            let mut frame = match shape.channels {
                1 => gif::Frame::from_indexed_pixels(width, height, pixels, None),
                _ => gif::Frame::from_rgb(width, height, &pixels),
            };
            frame.delay = DELAY;
            encoder.write_frame(&frame)?;
        }
        Ok(())
    });
    written.expect("a frame has as many pixels as the picture, and writing to memory does not fail");
    bytes
}

/// Returns a picture whose every pixel is a square of `zoom` × `zoom`.
fn enlarged(image: &[u8], shape: Shape, zoom: usize) -> Vec<u8> {
    let line = |row: &[u8]| row.chunks_exact(shape.channels).flat_map(|pixel| pixel.repeat(zoom)).collect::<Vec<u8>>();
    image.chunks_exact(shape.width * shape.channels).flat_map(|row| line(row).repeat(zoom)).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn generated(shape: &str, count: usize, labels: Vec<u8>) -> Generated {
        let shape: Shape = shape.parse().expect("a shape");
        let images = (0..count * shape.size()).map(|at| (at % 251) as u8).collect();
        let (latents, values) = (vec![0.5; count * 3], vec![0.0; count * shape.size()]);
        Generated { shape, latent: 3, latents, labels, values, images, across: 1 }
    }

    #[test]
    fn files_go_by_the_extension() {
        for (out, float, labels, expected) in [
            ("x.png", false, vec![], &["x.png"][..]),
            ("x.GIF", false, vec![1, 2], &["x.GIF"]),
            ("x.npy", false, vec![], &["x.npy"]),
            ("x.npy", true, vec![1, 2], &["x.npy", "x.latents.npy", "x.labels.npy"]),
            ("d", false, vec![1, 2], &["d/images-idx3-ubyte", "d/labels-idx1-ubyte"]),
        ] {
            let files = encode(&generated("1x28x28", 2, labels), Path::new(out), float).expect(out);
            assert_eq!(files.iter().map(|(path, _)| path.to_string_lossy()).collect::<Vec<_>>(), expected);
        }
        for (shape, out, float, expected) in [
            ("1x28x28", "x.jpg", false, ".png, .gif or .npy"),
            ("1x28x28", "x.png", true, "--float"),
            ("3x8x8", "d", false, "--out FILE.npy"),
        ] {
            let error = encode(&generated(shape, 2, vec![]), Path::new(out), float).expect_err(out).to_string();
            assert!(error.contains(expected) && error.contains(out), "{error}");
        }
    }

    #[test]
    fn an_array_has_the_sizes_of_its_pictures() {
        for (shape, expected) in [("1x8x12", "'shape': (2, 8, 12), }"), ("3x8x12", "'shape': (2, 8, 12, 3), }")] {
            let files = encode(&generated(shape, 2, vec![]), Path::new("x.npy"), false).expect("an array");
            let text = String::from_utf8_lossy(&files[0].1).into_owned();
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn a_png_is_read_back() {
        let generated = generated("3x8x12", 3, vec![]);
        let picture = grid(&generated.images, generated.shape, 2);
        let mut reader = png::Decoder::new(Cursor::new(png(&picture))).read_info().expect("a PNG");
        assert_eq!((reader.info().width, reader.info().height), (24, 16));
        let mut pixels = vec![0; picture.pixels.len()];
        reader.next_frame(&mut pixels).expect("its pixels");
        assert_eq!(pixels, picture.pixels);
    }

    #[test]
    fn a_gif_is_read_back() {
        let (frames, shape) = (generated("1x28x28", 2, vec![]).images, "1x28x28".parse().expect("a shape"));
        let mut reader = gif::DecodeOptions::new().read_info(Cursor::new(gif(&frames, shape))).expect("a GIF");
        for frame in frames.chunks_exact(shape.size()) {
            let read = reader.read_next_frame().expect("a frame").expect("two frames");
            assert_eq!((read.width, read.height, read.delay), (224, 224, DELAY));
            assert_eq!(read.buffer[..], enlarged(frame, shape, 8));
        }
        assert!(reader.read_next_frame().expect("an end").is_none());
    }

    #[test]
    fn a_gif_in_colour_keeps_its_colours() {
        let shape: Shape = "3x8x16".parse().expect("a shape");
        let frame: Vec<u8> = (0..8 * 16).flat_map(|at| if at % 16 < 8 { [250, 0, 0] } else { [0, 0, 250] }).collect();
        let mut options = gif::DecodeOptions::new();
        options.set_color_output(gif::ColorOutput::RGBA);
        let mut reader = options.read_info(Cursor::new(gif(&frame, shape))).expect("a GIF");
        let read = reader.read_next_frame().expect("a frame").expect("one frame");
        assert_eq!((read.width, read.height), (224, 112));
        assert_eq!(
            (&read.buffer[..4], &read.buffer[read.buffer.len() - 4..]),
            (&[250, 0, 0, 255][..], &[0, 0, 250, 255][..])
        );
    }

    #[test]
    fn a_pixel_becomes_a_square() {
        let mut image = vec![0; 28 * 28];
        image[28 + 2] = 9;
        let large = enlarged(&image, "1x28x28".parse().expect("a shape"), 8);
        let set: Vec<usize> = (0..large.len()).filter(|&at| large[at] == 9).collect();
        assert_eq!((set.len(), set[0], set[63]), (64, 8 * 224 + 16, 15 * 224 + 23));
    }
}
