//! The layout of a run directory, its lock and its errors.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use duel_models::{
    Shape, files,
    places::{absent, must_be_expanded},
    text::quoted,
};

use crate::recipe::{DataShape, Recipe, RecipeError, Source, read_text};

/// The folder of samples.
pub(super) const SAMPLES: &str = "samples";
/// The folder of checkpoints.
pub(super) const CHECKPOINTS: &str = "checkpoints";
/// The checkpoint with the lowest Fréchet distance, which is never pruned.
pub const BEST: &str = "checkpoints/best.safetensors";

/// The errors of a run directory.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file cannot be read or written.
    #[error("cannot {verb} {path}: {why}; check its permissions, or choose another directory")]
    Io {
        /// The operation.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        why: io::Error,
    },
    /// The directory cannot be created.
    #[error("cannot create {path}: {why}; choose another place with --run RUN")]
    Create {
        /// The directory, or one of its parents.
        path: PathBuf,
        /// The cause.
        why: io::Error,
    },
    /// The directory already holds a run.
    #[error("{0} holds a run: resume it with --resume {run}, or choose another place with --run RUN", run = quoted(.0))]
    Exists(PathBuf),
    /// The directory holds no run.
    #[error(
        "{run} holds no run: {why}list the runs with `duel runs`",
        run = .0.display(),
        why = absent(.0).map_or_else(String::new, |why| why + "; ")
    )]
    Missing(PathBuf),
    /// Another trainer holds the lock.
    #[error("another trainer is at work on {0}: watch it with `duel watch {run}`", run = quoted(.0))]
    Locked(PathBuf),
    /// The recipe of the run is invalid.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The run has no checkpoint.
    #[error(
        "{0} has no checkpoint yet: wait for the first one, or resume training with `duel train --resume {run}`",
        run = quoted(.0)
    )]
    NoCheckpoint(PathBuf),
    /// The networks of the recipe differ from those of the checkpoint.
    #[error("{file} does not fit the networks of recipe.toml ({why}): undo the changes to recipe.toml")]
    OtherRecipe {
        /// The file.
        file: PathBuf,
        /// The difference.
        why: String,
    },
    /// Some files could not be written.
    #[error(
        "{dir} is not completely saved ({why}): free disk space or correct its permissions, then resume with `duel \
         train --resume {run}`",
        run = quoted(.dir)
    )]
    Unsaved {
        /// The run directory.
        dir: PathBuf,
        /// The cause.
        why: String,
    },
    /// A checkpoint is damaged, and there is no earlier one.
    #[error("{file} is damaged ({why}), and there is no intact earlier checkpoint: start a new run with --run RUN")]
    Checkpoint {
        /// The file.
        file: PathBuf,
        /// The damage.
        why: String,
    },
}

impl RunError {
    pub(super) fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |why| Self::Io { verb, path: path.to_owned(), why }
    }
}

/// Creates the missing folders of a run directory, which only the owner may read, and takes its lock, which is held
/// until the file is dropped. The lock is the first file: a watcher takes a directory without it, but with others, for
/// no run.
pub(super) fn claim(dir: &Path) -> Result<File, RunError> {
    let parent = dir.parent().unwrap_or(Path::new(""));
    must_be_expanded(dir).map_err(|why| RunError::Create { path: dir.to_owned(), why })?;
    fs::create_dir_all(parent).map_err(|why| RunError::Create { path: parent.to_owned(), why })?;
    match private_directory().create(dir) {
        Err(why) if why.kind() != io::ErrorKind::AlreadyExists => {
            return Err(RunError::Create { path: dir.to_owned(), why });
        }
        _ => {}
    }
    let lock = take_lock(dir)?;
    for sub in [SAMPLES, CHECKPOINTS] {
        let path = dir.join(sub);
        files::must_not_be_link(&path)
            .and_then(|()| fs::create_dir_all(&path))
            .map_err(RunError::io("create", &path))?;
    }
    Ok(lock)
}

/// Returns a builder of directories that only their owner may read and write.
fn private_directory() -> DirBuilder {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Opens a run directory, and returns a path to it. On Linux the path goes through the descriptor and stays valid if
/// the directory is renamed; elsewhere it is `dir`.
pub(super) fn open_directory(dir: &Path) -> io::Result<(File, PathBuf)> {
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

/// Removes the temporary files that a killed trainer left behind.
pub(super) fn remove_temporary_files(dir: &Path) -> Result<(), RunError> {
    for sub in ["", SAMPLES, CHECKPOINTS] {
        let path = dir.join(sub);
        for entry in fs::read_dir(&path).map_err(RunError::io("read", &path))?.flatten() {
            if entry.file_name().as_encoded_bytes().ends_with(b".tmp") {
                // A temporary file that cannot be removed does no harm.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
    Ok(())
}

/// Removes old checkpoints, so that `kept` remain up to `newest`. Later ones are kept: they are damaged checkpoints
/// that the resumed training skipped.
pub(super) fn prune_checkpoints(dir: &Path, newest: &Path, kept: usize) -> io::Result<()> {
    let all = checkpoints(dir).map_err(io::Error::other)?;
    let before = all.iter().position(|path| path == newest).map_or(0, |at| at + 1);
    all[..before.saturating_sub(kept)].iter().try_for_each(fs::remove_file)
}

/// Reads the recipe of the run in `dir`.
pub fn read_recipe(dir: &Path) -> Result<Recipe, RunError> {
    let path = dir.join("recipe.toml");
    let text = match read_text(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(RunError::Missing(dir.to_owned())),
        Err(error) => return Err(RunError::io("read", &path)(error)),
    };
    let recipe = Recipe::parse(&text, &path.display().to_string())?;
    match (&recipe.data.source, recipe.data.shape) {
        (Source::Mnist | Source::Path(_), DataShape::Auto) => Ok(recipe.for_shape(shape_of_first_runs())?),
        _ => Ok(recipe),
    }
}

/// Returns the shape of pictures in runs of duel 0.1, whose recipes have no shape.
pub fn shape_of_first_runs() -> Shape {
    Shape::new(1, 28, 28).expect("within the bounds of a shape")
}

/// Returns the checkpoints of the run in `dir`, oldest first.
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

fn take_lock(dir: &Path) -> Result<File, RunError> {
    let path = dir.join("lock");
    let file = files::must_be_writable_place(&path)
        .and_then(|()| OpenOptions::new().write(true).create(true).truncate(false).open(&path));
    let file = file.map_err(RunError::io("write", &path))?;
    // A program that checks for a trainer holds a shared lock for microseconds.
    for _ in 0..10 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::Error(source)) => return Err(RunError::io("lock", &path)(source)),
        }
    }
    Err(RunError::Locked(dir.to_owned()))
}

/// Removes the partial last line that a killed trainer may have left.
pub(super) fn remove_partial_line(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    // No line is longer than a few kilobytes.
    let length = file.metadata()?.len();
    let from = length.saturating_sub(1 << 16);
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let whole = end.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    file.set_len(from + whole as u64)
}
