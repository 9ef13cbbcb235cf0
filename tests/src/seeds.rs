//! Small good files of each kind of untrusted input, written by the project itself: the first inputs of the fuzz
//! targets and of `tests/faults`.

use std::{
    fs,
    io::{Cursor, Write},
    path::Path,
};

use candle_core::Device;
use duel_models::{
    picture::{Picture, grid, png},
    random::Stream,
};
use duel_trainer::{
    data::{DataSet, mnist::SHAPE},
    export::{Weights, export},
    gan::{Duel, state::save},
    recipe::{Recipe, SHIPPED},
    run::{
        density::Densities,
        record::{Ending, Event, EventKind, Request, RequestKind},
    },
};
use flate2::{Compression, write::GzEncoder};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::recorded::{Kind, at, json};

/// A door: a function that reads one kind of untrusted input. Each is a fuzz target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// A zip archive of pictures with labels, or of NumPy arrays.
    Archive,
    /// A checkpoint.
    Checkpoint,
    /// IDX files of images or labels, gzipped or not.
    Idx,
    /// The metrics, events and requests of a run.
    Lines,
    /// NumPy arrays of pictures or labels.
    Npy,
    /// A generator with its card.
    Onnx,
    /// A picture in any of the formats that are read.
    Picture,
    /// Samples of a run: a grid of digits, or the densities of a toy distribution.
    Pictures,
    /// A recipe, and settings.
    Recipe,
    /// Requests of a watcher to the trainer.
    Requests,
}

impl Door {
    /// All doors.
    pub const ALL: [Self; 10] = [
        Self::Archive,
        Self::Checkpoint,
        Self::Idx,
        Self::Lines,
        Self::Npy,
        Self::Onnx,
        Self::Picture,
        Self::Pictures,
        Self::Recipe,
        Self::Requests,
    ];

    /// The name of the fuzz target.
    pub fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Checkpoint => "checkpoint",
            Self::Idx => "idx",
            Self::Lines => "lines",
            Self::Npy => "npy",
            Self::Onnx => "onnx",
            Self::Picture => "picture",
            Self::Pictures => "pictures",
            Self::Recipe => "recipe",
            Self::Requests => "requests",
        }
    }

    /// Good files, which pass the door.
    pub fn seeds(self) -> Vec<Vec<u8>> {
        match self {
            Self::Archive => archives(),
            Self::Checkpoint => checkpoints(),
            Self::Idx => [images(2), labels(2)].into_iter().flat_map(|file| [gzip(&file), file]).collect(),
            Self::Lines => vec![[events(), metrics(), requests()].concat().into_bytes(), metrics().into_bytes()],
            Self::Npy => vec![npy(&[1, 8, 9], &pixels(72)), npy(&[1, 8, 8, 3], &pixels(192)), npy(&[5], &pixels(5))],
            Self::Onnx => onnx(),
            Self::Picture => encoded(),
            Self::Pictures => {
                vec![png(&grid(&digits(2), SHAPE, 2)), png(&grid(&digits(1), SHAPE, 1)), densities().to_json()]
            }
            Self::Recipe => recipes(),
            Self::Requests => vec![requests().into_bytes()],
        }
    }
}

/// A copy of a random seed file, damaged in one to three places: bits flipped, cut, spliced, doubled, or words and
/// numbers put in.
pub fn mutated(seeds: &[Vec<u8>], stream: &mut Stream) -> Vec<u8> {
    let mut bytes = seeds[stream.below(seeds.len())].clone();
    for _ in 0..1 + stream.below(3) {
        let at = stream.below(bytes.len() + 1);
        let end = (at + 1 + stream.below(64)).min(bytes.len());
        match stream.below(9) {
            0..=2 if at < bytes.len() => bytes[at] ^= 1 << stream.below(8),
            3 => bytes.truncate(at),
            4 => {
                let other = &seeds[stream.below(seeds.len())];
                bytes.truncate(at);
                bytes.extend_from_slice(&other[stream.below(other.len() + 1)..]);
            }
            5 if at < end => drop(bytes.drain(at..end)),
            6 => {
                let twice = bytes[at.min(end)..end].to_owned();
                bytes.splice(at..at, twice);
            }
            7 => {
                let number = [0, -1, i64::MAX, i64::from(u32::MAX), 0x7fff_ffff][stream.below(5)].to_be_bytes();
                let number = &number[8 - [1, 2, 4, 8][stream.below(4)]..];
                let end = (at + number.len()).min(bytes.len());
                bytes.splice(at..end, number.iter().copied());
            }
            _ => {
                let word = ["\u{1b}[2J", "9999999999999999999", "-", "nan", "\"", "[[[[[[[[", "\n", "null"];
                bytes.splice(at..at, word[stream.below(word.len())].bytes());
            }
        }
    }
    bytes
}

/// The pictures in odd formats with which the decoder is tested.
fn encoded() -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../trainer/src/data/decode");
    let files = fs::read_dir(dir).expect("the decoder's tests").flatten().map(|entry| entry.path());
    let picture = |path: &Path| {
        !path.extension().is_some_and(|extension| ["rs", "py", "json"].iter().any(|other| extension == *other))
    };
    let mut files: Vec<_> = files.filter(|path| picture(path)).collect();
    files.sort();
    files.into_iter().map(|path| fs::read(path).expect("a picture")).collect()
}

/// Archives of pictures with and without compression and labels, and one of arrays.
fn archives() -> Vec<Vec<u8>> {
    let picture = |level: u8| png(&Picture { width: 8, height: 8, channels: 1, pixels: vec![level; 64] });
    let pictures = [("a/1.png", picture(1)), ("b/2.png", picture(2)), ("b/c/3.png", picture(3))];
    let labels = br#"{"labels": [["a/1.png", 4], ["b/2.png", 7], ["b/c/3.png", 4]]}"#.to_vec();
    let labelled = [&pictures[..], &[("dataset.json", labels)]].concat();
    let arrays = [("images.npy", npy(&[2, 8, 8], &pixels(128))), ("labels.npy", npy(&[2], &[3, 5]))];
    vec![
        zipped(&pictures, CompressionMethod::Stored),
        zipped(&labelled, CompressionMethod::Deflated),
        zipped(&arrays, CompressionMethod::Stored),
    ]
}

/// A zip archive of some files.
pub fn zipped(files: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, SimpleFileOptions::default().compression_method(method)).expect("memory");
        archive.write_all(bytes).expect("memory");
    }
    archive.finish().expect("memory").into_inner()
}

/// Grey levels of `count` digits, [count, 28, 28].
fn digits(count: usize) -> Vec<u8> {
    pixels(count * SHAPE.size())
}

/// Pixel values 0 to 250, repeated. 251 is a prime, so that the rows of a picture differ.
pub fn pixels(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at % 251) as u8).collect()
}

/// A NumPy array of unsigned bytes, as `numpy.save` writes it: format 1.0, the header padded to 128 bytes in all.
pub fn npy(shape: &[usize], values: &[u8]) -> Vec<u8> {
    let axes: String = shape.iter().map(|axis| format!("{axis}, ")).collect();
    // A tuple of one axis keeps its comma.
    let axes = if shape.len() == 1 { axes.trim_end() } else { axes.trim_end_matches(", ") };
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({axes}), }}");
    [b"\x93NUMPY\x01\x00\x76\x00", format!("{header:<117}\n").as_bytes(), values].concat()
}

/// An IDX file of `count` images of 28×28.
pub fn images(count: u32) -> Vec<u8> {
    idx(&[0x803, count, 28, 28], digits(count as usize))
}

/// An IDX file of `count` labels from 0 to 9.
pub fn labels(count: u32) -> Vec<u8> {
    idx(&[0x801, count], (0..count).map(|index| (index % 10) as u8).collect())
}

fn idx(header: &[u32], values: Vec<u8>) -> Vec<u8> {
    header.iter().flat_map(|word| word.to_be_bytes()).chain(values).collect()
}

/// Compresses bytes with gzip.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).and_then(|()| gzip.finish()).expect("memory")
}

/// A recipe of tiny networks whose checkpoint holds every kind of state: EMA, moments of Adam, spectral norm and
/// balance.
pub fn recipe() -> Recipe {
    small(&[
        "generator.hidden=[2]",
        "generator.ema=0.9",
        "discriminator.hidden=[2]",
        "discriminator.spectral_norm=true",
        "discriminator.pieces=2",
        "training.balance=adaptive",
    ])
}

/// The duel of [`recipe`], before its first step.
pub fn duel() -> Duel {
    build(recipe())
}

fn small(settings: &[&str]) -> Recipe {
    let settings: Vec<String> =
        ["generator.latent=1", "training.batch=2"].iter().chain(settings).map(ToString::to_string).collect();
    Recipe::default().with(&settings).expect("good settings")
}

fn build(recipe: Recipe) -> Duel {
    let recipe = recipe.for_shape(SHAPE).expect("the shape of digits");
    let data = DataSet::new(SHAPE, digits(10), vec![0; 10]);
    Duel::new(recipe, Some(data), Device::Cpu).expect("small networks")
}

/// A checkpoint after one step, and one before the first step.
fn checkpoints() -> Vec<Vec<u8>> {
    let mut duel = duel();
    let start = save(&duel).expect("memory");
    duel.advance(false).expect("a step");
    vec![save(&duel).expect("memory"), start]
}

/// Generators that together have every kind of layer.
fn onnx() -> Vec<Vec<u8>> {
    let conv = ["generator.kind=conv", "generator.channels=[1, 1]"];
    let conditional = [&conv[..], &["training.conditional=true", "data.classes=2"]].concat();
    let paper = ["generator.hidden=[1]", "generator.batch_norm=off", "generator.output=sigmoid"];
    let dense = ["generator.hidden=[1]"];
    let all = [
        (&conv[..], Weights::Single),
        (&conditional, Weights::Single),
        (&paper, Weights::Single),
        (&dense, Weights::Half),
    ];
    let export = |(settings, weights): (&[&str], _)| export(&build(small(settings)), Default::default(), weights);
    all.into_iter().map(|model| export(model).expect("a small generator").onnx).collect()
}

fn densities() -> Densities {
    Densities {
        step: 1,
        x: vec![-1.0, 1.0],
        data: vec![0.25, 0.5],
        generator: vec![0.5, 0.25],
        discriminator: vec![0.4, 0.6],
        arrows: vec![[0.0, 0.5]],
        distance: 0.1,
    }
}

fn recipes() -> Vec<Vec<u8>> {
    const SETTINGS: &str = "training.batch=64\ngenerator.hidden=[8, 8]\ntraining.loss=minimax\ngenerator.learning_rate=1e-4\n\
        training.conditional=true\nname=mine\ndata.source = \"a/b\"\n\
        training.changes=[\"5: training.k_generator = 2\"]\n";
    let shipped = SHIPPED.iter().map(|(_, text)| (*text).to_owned());
    shipped.chain([Recipe::default().to_toml(), SETTINGS.to_owned()]).map(String::into_bytes).collect()
}

fn metrics() -> String {
    (1..=3).map(|line| json(&at(Kind::Healthy, 50 * line))).collect()
}

/// An event of each kind, as lines of JSON.
fn events() -> String {
    let text = || "text".to_owned();
    let events = [
        EventKind::Started { device: "cpu".into(), threads: 2, steps: 10, parameters: [1, 2], version: text() },
        EventKind::Checkpoint { file: "checkpoints/00000005.safetensors".into() },
        EventKind::Evaluation {
            judge: "digits".to_owned(),
            scores: [("frechet".to_owned(), 1.5)].into(),
            real: [("frechet".to_owned(), 0.5)].into(),
        },
        EventKind::Warning { what: text(), since: 3, evidence: text(), remedy: text() },
        EventKind::Change { key: "generator.learning_rate".into(), value: 1e-4 },
        EventKind::Answer { id: "a".into(), done: true, message: text() },
        EventKind::Stopped { why: Ending::Failed, error: Some(text()) },
        EventKind::Resumed { steps: 10 },
        EventKind::Stopped { why: Ending::Asked, error: None },
    ];
    events.into_iter().map(|kind| json(&Event { time: 1.4e9, step: 5, kind })).collect()
}

/// A request of each kind, as lines of JSON.
fn requests() -> String {
    let set = |key: &str, value: &str| RequestKind::Set { key: key.to_owned(), value: value.to_owned() };
    let requests = [
        RequestKind::Pause,
        RequestKind::Continue,
        RequestKind::Checkpoint,
        RequestKind::Stop,
        set("generator.learning_rate", "1e-4"),
        set("training.k_generator", "2"),
    ];
    requests.into_iter().map(|kind| json(&Request { id: "a".to_owned(), kind })).collect()
}

#[cfg(test)]
mod tests {
    use duel_trainer::doors;

    use super::*;

    #[test]
    fn seeds_pass_their_doors() {
        for bytes in Door::Checkpoint.seeds() {
            doors::checkpoint(&mut duel(), &bytes).expect("a good checkpoint");
        }
        for bytes in Door::Idx.seeds() {
            doors::images(&bytes).or_else(|_| doors::labels(&bytes)).expect("a good file");
        }
        for bytes in Door::Npy.seeds() {
            doors::array(&bytes).expect("a good array");
        }
        for bytes in Door::Recipe.seeds() {
            let text = String::from_utf8(bytes).expect("text");
            let set = |text: &str| Recipe::default().with(&text.lines().map(str::to_owned).collect::<Vec<_>>());
            Recipe::parse(&text, "a seed").or_else(|_| set(&text)).expect("a good recipe");
        }
        assert!(Door::ALL.iter().all(|door| !door.seeds().is_empty()));
    }
}
