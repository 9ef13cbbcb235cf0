//! The trainer's end of a run directory.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use duel_models::grid::{grid, png};
use serde::Serialize;

use super::{
    files,
    record::{Event, Metrics, Request, What},
};
use crate::recipe::{Recipe, RecipeError};

/// Digits in a row of a sample grid.
pub const SAMPLE_COLUMNS: usize = 10;
/// Digits in a sample grid.
pub const SAMPLES: usize = 40;

/// Why a run directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Something there cannot be read or written.
    #[error("cannot {verb} {path}: {why}; check the directory, or choose another with --run DIR")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// The directory holds a run already.
    #[error("{0} holds a run: go on with --resume {0}, or choose another directory with --run DIR")]
    Exists(PathBuf),
    /// The directory holds no run.
    #[error("{0} holds no run: `duel runs` lists those there are")]
    Missing(PathBuf),
    /// Another trainer is at work there.
    #[error("another trainer is at work on {0}: watch it with `duel watch {0}`")]
    Locked(PathBuf),
    /// The run's recipe is damaged.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// There is nothing to go on from.
    #[error("{0} has no checkpoint yet: wait for its first, or go on with `duel train --resume {0}`")]
    NoCheckpoint(PathBuf),
    /// The recipe was changed since the checkpoint was written.
    #[error("{file} holds other networks than recipe.toml ({why}): take back what was changed in the recipe")]
    OtherRecipe {
        /// The file.
        file: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// A checkpoint cannot be used.
    #[error("{file} is damaged ({why}), and no checkpoint before it is whole: start again with another --run DIR")]
    Checkpoint {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl RunError {
    fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |why| Self::Io { verb, path: path.to_owned(), why }
    }
}

/// A run directory that this process trains in. The lock is held as long as this lives.
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    metrics: File,
    events: File,
    control: Option<(File, String)>,
    _lock: File,
}

impl Writer {
    /// A new run in `dir`, which holds none yet; the recipe is on the disk before step 0.
    pub fn create(dir: &Path, recipe: &Recipe) -> Result<Self, RunError> {
        folders(dir)?;
        let lock = lock(dir)?;
        let path = dir.join("recipe.toml");
        if path.exists() {
            return Err(RunError::Exists(dir.to_owned()));
        }
        let writer = Self::open(dir, lock)?;
        writer.keep(recipe)?;
        Ok(writer)
    }

    /// The run in `dir`, with its recipe, to go on with.
    pub fn resume(dir: &Path) -> Result<(Self, Recipe), RunError> {
        let recipe = recipe(dir)?;
        folders(dir)?;
        let lock = lock(dir)?;
        for name in ["metrics.jsonl", "events.jsonl"] {
            let path = dir.join(name);
            drop_half_a_line(&path).map_err(RunError::io("mend", &path))?;
        }
        Ok((Self::open(dir, lock)?, recipe))
    }

    fn open(dir: &Path, lock: File) -> Result<Self, RunError> {
        let append = |name: &str| {
            let path = dir.join(name);
            OpenOptions::new().append(true).create(true).open(&path).map_err(RunError::io("write", &path))
        };
        let (metrics, events) = (append("metrics.jsonl")?, append("events.jsonl")?);
        let mut writer = Self { dir: dir.to_owned(), metrics, events, control: None, _lock: lock };
        // What was asked of an earlier trainer is not asked of this one.
        writer.requests()?;
        Ok(writer)
    }

    /// Keeps the recipe that a resume goes on with.
    pub fn keep(&self, recipe: &Recipe) -> Result<(), RunError> {
        let path = self.dir.join("recipe.toml");
        files::replace(&path, recipe.to_toml().as_bytes()).map_err(RunError::io("write", &path))
    }

    /// The run directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Appends a line to `metrics.jsonl`.
    pub fn metrics(&mut self, metrics: &Metrics) -> Result<(), RunError> {
        append_line(&mut self.metrics, metrics).map_err(RunError::io("write", &self.dir.join("metrics.jsonl")))
    }

    /// Appends a line to `events.jsonl`, and returns what it says.
    pub fn event(&mut self, step: u64, what: What) -> Result<Event, RunError> {
        let time = SystemTime::UNIX_EPOCH.elapsed().map_or(0.0, |since| since.as_secs_f64());
        let event = Event { time, step, what };
        append_line(&mut self.events, &event).map_err(RunError::io("write", &self.dir.join("events.jsonl")))?;
        Ok(event)
    }

    /// Writes the grid of a step's samples, [`SAMPLES`] images of grey levels.
    pub fn samples(&mut self, step: u64, images: &[u8]) -> Result<(), RunError> {
        let path = self.dir.join(format!("samples/{step:08}.png"));
        let picture = png(&grid(images, SAMPLE_COLUMNS));
        files::replace(&path, &picture).map_err(RunError::io("write", &path))
    }

    /// Writes a checkpoint and removes the oldest beyond `kept`; its name, relative to the run directory.
    pub fn checkpoint(&mut self, step: u64, bytes: &[u8], kept: usize) -> Result<String, RunError> {
        let name = format!("checkpoints/{step:08}.safetensors");
        let path = self.dir.join(&name);
        files::replace(&path, bytes).map_err(RunError::io("write", &path))?;
        let mut all = checkpoints(&self.dir)?;
        let old = all.len().saturating_sub(kept);
        for path in all.drain(..old) {
            fs::remove_file(&path).map_err(RunError::io("remove", &path))?;
        }
        Ok(name)
    }

    /// What watchers have asked since the last call. A line that is no request is passed over.
    pub fn requests(&mut self) -> Result<Vec<Request>, RunError> {
        let path = self.dir.join("control.jsonl");
        if self.control.is_none() {
            self.control = match File::open(&path) {
                Ok(file) => Some((file, String::new())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(RunError::io("read", &path)(error)),
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

/// Makes the folders of a run directory that are not there.
fn folders(dir: &Path) -> Result<(), RunError> {
    for sub in ["samples", "checkpoints"] {
        let path = dir.join(sub);
        fs::create_dir_all(&path).map_err(RunError::io("create", &path))?;
    }
    Ok(())
}

/// The recipe of the run in `dir`.
pub fn recipe(dir: &Path) -> Result<Recipe, RunError> {
    let path = dir.join("recipe.toml");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(RunError::Missing(dir.to_owned())),
        Err(error) => return Err(RunError::io("read", &path)(error)),
    };
    Ok(Recipe::parse(&text, &path.display().to_string())?)
}

/// The checkpoints of the run in `dir`, the oldest first.
pub fn checkpoints(dir: &Path) -> Result<Vec<PathBuf>, RunError> {
    let path = dir.join("checkpoints");
    let entries = fs::read_dir(&path).map_err(RunError::io("read", &path))?;
    let step = |path: &Path| {
        let digits = path.file_name()?.to_str()?.strip_suffix(".safetensors")?;
        (digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse::<u64>().ok())?
    };
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<(u64, PathBuf)> = files.filter_map(|file| Some((step(&file)?, file))).collect();
    files.sort();
    Ok(files.into_iter().map(|(_, file)| file).collect())
}

fn lock(dir: &Path) -> Result<File, RunError> {
    let path = dir.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(RunError::io("write", &path))?;
    // Watchers who look whether a trainer lives hold a shared lock for microseconds.
    for _ in 0..10 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::Error(source)) => return Err(RunError::io("lock", &path)(source)),
        }
    }
    Err(RunError::Locked(dir.to_owned()))
}

/// One write a line, so that a reader sees whole lines as a rule.
fn append_line(file: &mut File, record: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    file.write_all(&line)
}

/// Cuts what a killed trainer left behind the last whole line.
fn drop_half_a_line(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    // A line is at most a few kilobytes.
    let length = file.metadata()?.len();
    let from = length.saturating_sub(1 << 16);
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let whole = end.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    file.set_len(from + whole as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::record::{Ask, Ending};

    fn recipe() -> Recipe {
        Recipe::load("article", &[]).expect("shipped")
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
        writer.event(3, What::Stopped { why: Ending::Asked, error: None }).expect("space");
        drop(writer);
        let path = dir.path().join("events.jsonl");
        let whole = fs::read(&path).expect("events");
        fs::write(&path, [&whole[..], b"{\"time\":1"].concat()).expect("space");
        drop(Writer::resume(dir.path()).expect("a run"));
        assert_eq!(fs::read(&path).expect("events"), whole);
    }

    #[test]
    fn old_checkpoints_go_and_no_temporary_file_stays() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut writer = Writer::create(dir.path(), &recipe()).expect("a new run");
        for step in 1..=4 {
            writer.checkpoint(step, b"bytes", 2).expect("space");
        }
        let names: Vec<_> = checkpoints(dir.path()).expect("there");
        let expected = [3, 4].map(|step| dir.path().join(format!("checkpoints/{step:08}.safetensors")));
        assert_eq!(names, expected);
        assert_eq!(fs::read_dir(dir.path().join("checkpoints")).expect("there").count(), 2);
    }

    #[test]
    fn requests_are_those_made_since() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("control.jsonl");
        fs::create_dir_all(dir.path()).expect("space");
        fs::write(&path, "{\"id\":\"old\",\"ask\":\"stop\"}\n").expect("space");
        let mut writer = Writer::create(dir.path(), &recipe()).expect("a new run");
        assert_eq!(writer.requests().expect("readable"), []);
        let mut file = OpenOptions::new().append(true).open(&path).expect("there");
        file.write_all(b"nonsense\n{\"id\":\"a\",\"ask\":\"pause\"}\n{\"id\":\"b\",").expect("space");
        assert_eq!(writer.requests().expect("readable"), [Request { id: "a".into(), ask: Ask::Pause }]);
        file.write_all(b"\"ask\":\"continue\"}\n").expect("space");
        assert_eq!(writer.requests().expect("readable"), [Request { id: "b".into(), ask: Ask::Continue }]);
    }
}
