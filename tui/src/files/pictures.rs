//! Generated pictures as files: PNG, GIF, NumPy arrays, MNIST's own layout, and a directory of PNG files.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;
use duel_models::{
    Card, Shape,
    picture::{Picture, grid},
};

use super::{animation, arrays, rendering::Rendering, write};
use crate::term::output::print_bytes;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A PNG file with a grid.
    Png,
    /// A GIF file with a walk from picture to picture.
    Gif,
    /// NumPy arrays.
    Npy,
    /// A directory with a pair of IDX files.
    #[value(skip)]
    Idx,
    /// A directory with a PNG file for each picture, in a folder for each class.
    #[value(skip)]
    Each,
}

/// Options of [`save`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The format of a file, in place of that of its extension.
    pub format: Option<Format>,
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
    /// Returns the format of `out`: by the options, or by its extension; PNG for stdout. An error names an option that
    /// the format does not have.
    pub fn choose(out: &Path, options: Options) -> Result<Self> {
        let extension = out.extension().map(|extension| extension.to_string_lossy().to_lowercase()).unwrap_or_default();
        let shown = out.display();
        let format = match extension.as_str() {
            _ if options.format.is_some() || write::is_stdout(out) => options.format.unwrap_or(Self::Png),
            "png" => Self::Png,
            "gif" => Self::Gif,
            "npy" => Self::Npy,
            _ if extension.is_empty() || out.is_dir() || options.each => Self::Idx,
            _ => bail!("--out {shown}: expected an extension of .png, .gif or .npy, a directory, or --format"),
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

/// Writes pictures to `out`; returns the paths that were written. Stdout takes one file: of arrays, that of the pictures.
pub fn save(generated: &Generated, out: &Path, options: Options) -> Result<Vec<PathBuf>> {
    let files = match Format::choose(out, options)? {
        Format::Png => vec![(out.to_owned(), grid_png(generated, options)?)],
        Format::Gif => {
            let shape = generated.card.shape;
            let rendering =
                Rendering { scale: options.scale.unwrap_or(animation::scale(shape)), dither: options.dither };
            let side = shape.width.max(shape.height) * rendering.scale;
            ensure!(
                side <= animation::SIDE_MAX,
                "--scale {}: the GIF would have a side of {side} pixels; use a scale of at most {}",
                rendering.scale,
                animation::SIDE_MAX / shape.width.max(shape.height)
            );
            vec![(out.to_owned(), animation::gif(&generated.images, shape, rendering))]
        }
        Format::Npy => arrays(generated, out, options.float),
        Format::Idx => idx(generated, out)?,
        Format::Each => {
            write::directory(out, each(generated, options))?;
            return Ok(vec![out.to_owned()]);
        }
    };
    if write::is_stdout(out) {
        print_bytes(&files[0].1)?;
        return Ok(Vec::new());
    }
    write::must_be_free(files.iter().map(|(path, _)| path), "", options.force)?;
    for (path, bytes) in &files {
        write::replace(path, bytes)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// Paths and contents.
type Files = Vec<(PathBuf, Vec<u8>)>;

/// Encodes all pictures as one PNG file.
fn grid_png(generated: &Generated, options: Options) -> Result<Vec<u8>> {
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

#[cfg(test)]
mod tests {
    use std::{fs, io::Cursor};

    use duel_tests::graphs;

    use super::*;

    const PLAIN: Options = Options { format: None, each: false, float: false, scale: None, dither: false, force: true };

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
        let gif = Options { format: Some(Format::Gif), ..PLAIN };
        for (out, options, expected) in [
            ("x.png", PLAIN, Format::Png),
            ("-", dither, Format::Png),
            ("-", gif, Format::Gif),
            ("x.bin", gif, Format::Gif),
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
            ("d", Options { each: true, ..gif }, "--each"),
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
}
