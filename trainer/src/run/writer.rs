//! The trainer's end of a run directory.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use duel_models::grid::{grid, png};

use super::{
    files,
    lines::Lines,
    record::{Event, Metrics, Request, What},
    tensorboard::{self, Board},
};
use crate::{
    bell::Portrait,
    recipe::{Recipe, RecipeError},
};

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
    /// Something could not be saved.
    #[error(
        "not all of {dir} is saved ({why}): make room or mend its rights, then go on with `duel train --resume {dir}`"
    )]
    Unsaved {
        /// The run directory.
        dir: PathBuf,
        /// What was in the way.
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
    board: Board,
    waiting: Vec<Waiting>,
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
        let writer = Self::open(dir, lock)?;
        files::replace(&path, recipe.to_toml().as_bytes()).map_err(RunError::io("write", &path))?;
        Ok(writer)
    }

    /// The run in `dir`, with its recipe, to go on with.
    pub fn resume(dir: &Path) -> Result<(Self, Recipe), RunError> {
        let recipe = recipe(dir)?;
        folders(dir)?;
        let lock = lock(dir)?;
        for name in ["metrics.jsonl", "events.jsonl"] {
            let path = dir.join(name);
            files::must_be_ours(&path).and_then(|()| drop_half_a_line(&path)).map_err(RunError::io("mend", &path))?;
        }
        sweep(dir)?;
        Ok((Self::open(dir, lock)?, recipe))
    }

    fn open(dir: &Path, lock: File) -> Result<Self, RunError> {
        let append = |name: &str| {
            let path = dir.join(name);
            Lines::new(path.clone()).map_err(RunError::io("write", &path))
        };
        let (metrics, events) = (append("metrics.jsonl")?, append("events.jsonl")?);
        let (directory, root) = anchor(dir).map_err(RunError::io("read", dir))?;
        let board = Board::new(&root).map_err(RunError::io("read", dir))?;
        let mut writer = Self {
            dir: dir.to_owned(),
            root,
            metrics,
            events,
            board,
            waiting: Vec::new(),
            trouble: None,
            control: None,
            _directory: directory,
            _lock: lock,
        };
        // What was asked of an earlier trainer is not asked of this one.
        writer.requests()?;
        Ok(writer)
    }

    /// Keeps the recipe that a resume goes on with.
    pub fn keep(&mut self, recipe: &Recipe) -> Result<(), RunError> {
        self.put("recipe.toml".to_owned(), recipe.to_toml().as_bytes()).map(drop)
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
    pub fn event(&mut self, step: u64, what: What) -> Result<Event, RunError> {
        let event = Event { time: tensorboard::now(), step, what };
        let result = self.events.append(&event);
        self.heed("events.jsonl", result)?;
        let result = self.board.event(step, &event.what);
        self.heed(tensorboard::NAME, result)?;
        Ok(event)
    }

    /// Writes the grid of a step's samples, [`SAMPLES`] images of grey levels.
    pub fn samples(&mut self, step: u64, images: &[u8]) -> Result<(), RunError> {
        let picture = grid(images, SAMPLE_COLUMNS);
        let bytes = png(&picture);
        self.put(format!("samples/{step:08}.png"), &bytes)?;
        let result = self.board.samples(step, &picture, bytes);
        self.heed(tensorboard::NAME, result)
    }

    /// Writes what a duel over numbers looks like.
    pub fn portrait(&mut self, portrait: &Portrait) -> Result<(), RunError> {
        self.put(format!("samples/{:08}.json", portrait.step), &portrait.to_json()).map(drop)
    }

    /// Writes a checkpoint and removes the oldest before it beyond `kept`; its name, relative to the run directory, or none if it waits.
    pub fn checkpoint(&mut self, step: u64, bytes: &[u8], kept: usize) -> Result<Option<String>, RunError> {
        // An older one that waits has no use any more.
        self.waiting.retain(|waiting| waiting.name == BEST || !waiting.name.starts_with(CHECKPOINTS));
        self.retry();
        let synced = self.metrics.sync().and_then(|()| self.events.sync()).and_then(|()| self.board.sync());
        self.heed("metrics.jsonl", synced)?;
        let name = format!("{CHECKPOINTS}/{step:08}.safetensors");
        if self.saved().is_err() {
            // What was recorded before it is on the disk before it: a resume writes only later steps again.
            self.waiting.push(Waiting { name, bytes: bytes.to_owned() });
            return Ok(None);
        }
        if !self.put(name.clone(), bytes)? {
            return Ok(None);
        }
        let pruned = prune(&self.root, &self.root.join(&name), kept);
        self.heed(CHECKPOINTS, pruned)?;
        Ok(Some(name))
    }

    /// Writes the checkpoint that is the best so far; its name, relative to the run directory, or none if it waits.
    pub fn best(&mut self, bytes: &[u8]) -> Result<Option<&'static str>, RunError> {
        Ok(self.put(BEST.to_owned(), bytes)?.then_some(BEST))
    }

    /// Writes a file whole, or lets it wait; whether it is there.
    fn put(&mut self, name: String, bytes: &[u8]) -> Result<bool, RunError> {
        let result = files::replace(&self.root.join(&name), bytes);
        self.waiting.retain(|waiting| waiting.name != name);
        let saved = result.is_ok();
        if !saved {
            self.waiting.push(Waiting { name: name.clone(), bytes: bytes.to_owned() });
        }
        self.heed(&name, result)?;
        Ok(saved)
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

    /// Tries again what waits; the names of the checkpoints that are on the disk now.
    pub fn retry(&mut self) -> Vec<String> {
        if self.trouble.is_none() {
            return Vec::new();
        }
        let mut result = self.metrics.flush().and(self.events.flush()).and(self.board.flush());
        let mut written = Vec::new();
        // In the order in which they came, and none before the one that waits.
        while result.is_ok() && !self.waiting.is_empty() {
            result = files::replace(&self.root.join(&self.waiting[0].name), &self.waiting[0].bytes);
            if result.is_ok() {
                written.push(self.waiting.remove(0).name);
            }
        }
        if result.is_ok() {
            self.trouble = None;
        }
        written.retain(|name| name.starts_with(CHECKPOINTS));
        written
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

/// The folder of the checkpoints.
const CHECKPOINTS: &str = "checkpoints";
/// The checkpoint with the least Fréchet distance; it stays when others are pruned.
pub const BEST: &str = "checkpoints/best.safetensors";

/// Makes the folders of a run directory that are not there; the directory itself for its owner alone.
fn folders(dir: &Path) -> Result<(), RunError> {
    let parent = dir.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(parent).map_err(RunError::io("create", parent))?;
    match private().create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(RunError::io("create", dir)(error)),
        _ => {}
    }
    for sub in ["samples", CHECKPOINTS] {
        let path = dir.join(sub);
        fs::create_dir_all(&path).map_err(RunError::io("create", &path))?;
    }
    Ok(())
}

/// Makes directories that nobody else reads or writes.
fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// A run directory as it is, whatever becomes of its name: on Linux, by a descriptor; elsewhere, by its name.
fn anchor(dir: &Path) -> io::Result<(File, PathBuf)> {
    let directory = File::open(dir)?;
    #[cfg(target_os = "linux")]
    {
        let root = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&directory)));
        if root.join("lock").exists() {
            return Ok((directory, root));
        }
    }
    Ok((directory, dir.to_owned()))
}

/// Removes what a killed trainer left half written under other names.
fn sweep(dir: &Path) -> Result<(), RunError> {
    for sub in ["", "samples", CHECKPOINTS] {
        let path = dir.join(sub);
        for entry in fs::read_dir(&path).map_err(RunError::io("read", &path))?.flatten() {
            if entry.file_name().as_encoded_bytes().ends_with(b".tmp") {
                // One that stays harms nobody.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
    Ok(())
}

/// Removes the checkpoints before `newest` beyond `kept`. Later ones are not this training's: it passed over them.
fn prune(dir: &Path, newest: &Path, kept: usize) -> io::Result<()> {
    let all = checkpoints(dir).map_err(io::Error::other)?;
    let before = all.iter().position(|path| path == newest).map_or(0, |at| at + 1);
    all[..before.saturating_sub(kept)].iter().try_for_each(fs::remove_file)
}

/// The recipe of the run in `dir`.
pub fn recipe(dir: &Path) -> Result<Recipe, RunError> {
    let path = dir.join("recipe.toml");
    let text = match crate::recipe::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(RunError::Missing(dir.to_owned())),
        Err(error) => return Err(RunError::io("read", &path)(error)),
    };
    Ok(Recipe::parse(&text, &path.display().to_string())?)
}

/// The checkpoints of the run in `dir`, the oldest first.
pub fn checkpoints(dir: &Path) -> Result<Vec<PathBuf>, RunError> {
    let path = dir.join(CHECKPOINTS);
    let entries = fs::read_dir(&path).map_err(RunError::io("read", &path))?;
    let step = |path: &Path| {
        let digits = path.file_name()?.to_str()?.strip_suffix(".safetensors")?;
        (digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse::<u64>().ok())?
    };
    let files = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file());
    let mut files: Vec<(u64, PathBuf)> = files.filter_map(|file| Some((step(&file)?, file))).collect();
    files.sort();
    Ok(files.into_iter().map(|(_, file)| file).collect())
}

fn lock(dir: &Path) -> Result<File, RunError> {
    let path = dir.join("lock");
    let file = files::must_be_ours(&path)
        .and_then(|()| OpenOptions::new().write(true).create(true).truncate(false).open(&path));
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
    use std::io::Write;

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
    fn old_checkpoints_go_and_the_best_stays_and_no_temporary_file() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut writer = Writer::create(dir.path(), &recipe()).expect("a new run");
        assert_eq!(writer.best(b"best").expect("space"), Some(BEST));
        for step in 1..=4 {
            writer.checkpoint(step, b"bytes", 2).expect("space");
        }
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
        fs::write(&path, "{\"id\":\"old\",\"ask\":\"stop\"}\n").expect("space");
        let mut writer = Writer::create(dir.path(), &recipe()).expect("a new run");
        assert_eq!(writer.requests().expect("readable"), []);
        let mut file = OpenOptions::new().append(true).open(&path).expect("there");
        file.write_all(b"nonsense\n{\"id\":\"a\",\"ask\":\"pause\"}\n{\"id\":\"b\",").expect("space");
        assert_eq!(writer.requests().expect("readable"), [Request { id: "a".into(), ask: Ask::Pause }]);
        file.write_all(b"\"ask\":\"continue\"}\n").expect("space");
        assert_eq!(writer.requests().expect("readable"), [Request { id: "b".into(), ask: Ask::Continue }]);
    }

    #[test]
    fn a_checkpoint_waits_for_what_was_recorded_before_it() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let run = dir.path().join("run");
        let mut writer = Writer::create(&run, &recipe()).expect("a new run");
        fs::remove_dir(run.join("samples")).expect("empty");
        writer.samples(50, &vec![7; SAMPLES * duel_models::PIXELS]).expect("it waits");
        assert_eq!(writer.checkpoint(50, b"bytes", 2).expect("it waits, too"), None);
        assert!(checkpoints(&run).expect("there").is_empty());
        fs::create_dir(run.join("samples")).expect("space");
        assert_eq!(writer.retry(), ["checkpoints/00000050.safetensors"]);
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
        std::os::unix::fs::symlink(&other, run.join("recipe.toml.tmp")).expect("space");
        Writer::resume(&run).expect("a run").0.keep(&recipe()).expect("space");
        assert_eq!(fs::read_to_string(&other).expect("it is there"), "half a line");
    }

    #[test]
    fn what_cannot_be_written_waits_is_told_once_and_is_written_when_it_can_be() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let run = dir.path().join("run");
        let mut writer = Writer::create(&run, &recipe()).expect("a new run");
        fs::remove_dir(run.join("samples")).expect("empty");
        let images = vec![7; SAMPLES * duel_models::PIXELS];
        writer.samples(50, &images).expect("it waits");
        assert!(writer.trouble().is_some_and(|why| why.contains("samples/00000050.png")));
        assert_eq!((writer.trouble(), writer.saved().is_err()), (None, true));
        fs::create_dir(run.join("samples")).expect("space");
        writer.retry();
        writer.saved().expect("all is written");
        assert!(run.join("samples/00000050.png").exists());
    }
}
