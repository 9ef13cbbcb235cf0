//! Run directories by name.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::{Result, bail};
use duel_models::{files, places::absent};
use duel_trainer::run::{reader::RunSummary, record::Event};

/// The directory of runs that the user's defaults name.
static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();

/// Returns the directory below which runs have names: ./runs, unless the user's defaults name another.
pub fn directory() -> &'static Path {
    DIRECTORY.get().map_or(Path::new("runs"), PathBuf::as_path)
}

/// Returns the directory of runs for a message.
fn shown() -> String {
    match directory() {
        relative if relative.is_relative() => format!("./{}", relative.display()),
        absolute => absolute.display().to_string(),
    }
}

/// Sets the directory of runs. Called once, when the program starts.
pub fn set_directory(directory: PathBuf) {
    _ = DIRECTORY.set(directory);
}

/// Tells whether a directory holds a run: it has a recipe.toml.
pub fn is_run(dir: &Path) -> bool {
    dir.join("recipe.toml").exists()
}

/// Returns the directory that `run` names: `run` itself, or runs/`run` if only that holds a run, or if only that
/// exists. A checkpoint of a run names it, too.
pub fn named(run: &Path) -> PathBuf {
    if let Some(run) = run.parent().and_then(Path::parent).filter(|dir| run.is_file() && is_run(dir)) {
        return run.to_owned();
    }
    let under = directory().join(run);
    let alone = |has: fn(&Path) -> bool| has(&under) && !has(run);
    if alone(is_run) || alone(Path::is_dir) { under } else { run.to_owned() }
}

/// Returns the text by which files of one run are told from those of another: when the run began, in seconds since 1970.
/// None for a run without events.
pub fn mark(dir: &Path) -> Option<String> {
    let start = files::read_start(&dir.join("events.jsonl"), 1 << 12).ok()?;
    let first: Event = serde_json::from_slice(start.split(|&byte| byte == b'\n').next()?).ok()?;
    Some(format!("run of {:.6}", first.time))
}

/// Tells whether a directory holds files of a run, or nothing yet.
fn may_be_one(dir: &Path) -> bool {
    let begun = ["lock", "metrics.jsonl", "events.jsonl"].iter().any(|name| dir.join(name).exists());
    is_run(dir) || begun || dir.read_dir().is_ok_and(|mut entries| entries.next().is_none())
}

/// Finds the directory of a run, as [`named`]; without a name, that of the newest run under ./runs.
pub fn find(asked: Option<&Path>) -> Result<PathBuf> {
    match asked {
        Some(asked) => match named(asked) {
            dir if dir.is_dir() && may_be_one(&dir) => Ok(dir),
            _ => {
                let under = directory().join(asked);
                let place = if directory().is_dir() && asked.iter().count() == 1 { &under } else { asked };
                let why = absent(place).map_or_else(String::new, |why| why + "; ");
                bail!("no run {}: {why}`duel runs` lists the runs", asked.display())
            }
        },
        None => match RunSummary::list(directory()).unwrap_or_default().into_iter().next() {
            Some(newest) => Ok(newest.dir),
            None => bail!("no runs under {}: start one with `duel train`, or name a run directory", shown()),
        },
    }
}
