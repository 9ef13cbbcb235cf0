//! Drawn digits as files: PNG, GIF, NumPy arrays, and MNIST's own layout.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use duel_models::{
    PIXELS, SIDE,
    grid::{grid, png},
};

use crate::{arrays, files};

/// Pixels of an animation, across and down, for each of a digit's.
const ZOOM: usize = 8;

/// How long a frame stands, in hundredths of a second.
const DELAY: u16 = 50;

/// Digits of the largest grid: 100 × 100.
const GRID_MAX: usize = 10_000;

/// N digits and what they were drawn of.
#[derive(Debug)]
pub struct Drawn {
    /// Values of a latent.
    pub latent: usize,
    /// [N, latent].
    pub latents: Vec<f32>,
    /// [N]; empty for a generator without classes.
    pub labels: Vec<u8>,
    /// [N, 784] in [-1, 1].
    pub values: Vec<f32>,
    /// [N, 784] grey levels.
    pub images: Vec<u8>,
    /// How many stand in a row of a PNG.
    pub across: usize,
}

/// Writes them to `out`, by its ending; the paths that were written. `float`, with `.npy` alone, writes the values and
/// the latents, where else the grey levels are written.
pub fn save(drawn: &Drawn, out: &Path, float: bool) -> Result<Vec<PathBuf>> {
    let files = encode(drawn, out, float)?;
    for (path, bytes) in &files {
        files::replace(path, bytes)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// What follows a file name's last dot, in small letters.
pub fn ending(out: &Path) -> String {
    out.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Paths and contents.
type Files = Vec<(PathBuf, Vec<u8>)>;

fn encode(drawn: &Drawn, out: &Path, float: bool) -> Result<Files> {
    let ending = ending(out);
    ensure!(!float || ending == "npy", "--float: only an --out of .npy holds floats, not {}", out.display());
    let count = drawn.images.len() / PIXELS;
    let one = |bytes| Ok(vec![(out.to_owned(), bytes)]);
    match ending.as_str() {
        "npy" => Ok(arrays(drawn, out, float)),
        "png" => {
            ensure!(
                count <= GRID_MAX,
                "--count {count}: a grid has at most {GRID_MAX} digits; --out FILE.npy takes more"
            );
            one(png(&grid(&drawn.images, drawn.across)))
        }
        "gif" => one(gif(&drawn.images)),
        "" => Ok(idx(drawn, out)),
        _ if out.is_dir() => Ok(idx(drawn, out)),
        _ => bail!("--out {}: expected an ending of .png, .gif or .npy, or a directory", out.display()),
    }
}

fn arrays(drawn: &Drawn, out: &Path, float: bool) -> Files {
    let count = drawn.images.len() / PIXELS;
    let shape = [count, SIDE, SIDE];
    let mut files = vec![];
    if float {
        files.push((out.to_owned(), arrays::npy_floats(&shape, &drawn.values)));
        files.push((out.with_extension("latents.npy"), arrays::npy_floats(&[count, drawn.latent], &drawn.latents)));
    } else {
        files.push((out.to_owned(), arrays::npy_bytes(&shape, &drawn.images)));
    }
    if !drawn.labels.is_empty() {
        files.push((out.with_extension("labels.npy"), arrays::npy_bytes(&[count], &drawn.labels)));
    }
    files
}

fn idx(drawn: &Drawn, out: &Path) -> Files {
    let mut files = vec![(out.join("images-idx3-ubyte"), arrays::idx_images(&drawn.images))];
    if !drawn.labels.is_empty() {
        files.push((out.join("labels-idx1-ubyte"), arrays::idx_labels(&drawn.labels)));
    }
    files
}

/// `frames`, [N, 28, 28], as a GIF of 224 × 224 that begins again when it ends.
pub fn gif(frames: &[u8]) -> Vec<u8> {
    let side = (SIDE * ZOOM) as u16;
    let palette: Vec<u8> = (0..=255).flat_map(|grey| [grey; 3]).collect();
    let mut bytes = Vec::new();
    let written = gif::Encoder::new(&mut bytes, side, side, &palette).and_then(|mut encoder| {
        encoder.set_repeat(gif::Repeat::Infinite)?;
        for frame in frames.chunks_exact(PIXELS) {
            let mut frame = gif::Frame::from_indexed_pixels(side, side, enlarged(frame), None);
            frame.delay = DELAY;
            encoder.write_frame(&frame)?;
        }
        Ok(())
    });
    written.expect("a frame has as many pixels as the picture, and memory takes them");
    bytes
}

fn enlarged(image: &[u8]) -> Vec<u8> {
    let line = |row: &[u8]| row.iter().flat_map(|&pixel| [pixel; ZOOM]).collect::<Vec<u8>>();
    image.chunks_exact(SIDE).flat_map(|row| line(row).repeat(ZOOM)).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn drawn(count: usize, labels: Vec<u8>) -> Drawn {
        let images = (0..count * PIXELS).map(|at| (at % 251) as u8).collect();
        Drawn { latent: 3, latents: vec![0.5; count * 3], labels, values: vec![0.0; count * PIXELS], images, across: 1 }
    }

    #[test]
    fn files_go_by_the_ending() {
        for (out, float, labels, expected) in [
            ("x.png", false, vec![], &["x.png"][..]),
            ("x.GIF", false, vec![1, 2], &["x.GIF"]),
            ("x.npy", false, vec![], &["x.npy"]),
            ("x.npy", true, vec![1, 2], &["x.npy", "x.latents.npy", "x.labels.npy"]),
            ("d", false, vec![1, 2], &["d/images-idx3-ubyte", "d/labels-idx1-ubyte"]),
        ] {
            let files = encode(&drawn(2, labels), Path::new(out), float).expect(out);
            assert_eq!(files.iter().map(|(path, _)| path.to_string_lossy()).collect::<Vec<_>>(), expected);
        }
        for (out, float, expected) in [("x.jpg", false, ".png, .gif or .npy"), ("x.png", true, "--float")] {
            let error = encode(&drawn(2, vec![]), Path::new(out), float).expect_err(out).to_string();
            assert!(error.contains(expected) && error.contains(out), "{error}");
        }
    }

    #[test]
    fn a_png_is_read_back() {
        let picture = grid(&drawn(3, vec![]).images, 2);
        let mut reader = png::Decoder::new(Cursor::new(png(&picture))).read_info().expect("a PNG");
        assert_eq!((reader.info().width, reader.info().height), (56, 56));
        let mut pixels = vec![0; picture.pixels.len()];
        reader.next_frame(&mut pixels).expect("its pixels");
        assert_eq!(pixels, picture.pixels);
    }

    #[test]
    fn a_gif_is_read_back() {
        let frames = drawn(2, vec![]).images;
        let mut reader = gif::DecodeOptions::new().read_info(Cursor::new(gif(&frames))).expect("a GIF");
        for frame in frames.chunks_exact(PIXELS) {
            let read = reader.read_next_frame().expect("a frame").expect("two frames");
            assert_eq!((read.width, read.height, read.delay), (224, 224, DELAY));
            assert_eq!(read.buffer[..], enlarged(frame));
        }
        assert!(reader.read_next_frame().expect("an end").is_none());
    }

    #[test]
    fn a_pixel_becomes_a_square() {
        let mut image = vec![0; PIXELS];
        image[SIDE + 2] = 9;
        let large = enlarged(&image);
        let set: Vec<usize> = (0..large.len()).filter(|&at| large[at] == 9).collect();
        assert_eq!((set.len(), set[0], set[63]), (64, 8 * 224 + 16, 15 * 224 + 23));
    }
}
