//! A check of each door for untrusted input: what must hold whatever the bytes are. `tests/fuzz` runs the checks for hours, `tests/doors.rs`
//! for seconds.

use std::{
    fmt::Display,
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
};

use duel_runtime::{Generator, Inputs, picture::to_bytes};
use duel_trainer::{
    data::mnist::SHAPE,
    doors,
    gan::state::save,
    recipe::{Change, Recipe},
    run::{
        density::Densities,
        grid,
        reader::{Reader, Run},
        record::RequestKind,
        summary::RunSummary,
        writer::Writer,
    },
};
use serde_json::Value;
use tempfile::TempDir;

use crate::seeds::{Door, duel, recipe};

/// A check that takes one input after the other, and keeps what it needs from one to the next.
pub type Open = Box<dyn FnMut(&[u8])>;

impl Door {
    /// Returns the check of this door.
    ///
    /// # Panics
    /// The check panics if an input breaks the door: the reader panics, an error message is not one line, or a refused input has changed
    /// something.
    pub fn open(self) -> Open {
        match self {
            Self::Archive => Box::new(archive),
            Self::Checkpoint => Box::new(checkpoint()),
            Self::Idx => Box::new(idx),
            Self::Lines => Box::new(lines()),
            Self::Npy => Box::new(npy),
            Self::Onnx => Box::new(onnx),
            Self::Picture => Box::new(picture),
            Self::Pictures => Box::new(pictures()),
            Self::Recipe => Box::new(a_recipe),
            Self::Requests => Box::new(requests()),
        }
    }
}

/// Checks that an error is one line without characters that a terminal would obey.
fn is_a_line(error: &impl Display) {
    let text = error.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

/// A temporary directory, in memory where the machine has /dev/shm.
fn room() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a temporary directory")
}

fn append(file: &Path, bytes: &[u8]) {
    let file = OpenOptions::new().append(true).create(true).open(file);
    file.and_then(|mut file| file.write_all(bytes)).expect("space");
}

/// A checkpoint, `--resume RUN`: a refused one changes nothing; an accepted one can be trained on, and is saved as it was.
fn checkpoint() -> impl FnMut(&[u8]) {
    let mut duel = duel();
    let start = save(&duel).expect("memory");
    move |bytes| {
        match doors::checkpoint(&mut duel, bytes) {
            Ok(()) => {
                let saved = save(&duel).expect("memory");
                doors::checkpoint(&mut duel, &saved).expect("its own checkpoint");
                duel.advance(true).expect("a step");
                doors::checkpoint(&mut duel, &start).expect("the start");
            }
            Err(why) => is_a_line(&why),
        }
        assert!(save(&duel).expect("memory") == start, "a refused checkpoint has changed something");
    }
}

/// A file of images, gzipped or not: `--data DIR`.
fn idx(bytes: &[u8]) {
    match doors::images(bytes) {
        Ok(images) => assert!(!images.is_empty() && images.len() >= 64),
        Err(why) => is_a_line(&why),
    }
    match doors::labels(bytes) {
        Ok(labels) => assert!(!labels.is_empty()),
        Err(why) => is_a_line(&why),
    }
}

/// A zip archive of pictures or arrays: `--data FILE.zip`.
fn archive(bytes: &[u8]) {
    match doors::archive(bytes) {
        Ok(data) => {
            assert!(!data.is_empty() && (data.labels.is_empty() || data.labels.len() == data.len()));
            data.class_names.iter().for_each(is_a_line);
            data.survey.warnings().iter().for_each(is_a_line);
        }
        Err(why) => is_a_line(&why),
    }
}

/// A picture of a folder or archive, in any format.
fn picture(bytes: &[u8]) {
    match doors::picture(bytes) {
        Ok(pixels) => assert_eq!(pixels.len(), 16 * 16 * 3),
        Err(why) => is_a_line(&why),
    }
}

/// A NumPy array of pictures or labels: `--data FILE.npy`.
fn npy(bytes: &[u8]) {
    match doors::array(bytes) {
        Ok(array) => assert_eq!(array.bytes.len(), array.shape.iter().product::<usize>()),
        Err(why) => is_a_line(&why),
    }
}

/// The files of a run directory as a watcher reads them. The same bytes stand in as metrics, events, requests and recipe; read at once or in
/// two parts they must give the same run.
fn lines() -> impl FnMut(&[u8]) {
    const FILES: [&str; 4] = ["metrics.jsonl", "events.jsonl", "control.jsonl", "recipe.toml"];
    let room = room();
    move |bytes| {
        let dir = room.path();
        for file in FILES {
            // Before the first input there is no file.
            let _ = fs::remove_file(dir.join(file));
        }
        let (first, rest) = bytes.split_at(bytes.len() / 2);
        let (mut reader, mut parts) = Reader::new(dir);
        for part in [first, rest] {
            FILES.iter().for_each(|file| append(&dir.join(file), part));
            reader.update(&mut parts).expect("readable");
        }
        let (mut reader, mut whole) = Reader::new(dir);
        reader.update(&mut whole).expect("readable");
        assert_eq!(figures(&parts), figures(&whole));
        assert!(
            parts.history.events.iter().zip(&whole.history.events).all(|(a, b)| format!("{a:?}") == format!("{b:?}"))
        );
        for event in &whole.history.events {
            is_showable(&serde_json::to_value(event).expect("an event is JSON"));
        }
        for key in ["name", "training.steps", "generator.hidden"] {
            let fact = whole.recipe.get(key).unwrap_or_default();
            assert!(!fact.chars().any(char::is_control));
        }
        assert!(RunSummary::read(dir).is_some());
    }
}

/// The numbers by which two readings of a run are compared.
fn figures(run: &Run) -> (u64, u64, Option<u64>, u64, &'static str) {
    (run.history.total, run.unreadable, run.curves.last_step(), run.step(), run.state().name())
}

/// Checks that no text in an event has characters that a terminal would obey.
fn is_showable(value: &Value) {
    match value {
        Value::String(text) => assert!(!text.chars().any(char::is_control), "{text:?}"),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            assert!(!key.chars().any(char::is_control), "{key:?}");
            is_showable(value);
        }),
        _ => {}
    }
}

/// A generator with its card, `--model FILE`; an accepted one must draw.
fn onnx(bytes: &[u8]) {
    match Generator::load(bytes) {
        Ok(generator) => {
            let inputs = Inputs::new(generator.card(), 1, 0..3, &[]);
            let images =
                generator.draw(&inputs.latents, &inputs.labels).expect("a sample was drawn while it was loaded");
            assert_eq!(to_bytes(&images).len(), 3 * generator.card().shape.size());
        }
        Err(error) => is_a_line(&error),
    }
}

/// The samples of a run directory: a grid of pictures as PNG, and the densities of a toy distribution.
fn pictures() -> impl FnMut(&[u8]) {
    let room = room();
    move |bytes| {
        let file = room.path().join("sample");
        fs::write(&file, bytes).expect("space");
        match grid::read_grid(&file, SHAPE) {
            Ok(grid) => assert!(grid.columns > 0 && grid.len().is_multiple_of(grid.columns)),
            Err(error) => is_a_line(&error),
        }
        match Densities::read(&file) {
            Ok(densities) => assert!(!densities.largest_advantage().is_nan()),
            Err(error) => is_a_line(&error),
        }
    }
}

/// A recipe as TOML, `--recipe FILE`, and its first lines as a `--set KEY=VALUE`.
fn a_recipe(bytes: &[u8]) {
    // A file that is not UTF-8 is refused before it is parsed.
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let settings = text.lines().take(2).map(|line| Recipe::default().with(&[line.to_owned()]));
    for recipe in [Recipe::parse(text, "recipe.toml")].into_iter().chain(settings) {
        match recipe {
            Ok(recipe) => assert_eq!(Recipe::parse(&recipe.to_toml(), "again").expect("its own text"), recipe),
            Err(error) => is_a_line(&error),
        }
    }
}

/// Requests of watchers in `control.jsonl`, and the changes of the recipe that they ask for.
fn requests() -> impl FnMut(&[u8]) {
    /// Inputs after which a new file is begun.
    const TURN: u32 = 10_000;
    let begin = || {
        let room = room();
        let writer = Writer::create(&room.path().join("run"), &recipe()).expect("space");
        (room, writer)
    };
    let (mut trainer, recipe, mut inputs) = (begin(), recipe(), 0);
    move |bytes| {
        inputs += 1;
        if inputs % TURN == 0 {
            trainer = begin();
        }
        let (room, writer) = &mut trainer;
        let mut recipe = recipe.clone();
        let (first, rest) = bytes.split_at(bytes.len() / 2);
        for part in [first, rest, b"\n"] {
            append(&room.path().join("run/control.jsonl"), part);
            for request in writer.requests().expect("readable") {
                let RequestKind::Set { key, value } = &request.kind else { continue };
                match Change::new(5, key, value).and_then(|change| recipe.change(change)) {
                    Ok(()) => {
                        assert_eq!(Recipe::parse(&recipe.to_toml(), "again").expect("its own text"), recipe);
                    }
                    Err(why) => is_a_line(&why),
                }
            }
        }
    }
}
