//! Samples read back: grids of digits, `samples/NNNNNNNN.png`, or what a duel over numbers looks like, `samples/NNNNNNNN.json`.

use std::{
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use duel_models::{PIXELS, SIDE};

use super::{density::Portrait, files};

/// Values of the largest grid that is believed: 10,000 digits.
const LARGEST: usize = 10_000 * PIXELS;

/// Where the grid of a step is in a run directory.
pub fn path(run: &Path, step: u64) -> PathBuf {
    run.join("samples").join(format!("{step:08}.png"))
}

/// The step of a file name in `samples/`, if it is the name of samples.
pub fn step(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".png").or_else(|| name.strip_suffix(".json"))?;
    (digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// The samples of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    /// Of a duel over images.
    Digits(Grid),
    /// Of a duel over numbers.
    Numbers(Portrait),
}

/// Reads the samples of a step in a run directory, whichever they are.
pub fn samples(run: &Path, step: u64) -> io::Result<Samples> {
    let file = path(run, step);
    match read(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Portrait::read(&file.with_extension("json")).map(Samples::Numbers)
        }
        grid => grid.map(Samples::Digits),
    }
}

/// Digits in rows and columns, as the PNG shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grid {
    /// Digits in a row.
    pub columns: usize,
    /// Row by row; each is 28 × 28 grey levels, row by row.
    pub digits: Vec<[u8; PIXELS]>,
}

/// Reads a grid: an 8-bit grey PNG of 28 × 28 digits without gaps, at most 10,000 of them; sizes are checked before any
/// memory is taken.
pub fn read(path: &Path) -> io::Result<Grid> {
    decode(BufReader::new(files::open(path)?))
}

fn decode(file: impl io::BufRead + io::Seek) -> io::Result<Grid> {
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut reader = png::Decoder::new(file).read_info().map_err(|error| wrong(&error.to_string()))?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    if reader.output_color_type() != (png::ColorType::Grayscale, png::BitDepth::Eight) {
        return Err(wrong("expected 8-bit grey"));
    }
    let fits = width > 0 && height > 0 && width.is_multiple_of(SIDE) && height.is_multiple_of(SIDE);
    if !fits || width.saturating_mul(height) > LARGEST {
        return Err(wrong("expected digits of 28 x 28 without gaps, at most 10,000"));
    }
    let mut pixels = vec![0; width * height];
    reader.next_frame(&mut pixels).map_err(|error| wrong(&error.to_string()))?;
    let columns = width / SIDE;
    let digits = (0..columns * (height / SIDE)).map(|index| {
        let corner = index / columns * SIDE * width + index % columns * SIDE;
        std::array::from_fn(|at| pixels[corner + at / SIDE * width + at % SIDE])
    });
    Ok(Grid { columns, digits: digits.collect() })
}

/// The steps for which `samples/` holds a grid, in order.
pub(super) fn list(run: &Path) -> io::Result<Vec<u64>> {
    let mut steps = Vec::new();
    for entry in run.join("samples").read_dir()? {
        steps.extend(entry?.file_name().to_str().and_then(step));
    }
    steps.sort_unstable();
    steps.dedup();
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn png(width: u32, height: u32, color: png::ColorType) -> Cursor<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(color);
        let mut writer = encoder.write_header().expect("a header");
        let data: Vec<u8> = (0..width * height).map(|at| ((at % width) / 28 + (at / width) / 28 * 10) as u8).collect();
        writer.write_image_data(&data.repeat(color.samples())).expect("an image");
        writer.finish().expect("an end");
        Cursor::new(bytes)
    }

    #[test]
    fn a_grid_is_cut_into_its_digits() {
        let grid = decode(png(84, 56, png::ColorType::Grayscale)).expect("a grid");
        assert_eq!((grid.columns, grid.digits.len()), (3, 6));
        for (digit, level) in grid.digits.iter().zip([0, 1, 2, 10, 11, 12]) {
            assert_eq!(*digit, [level; PIXELS]);
        }
    }

    #[test]
    fn what_is_no_grid_is_refused() {
        for file in [
            png(85, 56, png::ColorType::Grayscale),
            png(28, 28, png::ColorType::Rgb),
            png(2828, 2828, png::ColorType::Grayscale),
            Cursor::new(b"text".to_vec()),
            Cursor::new(png(28, 28, png::ColorType::Grayscale).into_inner()[..60].to_vec()),
        ] {
            assert!(decode(file).is_err());
        }
    }

    #[test]
    fn names_are_steps() {
        for (name, expected) in [("00000500.png", Some(500)), ("123456789.png", Some(123_456_789)), ("500.png", None)] {
            assert_eq!(step(name), expected);
        }
        assert_eq!((step("0000050x.png"), step("+0000050.png"), step("00000500.png.tmp")), (None, None, None));
    }
}
