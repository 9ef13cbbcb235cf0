//! Reads a run directory, and follows it while a trainer writes it.

use std::{
    fs::{self, TryLockError},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use duel_models::{Shape, files, text::showable};
use rayon::prelude::*;

use super::{
    curves::Curves,
    grid,
    history::{RunHistory, State},
    paths::shape_of_first_runs,
    record::{Event, Metrics, Request},
    tail::{Chunk, Tail, lines},
};
use crate::recipe::{Change, Source};

/// The most bytes of a recipe that are read.
const RECIPE_MAX: u64 = 1 << 20;

/// A run, as far as its directory was read.
#[derive(Debug, Default)]
pub struct Run {
    /// The name of the run directory, with control characters escaped.
    pub name: String,
    /// The recipe.
    pub recipe: RecipeView,
    /// The events.
    pub history: RunHistory,
    /// The metrics over all steps.
    pub curves: Curves,
    /// The newest metrics.
    pub last: Option<Metrics>,
    /// The steps with samples, in rising order.
    pub samples: Vec<u64>,
    /// Whether a trainer holds the lock.
    pub has_trainer: bool,
    /// The number of lines that could not be parsed and were skipped.
    pub unreadable: u64,
}

impl Run {
    /// Returns the state.
    pub fn state(&self) -> State {
        self.history.state(self.has_trainer)
    }

    /// Returns the number of steps done.
    pub fn step(&self) -> u64 {
        let of_events = self.history.events.back().map_or(0, |event| event.step);
        self.last.map_or(0, |metrics| metrics.step).max(of_events)
    }

    /// Returns the value of the recipe's key `section.key` at the newest step, changes during training included.
    pub fn setting(&self, path: &str) -> Option<String> {
        let (changes, step) = (self.recipe.changes(), self.last.map_or(0, |metrics| metrics.step));
        let earlier = changes.iter().filter(|change| change.key == path && change.step < step);
        let newest = earlier.max_by_key(|change| change.step);
        newest.map(|change| change.value.to_string()).or_else(|| self.recipe.get(path))
    }

    /// Returns the shape of a sample.
    pub fn shape(&self) -> Shape {
        self.recipe.shape()
    }

    /// Returns the number of steps done at the end of training; 0 if it is unknown.
    pub fn steps(&self) -> u64 {
        match self.history.start.steps {
            0 => self.recipe.get("training.steps").and_then(|steps| steps.parse().ok()).unwrap_or(0),
            steps => steps,
        }
    }
}

/// A recipe for display. Unlike [`Recipe`](crate::recipe::Recipe) it accepts any keys, so that runs of newer versions
/// can be shown.
#[derive(Debug, Clone, Default)]
pub struct RecipeView(toml::Table);

impl RecipeView {
    /// Parses the text of a recipe; a text that is not TOML gives an empty view.
    pub fn parse(text: &str) -> Self {
        Self(text.parse().unwrap_or_default())
    }

    /// Returns the value of `section.key` as text without quotes, with control characters escaped.
    pub fn get(&self, path: &str) -> Option<String> {
        let value = match path.split_once('.') {
            Some((section, key)) => self.0.get(section)?.get(key)?,
            None => self.0.get(path)?,
        };
        Some(showable(&value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    }

    /// Returns the shape of the pictures.
    pub fn shape(&self) -> Shape {
        self.get("data.shape").and_then(|shape| shape.parse().ok()).unwrap_or_else(shape_of_first_runs)
    }

    /// Returns whether the data are a toy distribution.
    pub fn is_toy(&self) -> bool {
        self.source().toy().is_some()
    }

    /// Returns whether the data are the bundled MNIST digits.
    pub fn is_mnist(&self) -> bool {
        self.source() == Source::Mnist
    }

    fn source(&self) -> Source {
        let Ok(source) = self.get("data.source").unwrap_or_default().parse();
        source
    }

    /// Returns the entries of `training.changes`, without those that cannot be parsed.
    pub fn changes(&self) -> Vec<Change> {
        let listed = self.0.get("training").and_then(|training| training.get("changes")?.as_array());
        listed.into_iter().flatten().filter_map(|change| change.as_str()?.parse().ok()).collect()
    }
}

/// Updates a [`Run`] from its directory.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    metrics: Tail,
    events: Tail,
    requests: Tail,
    recipe_seen: Option<SystemTime>,
    samples_seen: Option<SystemTime>,
}

impl Reader {
    /// Returns a reader of `dir`, and a run of which nothing was read yet.
    pub fn new(dir: &Path) -> (Self, Run) {
        let reader = Self {
            dir: dir.to_owned(),
            metrics: Tail::new(dir.join("metrics.jsonl")),
            events: Tail::new(dir.join("events.jsonl")),
            requests: Tail::new(dir.join("control.jsonl")),
            recipe_seen: None,
            samples_seen: None,
        };
        (reader, Run { name: name(dir), ..Run::default() })
    }

    /// Reads everything that was added since the last call into `run`, and returns whether anything changed.
    ///
    /// A missing file is no error; an unreadable file is.
    pub fn update(&mut self, run: &mut Run) -> io::Result<bool> {
        let mut changed = self.update_recipe(run);
        let had_trainer = run.has_trainer;
        changed |= self.update_state(run)?;
        changed |= run.has_trainer != had_trainer;
        changed |= self.update_metrics(run)?;
        changed |= self.update_samples(run);
        Ok(changed)
    }

    pub(super) fn update_recipe(&mut self, run: &mut Run) -> bool {
        let path = self.dir.join("recipe.toml");
        if !is_modified(&path, &mut self.recipe_seen) {
            return false;
        }
        let text = files::read_small(&path, RECIPE_MAX).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        run.recipe = RecipeView::parse(&text.unwrap_or_default());
        true
    }

    /// Reads the lock and the events, and returns whether there are new events.
    pub(super) fn update_state(&mut self, run: &mut Run) -> io::Result<bool> {
        let dir = self.dir.clone();
        let mut changed = false;
        run.has_trainer = agreed(|| has_trainer(&dir), || self.update_history(run).inspect(|new| changed |= new))?;
        Ok(changed)
    }

    fn update_history(&mut self, run: &mut Run) -> io::Result<bool> {
        let requests = self.requests.read(|chunk| {
            let Chunk::Lines(block) = chunk else { return };
            // The trainer ignores requests that cannot be parsed, too.
            for request in lines(block).filter_map(|line| serde_json::from_slice::<Request>(line).ok()) {
                run.history.add_request(request);
            }
        })?;
        let events = self.events.read(|chunk| match chunk {
            Chunk::Restart => run.history = RunHistory::default(),
            Chunk::TooLong => run.unreadable += 1,
            Chunk::Lines(block) => {
                for line in lines(block) {
                    match serde_json::from_slice::<Event>(line) {
                        Ok(event) => run.history.add_event(event),
                        Err(_) => run.unreadable += 1,
                    }
                }
            }
        })?;
        Ok(requests || events)
    }

    fn update_metrics(&mut self, run: &mut Run) -> io::Result<bool> {
        self.metrics.read(|chunk| match chunk {
            Chunk::Restart => (run.curves, run.last) = (Curves::default(), None),
            Chunk::TooLong => run.unreadable += 1,
            Chunk::Lines(block) => {
                for record in parse(block) {
                    match record {
                        Some(record) => {
                            run.curves.push(&record);
                            run.last = Some(record);
                        }
                        None => run.unreadable += 1,
                    }
                }
            }
        })
    }

    fn update_samples(&mut self, run: &mut Run) -> bool {
        if !is_modified(&self.dir.join("samples"), &mut self.samples_seen) {
            return false;
        }
        let samples = grid::sample_steps(&self.dir).unwrap_or_default();
        let changed = samples != run.samples;
        run.samples = samples;
        changed
    }
}

/// Parses the lines of a block in parallel; none for a line that is no record.
fn parse(block: &[u8]) -> Vec<Option<Metrics>> {
    let lines: Vec<&[u8]> = lines(block).collect();
    lines.par_iter().with_min_len(256).map(|line| serde_json::from_slice(line).ok()).collect()
}

/// Returns whether the time of a file differs from `seen`, and stores the new time there.
fn is_modified(path: &Path, seen: &mut Option<SystemTime>) -> bool {
    let time = fs::metadata(path).and_then(|meta| meta.modified()).ok();
    std::mem::replace(seen, time) != time
}

/// Returns whether a trainer holds the lock, once the lock and the events agree; `read_events` tells whether it found
/// new ones.
///
/// The lock is read before the events: if the trainer ends in between, its last event is there, and the run does not
/// seem to have crashed. If a trainer begins in between, its first event is there and its lock was not yet: the lock is
/// read again, until there is a trainer or nothing new of it.
fn agreed(has_trainer: impl Fn() -> bool, mut read_events: impl FnMut() -> io::Result<bool>) -> io::Result<bool> {
    loop {
        let has_trainer = has_trainer();
        let is_new = read_events()?;
        if has_trainer || !is_new {
            return Ok(has_trainer);
        }
    }
}

/// Returns whether a trainer holds the lock of a run directory.
pub fn has_trainer(dir: &Path) -> bool {
    let Ok(file) = files::open(&dir.join("lock")) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Returns the last component of a path, with control characters escaped.
fn name(dir: &Path) -> String {
    let full = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    showable(&full.file_name().unwrap_or(full.as_os_str()).to_string_lossy())
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, fs::File, io::Write};

    use super::*;
    use crate::run::curves::tests::{record, series};

    fn line(step: u64, value: f64) -> String {
        serde_json::to_string(&record(step, value)).expect("metrics are JSON") + "\n"
    }

    #[test]
    fn a_growing_run_is_followed() {
        let dir = tempfile::tempdir().expect("a directory");
        let (mut reader, mut run) = Reader::new(dir.path());
        assert!(!reader.update(&mut run).expect("an empty directory is no error"));
        assert_eq!(run.state(), State::Waiting);

        let mut file = File::create(dir.path().join("metrics.jsonl")).expect("a file");
        let (first, second) = (line(50, 1.0), line(100, f64::NAN));
        file.write_all(first.as_bytes()).expect("a write");
        file.write_all(&second.as_bytes()[..40]).expect("a write");
        assert!(reader.update(&mut run).expect("readable"));
        assert_eq!((run.step(), run.unreadable), (50, 0), "a partial line does not count yet");
        assert!(!reader.update(&mut run).expect("readable"), "nothing new");
        file.write_all(&second.as_bytes()[40..]).expect("a write");
        file.write_all(b"{\"step\":\n").expect("a write");
        assert!(reader.update(&mut run).expect("readable"));
        assert_eq!((run.step(), run.unreadable), (100, 1));
        assert!(run.last.expect("two lines").d_loss.is_nan());

        file.write_all(line(60, 2.0).as_bytes()).expect("a write");
        reader.update(&mut run).expect("readable");
        let steps: Vec<u64> = run.curves.between(0, u64::MAX).iter().map(|bucket| bucket.last).collect();
        assert_eq!((run.step(), steps), (60, vec![50, 60]), "a resume repeats steps");

        fs::write(dir.path().join("recipe.toml"), "name = \"a\\u001bb\"\n[training]\nsteps = 500\n").expect("a write");
        fs::create_dir(dir.path().join("samples")).expect("a directory");
        fs::write(dir.path().join("samples/00000050.png"), "").expect("a write");
        assert!(reader.update(&mut run).expect("readable"));
        assert_eq!((run.recipe.get("name").as_deref(), run.steps()), (Some("a\\u{1b}b"), 500));
        assert_eq!(run.samples, [50]);
    }

    #[test]
    fn a_held_lock_means_a_running_trainer() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(!has_trainer(dir.path()));
        let lock = File::create(dir.path().join("lock")).expect("a file");
        assert!(!has_trainer(dir.path()));
        lock.lock().expect("a lock");
        assert!(has_trainer(dir.path()));
        drop(lock);
        assert!(!has_trainer(dir.path()));
    }

    #[test]
    fn the_state_is_true_when_a_trainer_begins_or_ends_while_it_is_read() {
        // What a reader finds in turn: whether the lock is held, and whether there are new events.
        type Finds = &'static [(bool, bool)];
        let cases: [(Finds, bool); 5] = [
            (&[(false, false)], false),
            (&[(true, false)], true),
            // It ends before its last event is read: the next update sees the end.
            (&[(true, true)], true),
            // It begins after the lock was read.
            (&[(false, true), (true, false)], true),
            // It ended long ago, or begins and ends within the reading.
            (&[(false, true), (false, false)], false),
        ];
        for (finds, expected) in cases {
            let turn = Cell::new(0);
            let is_new = || Ok(finds[turn.replace(turn.get() + 1)].1);
            assert_eq!(agreed(|| finds[turn.get()].0, is_new).expect("readable"), expected, "{finds:?}");
            assert_eq!(turn.get(), finds.len(), "{finds:?}");
        }
    }

    #[test]
    fn files_of_random_bytes_are_no_error() {
        let dir = tempfile::tempdir().expect("a directory");
        for file in ["recipe.toml", "metrics.jsonl", "events.jsonl", "control.jsonl", "samples", "lock"] {
            fs::write(dir.path().join(file), [0xff, 0, b'\n', 0x1b, b'{', b'\n', b'[', b'['].repeat(100))
                .expect("a write");
        }
        let (mut reader, mut run) = Reader::new(dir.path());
        reader.update(&mut run).expect("readable");
        assert_eq!((run.state(), run.curves.between(0, 9).iter().len()), (State::Waiting, 0));
        assert_eq!(run.unreadable, 400);
    }

    #[test]
    fn curves_keep_the_spikes_of_a_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let text: String = (1..=5000).map(|step| line(step, if step == 777 { 42.0 } else { 1.0 })).collect();
        fs::write(dir.path().join("metrics.jsonl"), text).expect("a write");
        let (mut reader, mut run) = Reader::new(dir.path());
        reader.update(&mut run).expect("readable");
        let highest = run.curves.between(0, u64::MAX).iter().map(|bucket| bucket.span(series("d_loss")).max);
        assert_eq!(highest.fold(0.0, f32::max), 42.0);
    }
}
