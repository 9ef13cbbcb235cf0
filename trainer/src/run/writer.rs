//! The trainer's end of a run directory.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use duel_models::{
    files::{self, replace},
    picture::{Picture, png},
};

use super::{
    density::Densities,
    lines::Lines,
    paths::{BEST, CHECKPOINTS, RunError, anchor, drop_half_a_line, folders, lock, prune, recipe, sweep},
    record::{Event, EventKind, Metrics, Request},
    tensorboard::{self, TensorBoardWriter},
};
use crate::recipe::Recipe;

/// A run directory that this process trains in. The lock is held as long as this lives.
///
/// A write that fails, on a full disk or in a directory that cannot be written, is no error at first: what was to be written waits in
/// memory, and [`retry`](Self::retry) tries again.
#[derive(Debug)]
pub struct Writer {
    /// As it was named.
    dir: PathBuf,
    /// The directory itself, wherever it is moved to.
    root: PathBuf,
    metrics: Lines,
    events: Lines,
    board: TensorBoardWriter,
    waiting: Vec<Waiting>,
    written: Vec<String>,
    /// Checkpoints kept.
    kept: usize,
    trouble: Option<Trouble>,
    control: Option<(File, String)>,
    _directory: File,
    _lock: File,
}

/// A file that could not be written yet.
#[derive(Debug)]
struct Waiting {
    /// Relative to the run directory.
    name: String,
    bytes: Vec<u8>,
}

/// Why something waits, and whether that was told.
#[derive(Debug)]
struct Trouble {
    why: String,
    told: bool,
}

/// Bytes of a checkpoint in front of its tensors, at most.
pub const HEADER_MAX: u64 = 1 << 14;

/// Bytes that may wait: the metrics of a million steps, or some thousand grids. A training that cannot save as much ends.
const WAITING_MAX: usize = 32 << 20;

impl Writer {
    /// A new run in `dir`, which holds none yet; the recipe is on the disk before step 0.
    pub fn create(dir: &Path, recipe: &Recipe) -> Result<Self, RunError> {
        folders(dir)?;
        let lock = lock(dir)?;
        let path = dir.join("recipe.toml");
        if path.exists() {
            return Err(RunError::Exists(dir.to_owned()));
        }
        let writer = Self::open(dir, lock, recipe)?;
        replace(&path, recipe.to_toml().as_bytes()).map_err(RunError::io("write", &path))?;
        Ok(writer)
    }

    /// The run in `dir`, with its recipe, to go on with.
    pub fn resume(dir: &Path) -> Result<(Self, Recipe), RunError> {
        let recipe = recipe(dir)?;
        folders(dir)?;
        let lock = lock(dir)?;
        for name in ["metrics.jsonl", "events.jsonl"] {
            let path = dir.join(name);
            files::must_be_writable_place(&path)
                .and_then(|()| drop_half_a_line(&path))
                .map_err(RunError::io("mend", &path))?;
        }
        sweep(dir)?;
        Ok((Self::open(dir, lock, &recipe)?, recipe))
    }

    fn open(dir: &Path, lock: File, recipe: &Recipe) -> Result<Self, RunError> {
        let append = |name: &str| {
            let path = dir.join(name);
            Lines::new(path.clone()).map_err(RunError::io("write", &path))
        };
        let (metrics, events) = (append("metrics.jsonl")?, append("events.jsonl")?);
        let (directory, root) = anchor(dir).map_err(RunError::io("read", dir))?;
        let board = TensorBoardWriter::new(&root).map_err(RunError::io("read", dir))?;
        let mut writer = Self {
            dir: dir.to_owned(),
            root,
            metrics,
            events,
            board,
            waiting: Vec::new(),
            written: Vec::new(),
            kept: recipe.record.checkpoints_kept,
            trouble: None,
            control: None,
            _directory: directory,
            _lock: lock,
        };
        // What was asked of an earlier trainer is not asked of this one.
        if let Ok(mut file) = files::open(&dir.join("control.jsonl")) {
            file.seek(SeekFrom::End(0)).map_err(RunError::io("read", dir))?;
            writer.control = Some((file, String::new()));
        }
        Ok(writer)
    }

    /// Writes the recipe that training goes on with, and removes the best checkpoint if `undone` says so of its first [`HEADER_MAX`] bytes:
    /// if it stands at a step that training has gone back behind.
    pub fn keep(&mut self, recipe: &Recipe, undone: impl Fn(&[u8]) -> bool) -> Result<(), RunError> {
        self.kept = recipe.record.checkpoints_kept;
        self.waiting.retain(|waiting| waiting.name != BEST || !undone(&waiting.bytes));
        let path = self.root.join(BEST);
        if files::read_start(&path, HEADER_MAX).is_ok_and(|bytes| undone(&bytes)) {
            // Before the recipe: a trainer that is killed in between goes on with the old one, and comes to it again. One that stays harms less
            // than a training that ends.
            let _ = fs::remove_file(&path);
        }
        self.put("recipe.toml".to_owned(), recipe.to_toml().into_bytes())
    }

    /// Whether the run has a best checkpoint, or one waits to be written.
    pub fn has_best(&self) -> bool {
        self.waiting.iter().any(|waiting| waiting.name == BEST) || self.root.join(BEST).exists()
    }

    /// The run directory, where it is now.
    pub fn dir(&self) -> PathBuf {
        let here = fs::canonicalize(&self.root);
        if here.is_err() || fs::canonicalize(&self.dir).ok() == here.as_ref().ok().cloned() {
            return self.dir.clone();
        }
        here.unwrap_or_else(|_| self.dir.clone())
    }

    /// Appends a line to `metrics.jsonl`, and the same for TensorBoard, as all that follows.
    pub fn metrics(&mut self, metrics: &Metrics) -> Result<(), RunError> {
        let result = self.metrics.append(metrics);
        self.heed("metrics.jsonl", result)?;
        let result = self.board.metrics(metrics);
        self.heed(tensorboard::NAME, result)
    }

    /// Appends a line to `events.jsonl`, and returns what it says.
    pub fn event(&mut self, step: u64, kind: EventKind) -> Result<Event, RunError> {
        let event = Event { time: tensorboard::now(), step, kind };
        let result = self.events.append(&event);
        self.heed("events.jsonl", result)?;
        let result = self.board.event(step, &event.kind);
        self.heed(tensorboard::NAME, result)?;
        Ok(event)
    }

    /// Writes the grid of a step's samples.
    pub fn samples(&mut self, step: u64, grid: &Picture) -> Result<(), RunError> {
        let bytes = png(grid);
        self.put(format!("samples/{step:08}.png"), bytes.clone())?;
        let result = self.board.samples(step, grid, bytes);
        self.heed(tensorboard::NAME, result)
    }

    /// Writes the densities of a toy distribution.
    pub fn densities(&mut self, densities: &Densities) -> Result<(), RunError> {
        self.put(format!("samples/{:08}.json", densities.step), densities.to_json())
    }

    /// Writes a checkpoint, and removes those before it beyond what the recipe keeps.
    pub fn checkpoint(&mut self, step: u64, bytes: Vec<u8>) -> Result<(), RunError> {
        // An older one that waits has no use any more.
        self.waiting.retain(|waiting| !is_a_step(&waiting.name));
        self.put(format!("{CHECKPOINTS}/{step:08}.safetensors"), bytes)
    }

    /// Writes the checkpoint that is the best so far.
    pub fn best(&mut self, bytes: Vec<u8>) -> Result<(), RunError> {
        self.put(BEST.to_owned(), bytes)
    }

    /// The checkpoints that came to the disk since the last call, relative to the run directory.
    pub fn written(&mut self) -> Vec<String> {
        std::mem::take(&mut self.written)
    }

    /// Writes a file whole, or lets it wait.
    fn put(&mut self, name: String, bytes: Vec<u8>) -> Result<(), RunError> {
        self.waiting.retain(|waiting| waiting.name != name);
        self.waiting.push(Waiting { name, bytes });
        self.flush()
    }

    /// Writes all that waits, in the order in which it came, and nothing before what cannot be written.
    fn flush(&mut self) -> Result<(), RunError> {
        let lines = self.metrics.flush().and(self.events.flush()).and(self.board.flush());
        let mut failed = lines.err().map(|why| ("metrics.jsonl".to_owned(), why));
        while failed.is_none() && !self.waiting.is_empty() {
            match self.write_first() {
                Ok(()) => {
                    let name = self.waiting.remove(0).name;
                    if name.starts_with(CHECKPOINTS) {
                        self.written.push(name);
                    }
                }
                Err(why) => failed = Some((self.waiting[0].name.clone(), why)),
            }
        }
        match failed {
            Some((name, why)) => self.heed(&name, Err(why)),
            None => {
                self.trouble = None;
                Ok(())
            }
        }
    }

    /// Writes the file that waits longest.
    fn write_first(&self) -> io::Result<()> {
        let Waiting { name, bytes } = &self.waiting[0];
        let path = self.root.join(name);
        if !is_a_step(name) {
            return replace(&path, bytes);
        }
        // What was recorded before a checkpoint is on the disk before it: a resume writes only later steps again.
        self.metrics.sync().and_then(|()| self.events.sync()).and_then(|()| self.board.sync())?;
        replace(&path, bytes)?;
        prune(&self.root, &path, self.kept)
    }

    /// Notes why something waits; an error if too much does.
    fn heed(&mut self, name: &str, result: io::Result<()>) -> Result<(), RunError> {
        let Err(why) = result else { return Ok(()) };
        if self.trouble.is_none() {
            self.trouble = Some(Trouble { why: format!("cannot write {name}: {why}"), told: false });
        }
        let files = self.waiting.iter().filter(|waiting| !waiting.name.starts_with(CHECKPOINTS));
        let bytes = self.lines_waiting() + files.map(|file| file.bytes.len()).sum::<usize>();
        if bytes > WAITING_MAX { Err(self.unsaved()) } else { Ok(()) }
    }

    /// Why something waits, told once.
    pub fn trouble(&mut self) -> Option<String> {
        let trouble = self.trouble.as_mut().filter(|trouble| !trouble.told)?;
        trouble.told = true;
        Some(trouble.why.clone())
    }

    /// Tries again what waits.
    pub fn retry(&mut self) -> Result<(), RunError> {
        if self.trouble.is_none() { Ok(()) } else { self.flush() }
    }

    /// An error if something still waits.
    pub fn saved(&self) -> Result<(), RunError> {
        let waits = self.lines_waiting() + self.waiting.len() > 0;
        if waits { Err(self.unsaved()) } else { Ok(()) }
    }

    /// Bytes that wait for the files that grow.
    fn lines_waiting(&self) -> usize {
        self.metrics.waiting() + self.events.waiting() + self.board.waiting()
    }

    fn unsaved(&self) -> RunError {
        let why = self.trouble.as_ref().map_or_else(String::new, |trouble| trouble.why.clone());
        RunError::Unsaved { dir: self.dir(), why }
    }

    /// What watchers have asked since the last call. A line that is no request is passed over.
    pub fn requests(&mut self) -> Result<Vec<Request>, RunError> {
        let path = self.root.join("control.jsonl");
        if self.control.is_none() {
            self.control = match files::open(&path) {
                Ok(file) => Some((file, String::new())),
                // What is not there, or is no file, asks for nothing.
                Err(_) => return Ok(Vec::new()),
            };
        }
        let Some((file, pending)) = &mut self.control else { return Ok(Vec::new()) };
        let mut bytes = Vec::new();
        file.take(REQUESTS_MAX).read_to_end(&mut bytes).map_err(RunError::io("read", &path))?;
        pending.push_str(&String::from_utf8_lossy(&bytes));
        let mut requests = Vec::new();
        while let Some(end) = pending.find('\n') {
            let line: String = pending.drain(..=end).collect();
            requests.extend(serde_json::from_str::<Request>(&line).ok());
        }
        if pending.len() > REQUESTS_MAX as usize {
            pending.clear();
        }
        Ok(requests)
    }
}

/// Bytes of requests that are read at a time: a stranger's endless line takes no more memory than this.
const REQUESTS_MAX: u64 = 1 << 16;

/// Whether a file is the checkpoint of a step, and not the best one.
fn is_a_step(name: &str) -> bool {
    name.starts_with(CHECKPOINTS) && name != BEST
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, io::Write};

    use super::*;
    use crate::run::{
        paths::checkpoints,
        record::{Ending, RequestKind},
    };

    fn picture(grey: u8) -> Picture {
        Picture { width: 4, height: 3, channels: 1, pixels: vec![grey; 12] }
    }

    fn recipe() -> Recipe {
        let recipe = Recipe::load("article", &[]).expect("shipped");
        recipe.for_shape("1x28x28".parse().expect("a shape")).expect("the shape of digits")
    }

    #[test]
    fn a_run_is_created_once_trained_by_one_and_resumed() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let run = dir.path().join("run");
        let writer = Writer::create(&run, &recipe()).expect("a new run");
        assert!(matches!(Writer::create(&run, &recipe()), Err(RunError::Locked(_))));
        assert!(matches!(Writer::resume(&run), Err(RunError::Locked(_))));
        drop(writer);
        assert!(matches!(Writer::create(&run, &recipe()), Err(RunError::Exists(_))));
        assert_eq!(Writer::resume(&run).expect("a run").1, recipe());
        assert!(matches!(Writer::resume(dir.path()), Err(RunError::Missing(_))));
    }

    #[test]
    fn a_resume_drops_half_a_line() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut writer = Writer::create(dir.path(), &recipe()).expect("a new run");
        writer.event(3, EventKind::Stopped { why: Ending::Asked, error: None }).expect("space");
        drop(writer);
        let path = dir.path().join("events.jsonl");
        let whole = fs::read(&path).expect("events");
        fs::write(&path, [&whole[..], b"{\"time\":1"].concat()).expect("space");
        drop(Writer::resume(dir.path()).expect("a run"));
        assert_eq!(fs::read(&path).expect("events"), whole);
    }

    #[test]
    fn old_checkpoints_go_and_the_best_stays_and_no_temporary_file() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let recipe = recipe().with(&["record.checkpoints_kept=2".to_owned()]).expect("a key");
        let mut writer = Writer::create(dir.path(), &recipe).expect("a new run");
        writer.best(b"best".to_vec()).expect("space");
        for step in 1..=4 {
            writer.checkpoint(step, b"bytes".to_vec()).expect("space");
        }
        assert_eq!(writer.written().len(), 5);
        let names: Vec<_> = checkpoints(dir.path()).expect("there");
        let expected = [3, 4].map(|step| dir.path().join(format!("checkpoints/{step:08}.safetensors")));
        assert_eq!(names, expected);
        assert_eq!(fs::read_dir(dir.path().join("checkpoints")).expect("there").count(), 3);
        assert_eq!(fs::read(dir.path().join(BEST)).expect("there"), b"best");
    }

    #[test]
    fn requests_are_those_made_since() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("control.jsonl");
        fs::create_dir_all(dir.path()).expect("space");
        // More of them than are read at a time.
        fs::write(&path, "{\"id\":\"old\",\"ask\":\"stop\"}\n".repeat(5000)).expect("space");
        let mut writer = Writer::create(dir.path(), &recipe()).expect("a new run");
        assert_eq!(writer.requests().expect("readable"), []);
        assert_eq!(writer.requests().expect("readable"), []);
        let mut file = OpenOptions::new().append(true).open(&path).expect("there");
        file.write_all(b"nonsense\n{\"id\":\"a\",\"ask\":\"pause\"}\n{\"id\":\"b\",").expect("space");
        assert_eq!(writer.requests().expect("readable"), [Request { id: "a".into(), kind: RequestKind::Pause }]);
        file.write_all(b"\"ask\":\"continue\"}\n").expect("space");
        assert_eq!(writer.requests().expect("readable"), [Request { id: "b".into(), kind: RequestKind::Continue }]);
    }

    #[test]
    fn a_checkpoint_waits_for_what_was_recorded_before_it() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let run = dir.path().join("run");
        let mut writer = Writer::create(&run, &recipe()).expect("a new run");
        fs::remove_dir(run.join("samples")).expect("empty");
        writer.samples(50, &picture(7)).expect("it waits");
        writer.checkpoint(40, b"older".to_vec()).expect("it waits, too");
        writer.best(b"best".to_vec()).expect("so does the best");
        writer.checkpoint(50, b"bytes".to_vec()).expect("and takes the place of the older");
        assert!(writer.written().is_empty() && checkpoints(&run).expect("there").is_empty());
        fs::create_dir(run.join("samples")).expect("space");
        writer.retry().expect("space");
        assert_eq!(writer.written(), [BEST, "checkpoints/00000050.safetensors"]);
        assert!(run.join("samples/00000050.png").exists() && checkpoints(&run).expect("there").len() == 1);
    }

    #[test]
    #[cfg(unix)]
    fn nothing_is_written_through_a_link() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (run, other) = (dir.path().join("run"), dir.path().join("other"));
        drop(Writer::create(&run, &recipe()).expect("a new run"));
        fs::write(&other, "half a line").expect("space");
        for name in ["metrics.jsonl", "events.jsonl", "lock"] {
            let path = run.join(name);
            fs::remove_file(&path).expect("it is there");
            std::os::unix::fs::symlink(&other, &path).expect("space");
            assert!(Writer::resume(&run).expect_err(name).to_string().contains("it is a link"));
            fs::remove_file(&path).expect("it is there");
        }
        let mut writer = Writer::resume(&run).expect("a run").0;
        let temporary = run.join(format!("recipe.toml.{}.tmp", std::process::id()));
        std::os::unix::fs::symlink(&other, temporary).expect("space");
        writer.keep(&recipe(), |_| false).expect("space");
        assert_eq!(fs::read_to_string(&other).expect("it is there"), "half a line");
        drop(writer);
        for folder in ["samples", CHECKPOINTS] {
            let path = run.join(folder);
            fs::remove_dir(&path).expect("empty");
            std::os::unix::fs::symlink(dir.path(), &path).expect("space");
            assert!(Writer::resume(&run).expect_err(folder).to_string().contains("it is a link"));
            fs::remove_file(&path).expect("a link");
        }
    }

    #[test]
    fn what_cannot_be_written_waits_is_told_once_and_is_written_when_it_can_be() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let run = dir.path().join("run");
        let mut writer = Writer::create(&run, &recipe()).expect("a new run");
        fs::remove_dir(run.join("samples")).expect("empty");
        writer.samples(50, &picture(7)).expect("it waits");
        assert!(writer.trouble().is_some_and(|why| why.contains("samples/00000050.png")));
        assert_eq!((writer.trouble(), writer.saved().is_err()), (None, true));
        fs::create_dir(run.join("samples")).expect("space");
        writer.retry().expect("space");
        writer.saved().expect("all is written");
        assert!(run.join("samples/00000050.png").exists());
    }
}
