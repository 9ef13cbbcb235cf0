//! Writes a run directory.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use duel_models::{
    files::{self, replace},
    picture::{Picture, png},
};

use super::{
    append::AppendFile,
    control::RequestReader,
    density::Densities,
    grid::sample_steps,
    paths::{
        BEST, CHECKPOINTS, RunError, SAMPLES, claim, open_directory, prune_checkpoints, read_recipe,
        remove_partial_line, remove_temporary_files,
    },
    record::{Event, EventKind, Metrics, Request},
    tensorboard::{self, TensorBoardWriter},
};
use crate::recipe::Recipe;

/// A run directory that this process writes. The writer holds the lock until it is dropped.
///
/// A failed write, on a full disk or without permission, is no error at first: the bytes wait in memory, and
/// [`retry`](Self::retry) tries to write them again. It is an error once more than 32 MiB wait.
#[derive(Debug)]
pub struct Writer {
    /// The path that the user gave.
    dir: PathBuf,
    /// The path by which files are opened; see [`open_directory`].
    root: PathBuf,
    metrics: AppendFile,
    events: AppendFile,
    tensorboard: TensorBoardWriter,
    /// Files that could not be written yet, oldest first.
    waiting: Vec<WaitingFile>,
    /// Checkpoints that were written since the last call of [`Self::take_written`].
    written: Vec<String>,
    /// The number of checkpoints to keep.
    kept: usize,
    failure: Option<Failure>,
    requests: RequestReader,
    _directory: File,
    _lock: File,
}

/// A file that could not be written yet.
#[derive(Debug)]
struct WaitingFile {
    /// The path relative to the run directory.
    name: String,
    bytes: Vec<u8>,
}

/// The first write that failed since all files were last written.
#[derive(Debug)]
struct Failure {
    why: String,
    reported: bool,
}

/// The most bytes of a checkpoint in front of its tensors.
pub const HEADER_MAX: u64 = 1 << 14;

/// The most bytes that may wait: the metrics of some 60,000 measured steps, or some thousand grids.
const WAITING_MAX: usize = 32 << 20;

impl Writer {
    /// Creates a run in `dir`, which must not hold one, and writes its recipe.
    pub fn create(dir: &Path, recipe: &Recipe) -> Result<Self, RunError> {
        let lock = claim(dir)?;
        must_be_new(dir)?;
        let path = dir.join("recipe.toml");
        let writer = Self::open(dir, lock, recipe)?;
        replace(&path, recipe.to_toml().as_bytes()).map_err(RunError::io("write", &path))?;
        Ok(writer)
    }

    /// Opens the run in `dir` to resume it; returns its recipe, too. Requests to earlier trainers are skipped.
    pub fn resume(dir: &Path) -> Result<(Self, Recipe), RunError> {
        let recipe = read_recipe(dir)?;
        let lock = claim(dir)?;
        for name in ["metrics.jsonl", "events.jsonl"] {
            let path = dir.join(name);
            files::must_be_writable_place(&path)
                .and_then(|()| remove_partial_line(&path))
                .map_err(RunError::io("repair", &path))?;
        }
        remove_temporary_files(dir)?;
        Ok((Self::open(dir, lock, &recipe)?, recipe))
    }

    fn open(dir: &Path, lock: File, recipe: &Recipe) -> Result<Self, RunError> {
        let append = |name: &str| {
            let path = dir.join(name);
            AppendFile::open(path.clone()).map_err(RunError::io("write", &path))
        };
        let (metrics, events) = (append("metrics.jsonl")?, append("events.jsonl")?);
        let (directory, root) = open_directory(dir).map_err(RunError::io("read", dir))?;
        let tensorboard = TensorBoardWriter::new(&root).map_err(RunError::io("read", dir))?;
        Ok(Self {
            dir: dir.to_owned(),
            root,
            metrics,
            events,
            tensorboard,
            waiting: Vec::new(),
            written: Vec::new(),
            kept: recipe.record.checkpoints_kept,
            failure: None,
            requests: RequestReader::new(&dir.join("control.jsonl")).map_err(RunError::io("read", dir))?,
            _directory: directory,
            _lock: lock,
        })
    }

    /// Writes a recipe that changed. Removes the best checkpoint if `is_undone` returns true for its first
    /// [`HEADER_MAX`] bytes: if it is of a step that a rollback undid.
    pub fn write_recipe(&mut self, recipe: &Recipe, is_undone: impl Fn(&[u8]) -> bool) -> Result<(), RunError> {
        self.kept = recipe.record.checkpoints_kept;
        self.waiting.retain(|waiting| waiting.name != BEST || !is_undone(&waiting.bytes));
        let path = self.root.join(BEST);
        if files::read_start(&path, HEADER_MAX).is_ok_and(|bytes| is_undone(&bytes)) {
            // The checkpoint is removed before the recipe is written: if the trainer is killed in between, the resumed
            // training repeats the rollback. A checkpoint that cannot be removed is no reason to end the training.
            let _ = fs::remove_file(&path);
        }
        self.put("recipe.toml".to_owned(), recipe.to_toml().into_bytes())
    }

    /// Returns whether the run has a best checkpoint, written or waiting.
    pub fn has_best(&self) -> bool {
        self.waiting.iter().any(|waiting| waiting.name == BEST) || self.root.join(BEST).exists()
    }

    /// Returns the path of the run directory: its present one if it was renamed.
    pub fn dir(&self) -> PathBuf {
        let here = fs::canonicalize(&self.root);
        if here.is_err() || fs::canonicalize(&self.dir).ok() == here.as_ref().ok().cloned() {
            return self.dir.clone();
        }
        here.unwrap_or_else(|_| self.dir.clone())
    }

    /// Adds a measured step to `metrics.jsonl` and to TensorBoard's file.
    pub fn add_metrics(&mut self, metrics: &Metrics) -> Result<(), RunError> {
        let result = self.metrics.add_line(metrics);
        self.note("metrics.jsonl", result)?;
        let result = self.tensorboard.write_metrics(metrics);
        self.note(tensorboard::NAME, result)
    }

    /// Adds an event to `events.jsonl` and to TensorBoard's file, and returns it.
    pub fn add_event(&mut self, step: u64, kind: EventKind) -> Result<Event, RunError> {
        let event = Event { time: tensorboard::now(), step, kind };
        let result = self.events.add_line(&event);
        self.note("events.jsonl", result)?;
        let result = self.tensorboard.write_event(step, &event.kind);
        self.note(tensorboard::NAME, result)?;
        Ok(event)
    }

    /// Writes the grid of samples of a step.
    pub fn write_samples(&mut self, step: u64, grid: &Picture) -> Result<(), RunError> {
        let bytes = png(grid);
        self.put(format!("{SAMPLES}/{step:08}.png"), bytes.clone())?;
        let result = self.tensorboard.write_samples(step, grid, bytes);
        self.note(tensorboard::NAME, result)
    }

    /// Removes samples of later steps than `step`, which an earlier trainer drew: a training that ends before it comes to
    /// these steps would leave them behind. Samples that cannot be removed are no reason to end the training.
    pub fn remove_samples_after(&self, step: u64) {
        let folder = self.root.join(SAMPLES);
        // Another user may have put a link in place of the folder since it was made.
        if files::must_not_be_link(&folder).is_err() {
            return;
        }
        for step in sample_steps(&self.root).unwrap_or_default().into_iter().filter(|late| *late > step) {
            for ending in ["png", "json"] {
                let _ = fs::remove_file(folder.join(format!("{step:08}.{ending}")));
            }
        }
    }

    /// Writes the densities of a toy distribution.
    pub fn write_densities(&mut self, densities: &Densities) -> Result<(), RunError> {
        self.put(format!("{SAMPLES}/{:08}.json", densities.step), densities.to_json())
    }

    /// Writes the checkpoint of a step, and removes old checkpoints as `record.checkpoints_kept` says.
    pub fn write_checkpoint(&mut self, step: u64, bytes: Vec<u8>) -> Result<(), RunError> {
        // An older checkpoint that waits is not needed any more.
        self.waiting.retain(|waiting| !is_step_checkpoint(&waiting.name));
        self.put(format!("{CHECKPOINTS}/{step:08}.safetensors"), bytes)
    }

    /// Writes the best checkpoint.
    pub fn write_best(&mut self, bytes: Vec<u8>) -> Result<(), RunError> {
        self.put(BEST.to_owned(), bytes)
    }

    /// Returns the checkpoints that were written since the last call, as paths relative to the run directory.
    pub fn take_written(&mut self) -> Vec<String> {
        std::mem::take(&mut self.written)
    }

    /// Writes a file atomically, or keeps it in memory if that fails.
    fn put(&mut self, name: String, bytes: Vec<u8>) -> Result<(), RunError> {
        self.waiting.retain(|waiting| waiting.name != name);
        self.waiting.push(WaitingFile { name, bytes });
        self.flush()
    }

    /// Writes everything that waits, in order, up to the first file that cannot be written.
    fn flush(&mut self) -> Result<(), RunError> {
        let lines = self.metrics.flush().and(self.events.flush()).and(self.tensorboard.flush());
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
            Some((name, why)) => self.note(&name, Err(why)),
            None => {
                self.failure = None;
                Ok(())
            }
        }
    }

    /// Writes the file that has waited longest.
    fn write_first(&self) -> io::Result<()> {
        let WaitingFile { name, bytes } = &self.waiting[0];
        let path = self.root.join(name);
        if !is_step_checkpoint(name) {
            return replace(&path, bytes);
        }
        // Records are synced before the checkpoint, because a resumed training writes only those of later steps again.
        self.metrics.sync().and_then(|()| self.events.sync()).and_then(|()| self.tensorboard.sync())?;
        replace(&path, bytes)?;
        prune_checkpoints(&self.root, &path, self.kept)
    }

    /// Notes a failed write of the file `name`. Returns an error if too many bytes wait.
    fn note(&mut self, name: &str, result: io::Result<()>) -> Result<(), RunError> {
        let Err(why) = result else { return Ok(()) };
        if self.failure.is_none() {
            self.failure = Some(Failure { why: format!("cannot write {name}: {why}"), reported: false });
        }
        let files = self.waiting.iter().filter(|waiting| !waiting.name.starts_with(CHECKPOINTS));
        let bytes = self.appends_waiting() + files.map(|file| file.bytes.len()).sum::<usize>();
        if bytes > WAITING_MAX { Err(self.unsaved()) } else { Ok(()) }
    }

    /// Returns the message of the present failure; none if there is no failure or if it was already returned.
    pub fn take_failure(&mut self) -> Option<String> {
        let failure = self.failure.as_mut().filter(|failure| !failure.reported)?;
        failure.reported = true;
        Some(failure.why.clone())
    }

    /// Tries again to write everything that waits.
    pub fn retry(&mut self) -> Result<(), RunError> {
        if self.failure.is_none() { Ok(()) } else { self.flush() }
    }

    /// Returns an error if something still waits to be written.
    pub fn check_saved(&self) -> Result<(), RunError> {
        let waits = self.appends_waiting() + self.waiting.len() > 0;
        if waits { Err(self.unsaved()) } else { Ok(()) }
    }

    /// Returns the number of bytes that wait to be appended.
    fn appends_waiting(&self) -> usize {
        self.metrics.waiting() + self.events.waiting() + self.tensorboard.waiting()
    }

    fn unsaved(&self) -> RunError {
        let why = self.failure.as_ref().map_or_else(String::new, |failure| failure.why.clone());
        RunError::Unsaved { dir: self.dir(), why }
    }

    /// Returns the requests since the last call.
    pub fn requests(&mut self) -> Result<Vec<Request>, RunError> {
        let path = self.root.join("control.jsonl");
        self.requests.read(&path).map_err(RunError::io("read", &path))
    }
}

/// Returns whether a file is the checkpoint of a step, not the best one.
/// Refuses a directory that holds a run.
pub fn must_be_new(dir: &Path) -> Result<(), RunError> {
    if dir.join("recipe.toml").exists() { Err(RunError::Exists(dir.to_owned())) } else { Ok(()) }
}

fn is_step_checkpoint(name: &str) -> bool {
    name.starts_with(CHECKPOINTS) && name != BEST
}

#[cfg(test)]
mod tests;
