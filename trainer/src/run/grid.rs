//! Reads the samples of a run: grids of pictures, `samples/NNNNNNNN.png`, or densities of a toy distribution,
//! `samples/NNNNNNNN.json`.

use std::{
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use duel_models::{Shape, files};

use super::density::Densities;

/// The number of samples in a grid.
pub const SAMPLES: usize = 40;
/// The number of samples in a row of a grid.
pub const SAMPLE_COLUMNS: usize = 10;

/// The most pixels of a grid that is read: 10,000 pictures of 28×28.
const PIXELS_MAX: usize = 7_840_000;

/// Returns the path of a step's grid.
fn path(run: &Path, step: u64) -> PathBuf {
    run.join("samples").join(format!("{step:08}.png"))
}

/// Returns the step in a file name of `samples/`; none for other names.
fn step(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".png").or_else(|| name.strip_suffix(".json"))?;
    (digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// The samples of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    /// A grid of pictures.
    Pictures(Grid),
    /// The densities of a toy distribution.
    Densities(Densities),
}

/// Reads the samples of a step: pictures of `shape`, or densities.
pub fn read_samples(run: &Path, step: u64, shape: Shape) -> io::Result<Samples> {
    let file = path(run, step);
    match read_grid(&file, shape) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Densities::read(&file.with_extension("json")).map(Samples::Densities)
        }
        grid => grid.map(Samples::Pictures),
    }
}

/// Pictures in rows and columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// The shape of each picture.
    pub shape: Shape,
    /// The number of pictures in a row.
    pub columns: usize,
    /// The pictures row by row, [N, height, width, channels].
    pub images: Vec<u8>,
}

impl Grid {
    /// Returns the number of pictures.
    pub fn len(&self) -> usize {
        self.shape.count(&self.images)
    }

    /// Returns whether the grid has no pictures.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Returns one picture, [height, width, channels].
    pub fn image(&self, index: usize) -> &[u8] {
        self.shape.image(&self.images, index)
    }
}

/// Reads a grid of pictures without gaps: an 8-bit PNG, grey for one channel and RGB for three. The size is checked
/// before memory is allocated.
pub fn read_grid(path: &Path, shape: Shape) -> io::Result<Grid> {
    decode(BufReader::new(files::open(path)?), shape)
}

fn decode(file: impl io::BufRead + io::Seek, shape: Shape) -> io::Result<Grid> {
    let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut reader = png::Decoder::new(file).read_info().map_err(|error| wrong(error.to_string()))?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let colour = if shape.channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb };
    if reader.output_color_type() != (colour, png::BitDepth::Eight) {
        return Err(wrong(format!("expected 8-bit {}", if shape.channels == 1 { "grey" } else { "RGB" })));
    }
    let whole = width > 0 && height > 0 && width.is_multiple_of(shape.width) && height.is_multiple_of(shape.height);
    if !whole || width.saturating_mul(height) > PIXELS_MAX {
        let (rows, columns) = (shape.height, shape.width);
        return Err(wrong(format!(
            "expected rows of pictures of {columns}x{rows} pixels, {PIXELS_MAX} pixels at most; the file has \
             {width}x{height}"
        )));
    }
    let mut pixels = vec![0; width * height * shape.channels];
    reader.next_frame(&mut pixels).map_err(|error| wrong(error.to_string()))?;
    let columns = width / shape.width;
    let (line, tile_line) = (width * shape.channels, shape.width * shape.channels);
    let mut images = Vec::with_capacity(pixels.len());
    for index in 0..columns * (height / shape.height) {
        let corner = index / columns * shape.height * line + index % columns * tile_line;
        (0..shape.height).for_each(|row| images.extend(&pixels[corner + row * line..][..tile_line]));
    }
    Ok(Grid { shape, columns, images })
}

/// Returns the steps with samples, in rising order.
pub(super) fn sample_steps(run: &Path) -> io::Result<Vec<u64>> {
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

    /// Returns a PNG in which each byte is 10 × row + column of its picture in the grid, plus 100 × its channel.
    fn png(width: u32, height: u32, shape: Shape, color: png::ColorType) -> Cursor<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(color);
        let mut writer = encoder.write_header().expect("a header");
        let (tile_width, tile_height) = (shape.width as u32, shape.height as u32);
        let pixel = |at: u32| (at % width) / tile_width + (at / width) / tile_height * 10;
        let channels = 0..color.samples() as u32;
        let data: Vec<u8> = (0..width * height)
            .flat_map(|at| channels.clone().map(move |channel| (pixel(at) + 100 * channel) as u8))
            .collect();
        writer.write_image_data(&data).expect("an image");
        writer.finish().expect("an end");
        Cursor::new(bytes)
    }

    const DIGIT: Shape = match Shape::new(1, 28, 28) {
        Ok(shape) => shape,
        Err(_) => panic!("a good shape"),
    };

    #[test]
    fn a_grid_is_split_into_pictures() {
        let grid = decode(png(84, 56, DIGIT, png::ColorType::Grayscale), DIGIT).expect("a grid");
        assert_eq!((grid.columns, grid.len()), (3, 6));
        for (index, level) in [0, 1, 2, 10, 11, 12].into_iter().enumerate() {
            assert_eq!(grid.image(index), [level; 784]);
        }
        let tile = Shape::new(3, 16, 24).expect("a good shape");
        let grid = decode(png(48, 32, tile, png::ColorType::Rgb), tile).expect("a grid");
        assert_eq!((grid.columns, grid.len()), (2, 4));
        for (index, level) in [0, 1, 10, 11].into_iter().enumerate() {
            assert_eq!(grid.image(index), [level, level + 100, level + 200].repeat(16 * 24));
        }
    }

    #[test]
    fn other_files_are_refused() {
        for file in [
            png(85, 56, DIGIT, png::ColorType::Grayscale),
            png(28, 28, DIGIT, png::ColorType::Rgb),
            png(2828, 2828, DIGIT, png::ColorType::Grayscale),
            Cursor::new(b"text".to_vec()),
            Cursor::new(png(28, 28, DIGIT, png::ColorType::Grayscale).into_inner()[..60].to_vec()),
        ] {
            assert!(decode(file, DIGIT).is_err());
        }
    }

    #[test]
    fn file_names_give_steps() {
        for (name, expected) in [("00000500.png", Some(500)), ("123456789.png", Some(123_456_789)), ("500.png", None)] {
            assert_eq!(step(name), expected);
        }
        assert_eq!((step("0000050x.png"), step("+0000050.png"), step("00000500.png.tmp")), (None, None, None));
    }
}
