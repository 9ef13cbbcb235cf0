//! Generated pictures as files: PNG, GIF, NumPy arrays, MNIST's own layout, and a directory of PNG files.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use duel_models::{
    Card, Shape,
    picture::{Picture, grid},
};

use super::{
    arrays,
    rendering::{Rendering, dithered, enlarged},
    write,
};

/// The longest side of a GIF in pixels. Each pixel of a picture is enlarged by the largest whole number that fits.
const GIF_SIDE: usize = 224;

/// The largest width or height of a GIF, in pixels.
const GIF_SIDE_MAX: usize = 2048;

/// The time of a GIF's frame, in hundredths of a second.
const DELAY: u16 = 8;

/// The most pictures of a grid: 100 × 100.
const GRID_MAX: usize = 10_000;

/// The most pixels of a PNG file.
const PIXELS_MAX: usize = 200_000_000;

/// N generated pictures and their inputs.
#[derive(Debug)]
pub struct Generated<'a> {
    /// The description of the generator.
    pub card: &'a Card,
    /// [N, latent].
    pub latents: Vec<f32>,
    /// `[N]`; empty for a generator without classes.
    pub labels: Vec<u8>,
    /// [N, height, width, channels] in [-1, 1].
    pub values: Vec<f32>,
    /// [N, height, width, channels], 0 to 255.
    pub images: Vec<u8>,
    /// The number of pictures in a row of a grid.
    pub across: usize,
}

/// The formats of generated pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A PNG file with a grid.
    Png,
    /// A GIF file with a walk from picture to picture.
    Gif,
    /// NumPy arrays.
    Npy,
    /// A directory with a pair of IDX files.
    Idx,
    /// A directory with a PNG file for each picture, in a folder for each class.
    Each,
}

/// Options of [`save`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Write [`Format::Each`].
    pub each: bool,
    /// Write the values and the latents in place of bytes; for `.npy` alone.
    pub float: bool,
    /// The side, in pixels of the file, of the square that a pixel becomes; for PNG and GIF.
    pub scale: Option<usize>,
    /// Reduce the pictures to black and white; for PNG and GIF.
    pub dither: bool,
    /// Replace files that exist; a directory of PNG files must be empty in any case.
    pub force: bool,
}

impl Format {
    /// Returns the format of `out`: by its extension, or by the options. An error names an option that the format does
    /// not have.
    pub fn choose(out: &Path, options: Options) -> Result<Self> {
        let extension = out.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
        let shown = out.display();
        let format = match extension.as_str() {
            _ if out == Path::new("-") => Self::Png,
            "png" => Self::Png,
            "gif" => Self::Gif,
            "npy" => Self::Npy,
            _ if extension.is_empty() || out.is_dir() || options.each => Self::Idx,
            _ => bail!("--out {shown}: expected an extension of .png, .gif or .npy, or a directory"),
        };
        let format = match (format, options.each) {
            (Self::Idx, true) => Self::Each,
            (_, true) => bail!("--each: it writes a directory of PNG files, and --out {shown} names one file"),
            (format, false) => format,
        };
        ensure!(!options.float || format == Self::Npy, "--float: only an --out of .npy holds floats, not {shown}");
        let drawn = matches!(format, Self::Png | Self::Gif | Self::Each);
        for (option, given) in [("--scale", options.scale.is_some()), ("--dither", options.dither)] {
            ensure!(drawn || !given, "{option}: only .png, .gif and --each have it, not --out {shown}");
        }
        Ok(format)
    }
}

/// Writes pictures to `out`; returns the paths that were written.
pub fn save(generated: &Generated, out: &Path, options: Options) -> Result<Vec<PathBuf>> {
    let files = match Format::choose(out, options)? {
        Format::Png => vec![(out.to_owned(), grid_png(generated, options)?)],
        Format::Gif => {
            let shape = generated.card.shape;
            let rendering = Rendering { scale: options.scale.unwrap_or(gif_scale(shape)), dither: options.dither };
            let side = shape.width.max(shape.height) * rendering.scale;
            ensure!(
                side <= GIF_SIDE_MAX,
                "--scale {}: the GIF would have a side of {side} pixels; use a scale of at most {}",
                rendering.scale,
                GIF_SIDE_MAX / shape.width.max(shape.height)
            );
            vec![(out.to_owned(), gif(&generated.images, shape, rendering))]
        }
        Format::Npy => arrays(generated, out, options.float),
        Format::Idx => idx(generated, out)?,
        Format::Each => {
            write::directory(out, each(generated, options))?;
            return Ok(vec![out.to_owned()]);
        }
    };
    write::must_be_free(files.iter().map(|(path, _)| path), "", options.force)?;
    for (path, bytes) in &files {
        write::replace(path, bytes)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// Paths and contents.
type Files = Vec<(PathBuf, Vec<u8>)>;

/// Encodes all pictures as one PNG file.
pub fn grid_png(generated: &Generated, options: Options) -> Result<Vec<u8>> {
    let count = generated.images.len() / generated.card.shape.size();
    ensure!(count <= GRID_MAX, "--count {count}: a grid has at most {GRID_MAX} pictures; --out FILE.npy takes more");
    let picture = grid(&generated.images, generated.card.shape, generated.across);
    let rendering = Rendering { scale: options.scale.unwrap_or(1), dither: options.dither };
    let pixels = picture.width * picture.height * rendering.scale * rendering.scale;
    ensure!(
        pixels <= PIXELS_MAX,
        "--scale {}: the PNG would have {pixels} pixels, over {PIXELS_MAX}; use a lower --scale or --count",
        rendering.scale
    );
    Ok(rendering.png(&picture))
}

/// Encodes each picture as a PNG file, with its path below the directory.
fn each<'a>(generated: &'a Generated, options: Options) -> impl Iterator<Item = (PathBuf, Vec<u8>)> + 'a {
    let Generated { card, labels, images, .. } = generated;
    let Shape { channels, height, width, .. } = card.shape;
    let rendering = Rendering { scale: options.scale.unwrap_or(1), dither: options.dither };
    images.chunks_exact(card.shape.size()).enumerate().map(move |(index, image)| {
        let folder = labels.get(index).map_or(PathBuf::new(), |label| folder(card, *label).into());
        let picture = Picture { width, height, channels, pixels: image.to_vec() };
        (folder.join(format!("{index:06}.png")), rendering.png(&picture))
    })
}

/// Returns the folder of a class: its name, or `class-` and its number if the name cannot be that of a folder, or would
/// be read as a split of the data.
fn folder(card: &Card, label: u8) -> String {
    let name = card.class_name(label);
    let bad = name.starts_with('.') || name.contains(['/', '\\', ':']) || ["train", "test"].contains(&name.as_str());
    if bad { format!("class-{label}") } else { name }
}

fn arrays(generated: &Generated, out: &Path, float: bool) -> Files {
    let Shape { channels, height, width, .. } = generated.card.shape;
    let count = generated.images.len() / generated.card.shape.size();
    let sizes = if channels == 1 { vec![count, height, width] } else { vec![count, height, width, channels] };
    let mut files = vec![];
    if float {
        let latents = arrays::npy_floats(&[count, generated.card.latent], &generated.latents);
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
    let shape = generated.card.shape;
    ensure!(
        shape.channels == 1,
        "--out {}: IDX files hold grey pictures only, and this generator draws in colour; add --each for a directory of PNG files, or use --out FILE.npy",
        out.display()
    );
    let mut files = vec![(out.join("images-idx3-ubyte"), arrays::idx_images(shape, &generated.images))];
    if !generated.labels.is_empty() {
        files.push((out.join("labels-idx1-ubyte"), arrays::idx_labels(&generated.labels)));
    }
    Ok(files)
}

/// Returns the scale of a GIF whose larger side is at most 224 pixels.
pub fn gif_scale(shape: Shape) -> usize {
    (GIF_SIDE / shape.width.max(shape.height)).max(1)
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
    use std::{fs, io::Cursor};

    use duel_tests::graphs;

    use super::*;

    const PLAIN: Options = Options { each: false, float: false, scale: None, dither: false, force: true };

    fn card(shape: &str, classes: usize) -> Card {
        graphs::card("test", shape.parse().expect("a shape"), 3, classes)
    }

    /// `count` pictures of levels that rise from 0 to 250 and start again.
    fn generated(card: &Card, count: usize, labels: Vec<u8>) -> Generated<'_> {
        let images = (0..count * card.shape.size()).map(|at| (at % 251) as u8).collect();
        let (latents, values) = (vec![0.5; count * 3], vec![0.0; count * card.shape.size()]);
        Generated { card, latents, labels, values, images, across: 1 }
    }

    #[test]
    fn the_format_goes_by_the_extension_and_the_options() {
        let (each, float) = (Options { each: true, ..PLAIN }, Options { float: true, ..PLAIN });
        let (scale, dither) = (Options { scale: Some(2), ..PLAIN }, Options { dither: true, ..PLAIN });
        for (out, options, expected) in [
            ("x.png", PLAIN, Format::Png),
            ("-", dither, Format::Png),
            ("x.GIF", scale, Format::Gif),
            ("x.npy", float, Format::Npy),
            ("d", PLAIN, Format::Idx),
            ("d.2", each, Format::Each),
        ] {
            assert_eq!(Format::choose(Path::new(out), options).expect(out), expected);
        }
        for (out, options, expected) in [
            ("x.jpg", PLAIN, ".png, .gif or .npy"),
            ("x.png", float, "--float"),
            ("x.png", each, "--each"),
            ("-", each, "--each"),
            ("x.npy", scale, "--scale"),
            ("d", dither, "--dither"),
        ] {
            let error = Format::choose(Path::new(out), options).expect_err(out).to_string();
            assert!(error.contains(expected) && error.contains(out), "{error}");
        }
    }

    #[test]
    fn files_are_written_under_their_names() {
        let home = tempfile::tempdir().expect("a directory");
        let float = Options { float: true, ..PLAIN };
        let card = card("1x28x28", 3);
        for (out, options, labels, expected) in [
            ("x.png", PLAIN, vec![], &["x.png"][..]),
            ("x.gif", PLAIN, vec![1, 2], &["x.gif"]),
            ("x.npy", PLAIN, vec![], &["x.npy"]),
            ("x.npy", float, vec![1, 2], &["x.npy", "x.latents.npy", "x.labels.npy"]),
            ("d", PLAIN, vec![1, 2], &["d/images-idx3-ubyte", "d/labels-idx1-ubyte"]),
        ] {
            let written = save(&generated(&card, 2, labels), &home.path().join(out), options).expect(out);
            let expected: Vec<PathBuf> = expected.iter().map(|name| home.path().join(name)).collect();
            assert_eq!(written, expected);
            assert!(written.iter().all(|path| path.is_file()), "{out}");
        }
    }

    #[test]
    fn each_picture_stands_in_the_folder_of_its_class() {
        let home = tempfile::tempdir().expect("a directory");
        let names = ["cat", "../x", "test", "ö k"].map(str::to_owned);
        let card = Card { class_names: names.into(), ..card("3x8x12", 4) };
        let generated = generated(&card, 4, vec![3, 1, 0, 2]);
        let out = home.path().join("pictures");
        save(&generated, &out, Options { each: true, scale: Some(2), ..PLAIN }).expect("an empty place");
        for (index, path) in
            ["ö k/000000.png", "class-1/000001.png", "cat/000002.png", "class-2/000003.png"].iter().enumerate()
        {
            let bytes = fs::read(out.join(path)).expect(path);
            let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().expect("a PNG");
            assert_eq!((reader.info().width, reader.info().height), (24, 16));
            let mut pixels = vec![0; 24 * 16 * 3];
            reader.next_frame(&mut pixels).expect("its pixels");
            assert_eq!(pixels[..3], generated.images[index * card.shape.size()..][..3]);
        }
        let flat = home.path().join("flat");
        let card = super::tests::card("3x8x12", 0);
        save(&super::tests::generated(&card, 1, vec![]), &flat, Options { each: true, ..PLAIN }).expect("space");
        assert!(flat.join("000000.png").is_file());
    }

    #[test]
    fn what_is_too_large_for_a_format_is_refused() {
        let home = tempfile::tempdir().expect("a directory");
        let (grey, colour) = (card("1x64x64", 0), card("3x8x8", 0));
        for (card, count, out, scale, expected) in [
            (&colour, 2, "d", None, "add --each for a directory"),
            (&colour, 10_001, "x.png", None, "--count 10001"),
            (&grey, 1000, "x.png", Some(64), "over 200000000"),
            (&grey, 1, "x.gif", Some(33), "use a scale of at most 32"),
        ] {
            let options = Options { scale, ..PLAIN };
            let error =
                save(&generated(card, count, vec![]), &home.path().join(out), options).expect_err(out).to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(fs::read_dir(home.path()).expect("there").count(), 0);
    }

    #[test]
    fn an_array_has_the_sizes_of_its_pictures() {
        for (shape, expected) in [("1x8x12", "'shape': (2, 8, 12), }"), ("3x8x12", "'shape': (2, 8, 12, 3), }")] {
            let files = arrays(&generated(&card(shape, 0), 2, vec![]), Path::new("x.npy"), false);
            let text = String::from_utf8_lossy(&files[0].1).into_owned();
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn a_png_is_read_back() {
        let card = card("3x8x12", 0);
        let generated = Generated { across: 2, ..generated(&card, 3, vec![]) };
        let bytes = grid_png(&generated, PLAIN).expect("a small picture");
        let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().expect("a PNG");
        assert_eq!((reader.info().width, reader.info().height), (24, 16));
        let mut pixels = vec![0; 24 * 16 * 3];
        reader.next_frame(&mut pixels).expect("its pixels");
        assert_eq!(pixels, grid(&generated.images, card.shape, 2).pixels);
    }

    #[test]
    fn a_gif_is_read_back() {
        let card = card("1x28x28", 0);
        let frames = generated(&card, 2, vec![]).images;
        let rendering = Rendering { scale: gif_scale(card.shape), dither: false };
        let bytes = gif(&frames, card.shape, rendering);
        let mut reader = gif::DecodeOptions::new().read_info(Cursor::new(bytes)).expect("a GIF");
        for frame in frames.chunks_exact(card.shape.size()) {
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
        let card = card("3x8x16", 0);
        let read =
            first_frame(gif(&generated(&card, 1, vec![]).images, card.shape, Rendering { scale: 3, dither: true }));
        assert!(read.chunks_exact(3).all(|pixel| pixel == [0; 3] || pixel == [255; 3]));
        assert!(read.contains(&0) && read.contains(&255));
    }
}
