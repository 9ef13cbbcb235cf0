//! The run directory as a watcher sees it: all that is known of a run, brought up to date again and again.

use std::{
    fs::{self, TryLockError},
    io::{self, Seek, SeekFrom},
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
    tail::{Found, Tail, lines},
};
use crate::recipe::{Change, Source};

/// Bytes of a recipe that are read at most.
const RECIPE: u64 = 1 << 20;

/// Bytes at the end of `metrics.jsonl` in which [`RunSummary`] looks for the last line.
const LAST_LINE: u64 = 64 << 10;

/// What is known of a run.
#[derive(Debug, Default)]
pub struct Run {
    /// The run directory's name; control characters written as escapes.
    pub name: String,
    /// Its recipe.
    pub recipe: RecipeView,
    /// Its events.
    pub history: RunHistory,
    /// Its metrics through time.
    pub curves: Curves,
    /// Its newest metrics.
    pub last: Option<Metrics>,
    /// The steps of its sample grids, in order.
    pub samples: Vec<u64>,
    /// Whether a trainer holds its lock.
    pub has_trainer: bool,
    /// Lines that were not what they should be, and were passed over.
    pub unreadable: u64,
}

impl Run {
    /// What it is doing.
    pub fn state(&self) -> State {
        self.history.state(self.has_trainer)
    }

    /// Steps done.
    pub fn step(&self) -> u64 {
        let told = self.history.events.back().map_or(0, |event| event.step);
        self.last.map_or(0, |metrics| metrics.step).max(told)
    }

    /// The value at `section.key` of its recipe that held for the step of the newest metrics, changes included.
    pub fn setting(&self, path: &str) -> Option<String> {
        let (changes, step) = (self.recipe.changes(), self.last.map_or(0, |metrics| metrics.step));
        let made = changes.iter().filter(|change| change.key == path && change.step < step);
        let newest = made.max_by_key(|change| change.step);
        newest.map(|change| change.value.to_string()).or_else(|| self.recipe.get(path))
    }

    /// The shape of a sample.
    pub fn shape(&self) -> Shape {
        self.recipe.shape()
    }

    /// Steps it will have done at its end; 0 if that is not known.
    pub fn steps(&self) -> u64 {
        match self.history.start.steps {
            0 => self.recipe.get("training.steps").and_then(|steps| steps.parse().ok()).unwrap_or(0),
            steps => steps,
        }
    }
}

/// A recipe, read only to be shown: a newer one's unknown keys do no harm.
#[derive(Debug, Clone, Default)]
pub struct RecipeView(toml::Table);

impl RecipeView {
    /// Of a recipe's text; nothing of one that is no TOML.
    pub fn parse(text: &str) -> Self {
        Self(text.parse().unwrap_or_default())
    }

    /// The value at `section.key` as text, without quotes; control characters written as escapes.
    pub fn get(&self, path: &str) -> Option<String> {
        let value = match path.split_once('.') {
            Some((section, key)) => self.0.get(section)?.get(key)?,
            None => self.0.get(path)?,
        };
        Some(showable(&value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    }

    /// The shape of a picture.
    pub fn shape(&self) -> Shape {
        self.get("data.shape").and_then(|shape| shape.parse().ok()).unwrap_or_else(shape_of_first_runs)
    }

    /// Whether the data are a toy distribution.
    pub fn is_toy(&self) -> bool {
        self.source().toy().is_some()
    }

    /// Whether the data are the bundled digits.
    pub fn is_mnist(&self) -> bool {
        self.source() == Source::Mnist
    }

    fn source(&self) -> Source {
        let Ok(source) = self.get("data.source").unwrap_or_default().parse();
        source
    }

    /// What changed while it trained, and will, those that can be read.
    pub fn changes(&self) -> Vec<Change> {
        let listed = self.0.get("training").and_then(|training| training.get("changes")?.as_array());
        listed.into_iter().flatten().filter_map(|change| change.as_str()?.parse().ok()).collect()
    }
}

/// Brings a [`Run`] up to date with its directory.
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
    /// A reader of that directory, and what is known of the run before anything is read.
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

    /// Reads what was added since the last call into `run`, and tells whether anything changed.
    ///
    /// A file that is not there yet is no error; one that cannot be read is.
    pub fn update(&mut self, run: &mut Run) -> io::Result<bool> {
        let mut changed = self.update_recipe(run);
        // The lock first: a trainer that ends in between has written its last event, and is not taken for crashed.
        let has_trainer = has_trainer(&self.dir);
        changed |= std::mem::replace(&mut run.has_trainer, has_trainer) != has_trainer;
        changed |= self.update_story(run)?;
        changed |= self.update_metrics(run)?;
        changed |= self.update_samples(run);
        Ok(changed)
    }

    fn update_recipe(&mut self, run: &mut Run) -> bool {
        let path = self.dir.join("recipe.toml");
        if !is_new(&path, &mut self.recipe_seen) {
            return false;
        }
        let text = files::read_small(&path, RECIPE).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        run.recipe = RecipeView::parse(&text.unwrap_or_default());
        true
    }

    fn update_story(&mut self, run: &mut Run) -> io::Result<bool> {
        let requests = self.requests.read(|found| {
            let Found::Lines(block) = found else { return };
            // A request that cannot be read is the trainer's to answer.
            for request in lines(block).filter_map(|line| serde_json::from_slice::<Request>(line).ok()) {
                run.history.ask(request);
            }
        })?;
        let events = self.events.read(|found| match found {
            Found::Anew => run.history = RunHistory::default(),
            Found::Endless => run.unreadable += 1,
            Found::Lines(block) => {
                for line in lines(block) {
                    match serde_json::from_slice::<Event>(line) {
                        Ok(event) => run.history.add(event),
                        Err(_) => run.unreadable += 1,
                    }
                }
            }
        })?;
        Ok(requests || events)
    }

    fn update_metrics(&mut self, run: &mut Run) -> io::Result<bool> {
        self.metrics.read(|found| match found {
            Found::Anew => (run.curves, run.last) = (Curves::default(), None),
            Found::Endless => run.unreadable += 1,
            Found::Lines(block) => {
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
        if !is_new(&self.dir.join("samples"), &mut self.samples_seen) {
            return false;
        }
        let samples = grid::list(&self.dir).unwrap_or_default();
        let changed = samples != run.samples;
        run.samples = samples;
        changed
    }
}

/// The records of a block of lines; none for a line that is no record.
fn parse(block: &[u8]) -> Vec<Option<Metrics>> {
    let lines: Vec<&[u8]> = lines(block).collect();
    lines.par_iter().with_min_len(256).map(|line| serde_json::from_slice(line).ok()).collect()
}

/// Whether a file's time differs from the one seen; notes the new one.
fn is_new(path: &Path, seen: &mut Option<SystemTime>) -> bool {
    let time = fs::metadata(path).and_then(|meta| meta.modified()).ok();
    std::mem::replace(seen, time) != time
}

/// Whether a trainer holds the lock of that run directory.
pub fn has_trainer(dir: &Path) -> bool {
    let Ok(file) = files::open(&dir.join("lock")) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// The last part of a path, control characters written as escapes.
fn name(dir: &Path) -> String {
    let full = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    showable(&full.file_name().unwrap_or(full.as_os_str()).to_string_lossy())
}

/// A run as it stands in a list of runs: no curves, little to read.
#[derive(Debug)]
pub struct RunSummary {
    /// Its directory.
    pub dir: PathBuf,
    /// All but the curves, and of the samples nothing.
    pub run: Run,
    /// When something was last written.
    pub touched: Option<SystemTime>,
}

impl RunSummary {
    /// Looks at a directory; none if it is no run directory.
    pub fn read(dir: &Path) -> Option<Self> {
        let (mut reader, mut run) = Reader::new(dir);
        if !["recipe.toml", "events.jsonl", "metrics.jsonl"].iter().any(|file| dir.join(file).is_file()) {
            return None;
        }
        reader.update_recipe(&mut run);
        run.has_trainer = has_trainer(dir);
        // What cannot be read leaves the run as it is known so far.
        let _ = reader.update_story(&mut run);
        run.last = last_metrics(&dir.join("metrics.jsonl")).ok().flatten();
        let written = ["metrics.jsonl", "events.jsonl", "recipe.toml"].iter().map(|file| dir.join(file));
        let touched = written.filter_map(|file| fs::metadata(file).and_then(|meta| meta.modified()).ok()).max();
        Some(Self { dir: dir.to_owned(), run, touched })
    }

    /// The runs under a directory, newest first.
    pub fn list(dir: &Path) -> io::Result<Vec<Self>> {
        let entries = dir.read_dir()?.filter_map(|entry| Some(entry.ok()?.path()));
        let mut all: Vec<Self> = entries.filter(|path| path.is_dir()).filter_map(|path| Self::read(&path)).collect();
        all.sort_by(|a, b| b.touched.cmp(&a.touched).then_with(|| a.dir.cmp(&b.dir)));
        Ok(all)
    }
}

fn last_metrics(path: &Path) -> io::Result<Option<Metrics>> {
    let mut file = files::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_LINE)))?;
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, LAST_LINE), &mut bytes)?;
    Ok(bytes.split(|byte| *byte == b'\n').rev().find_map(|line| serde_json::from_slice(line).ok()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use std::fs::File;

    use super::*;
    use crate::run::curves::tests::{record, series};

    fn line(step: u64, value: f64) -> String {
        serde_json::to_string(&record(step, value)).expect("metrics are JSON") + "\n"
    }

    #[test]
    fn a_run_is_followed_as_it_grows() {
        let dir = tempfile::tempdir().expect("a directory");
        let (mut reader, mut run) = Reader::new(dir.path());
        assert!(!reader.update(&mut run).expect("an empty directory is no error"));
        assert_eq!(run.state(), State::Waiting);

        let mut file = File::create(dir.path().join("metrics.jsonl")).expect("a file");
        let (first, second) = (line(50, 1.0), line(100, f64::NAN));
        file.write_all(first.as_bytes()).expect("a write");
        file.write_all(&second.as_bytes()[..40]).expect("a write");
        assert!(reader.update(&mut run).expect("readable"));
        assert_eq!((run.step(), run.unreadable), (50, 0), "half a line is not yet");
        assert!(!reader.update(&mut run).expect("readable"), "nothing new");
        file.write_all(&second.as_bytes()[40..]).expect("a write");
        file.write_all(b"{\"step\":\n").expect("a write");
        assert!(reader.update(&mut run).expect("readable"));
        assert_eq!((run.step(), run.unreadable), (100, 1));
        assert!(run.last.expect("two lines").d_loss.is_nan());

        file.write_all(line(60, 2.0).as_bytes()).expect("a write");
        reader.update(&mut run).expect("readable");
        let steps: Vec<u64> = run.curves.between(0, u64::MAX).iter().map(|bucket| bucket.last).collect();
        assert_eq!((run.step(), steps), (60, vec![50, 60]), "a resume wrote steps again");

        fs::write(dir.path().join("recipe.toml"), "name = \"a\\u001bb\"\n[training]\nsteps = 500\n").expect("a write");
        fs::create_dir(dir.path().join("samples")).expect("a directory");
        fs::write(dir.path().join("samples/00000050.png"), "").expect("a write");
        assert!(reader.update(&mut run).expect("readable"));
        assert_eq!((run.recipe.get("name").as_deref(), run.steps()), (Some("a\\u{1b}b"), 500));
        assert_eq!(run.samples, [50]);
        let summary = RunSummary::read(dir.path()).expect("a run");
        assert_eq!((summary.run.step(), summary.run.steps()), (60, 500));
    }

    #[test]
    fn the_lock_tells_the_living_from_the_dead() {
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
    fn bytes_that_are_no_text_do_no_harm() {
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
    fn spikes_survive_on_the_way_to_the_curves() {
        let dir = tempfile::tempdir().expect("a directory");
        let text: String = (1..=5000).map(|step| line(step, if step == 777 { 42.0 } else { 1.0 })).collect();
        fs::write(dir.path().join("metrics.jsonl"), text).expect("a write");
        let (mut reader, mut run) = Reader::new(dir.path());
        reader.update(&mut run).expect("readable");
        let highest = run.curves.between(0, u64::MAX).iter().map(|bucket| bucket.span(series("d_loss")).max);
        assert_eq!(highest.fold(0.0, f32::max), 42.0);
    }
}
