//! What stands where in a run directory, and why one cannot be used.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use duel_models::{Shape, files};

use crate::recipe::{DataShape, Recipe, RecipeError, Source, read_text};

/// The folder of the checkpoints.
pub(super) const CHECKPOINTS: &str = "checkpoints";
/// The checkpoint with the least Fréchet distance; it stays when others are pruned.
pub const BEST: &str = "checkpoints/best.safetensors";

/// Why a run directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Something there cannot be read or written.
    #[error("cannot {verb} {path}: {why}; check the directory, or choose another")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        why: io::Error,
    },
    /// The directory cannot be made.
    #[error("cannot create {path}: {why}; choose another directory with --run DIR")]
    Create {
        /// Itself, or one above it.
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
    pub(super) fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |why| Self::Io { verb, path: path.to_owned(), why }
    }
}

/// Makes the folders of a run directory that are not there; the directory itself for its owner alone.
pub(super) fn folders(dir: &Path) -> Result<(), RunError> {
    let parent = dir.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(parent).map_err(|why| RunError::Create { path: parent.to_owned(), why })?;
    match private().create(dir) {
        Err(why) if why.kind() != io::ErrorKind::AlreadyExists => {
            return Err(RunError::Create { path: dir.to_owned(), why });
        }
        _ => {}
    }
    for sub in ["samples", CHECKPOINTS] {
        let path = dir.join(sub);
        files::must_not_be_link(&path)
            .and_then(|()| fs::create_dir_all(&path))
            .map_err(RunError::io("create", &path))?;
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
pub(super) fn anchor(dir: &Path) -> io::Result<(File, PathBuf)> {
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
pub(super) fn sweep(dir: &Path) -> Result<(), RunError> {
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
pub(super) fn prune(dir: &Path, newest: &Path, kept: usize) -> io::Result<()> {
    let all = checkpoints(dir).map_err(io::Error::other)?;
    let before = all.iter().position(|path| path == newest).map_or(0, |at| at + 1);
    all[..before.saturating_sub(kept)].iter().try_for_each(fs::remove_file)
}

/// The recipe of the run in `dir`.
pub fn recipe(dir: &Path) -> Result<Recipe, RunError> {
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

/// The shape of a picture in runs of duel 0.1, whose recipes hold no shape.
pub fn shape_of_first_runs() -> Shape {
    Shape::new(1, 28, 28).expect("within the bounds of a shape")
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

/// Takes the directory for this process alone, as long as the file lives.
pub(super) fn lock(dir: &Path) -> Result<File, RunError> {
    let path = dir.join("lock");
    let file = files::must_be_writable_place(&path)
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
pub(super) fn drop_half_a_line(path: &Path) -> io::Result<()> {
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
