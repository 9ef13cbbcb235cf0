//! Run directories by name.

use std::{
    io,
    path::{Component, Path, PathBuf},
    sync::OnceLock,
};

use anyhow::{Result, bail};
use duel_models::{files, places::absent};
use duel_trainer::run::{record::Event, summary::RunSummary};

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

/// Levels of folders below a directory of runs in which runs are looked for.
const DEPTH: usize = 3;

/// Tells whether a directory holds a run: it has a recipe.toml.
pub fn is_run(dir: &Path) -> bool {
    dir.join("recipe.toml").exists()
}

/// Tells whether a directory holds files of a run, even of a run without a recipe.
fn holds_run(dir: &Path) -> bool {
    is_run(dir) || ["lock", "metrics.jsonl", "events.jsonl"].iter().any(|name| dir.join(name).exists())
}

/// Returns the directory of the run `run`, one that exists or a new one: `run` itself if it holds a run; else runs/`run`
/// if that holds a run, or if `run` is a name without a slash; else `run` itself. A path that begins with `./`, `../` or
/// `/` is never looked for under ./runs. A checkpoint of a run names the run.
pub fn named(run: &Path) -> PathBuf {
    if let Some(run) = run.parent().and_then(Path::parent).filter(|dir| run.is_file() && is_run(dir)) {
        return run.to_owned();
    }
    let under = directory().join(run);
    let is_name = run.components().all(|part| matches!(part, Component::Normal(_)));
    let is_bare = is_name && run.iter().count() == 1 && !run.as_os_str().as_encoded_bytes().contains(&b'/');
    match !holds_run(run) && (is_bare || is_name && holds_run(&under)) {
        true => under,
        false => run.to_owned(),
    }
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
    // In this order: the first file that a trainer writes is the lock, perhaps between the two looks.
    dir.read_dir().is_ok_and(|mut entries| entries.next().is_none()) || holds_run(dir)
}

/// Lists the runs below a directory, those in folders too, the most recently written first.
pub fn list(dir: &Path) -> io::Result<Vec<RunSummary>> {
    RunSummary::list(dir, DEPTH)
}

/// Finds the directory of a run, as [`named`]; without a name, that of the newest run under ./runs.
pub fn find(asked: Option<&Path>) -> Result<PathBuf> {
    match asked {
        Some(asked) => match named(asked) {
            dir if dir.is_dir() && may_be_one(&dir) => Ok(dir),
            dir => {
                let place = if directory().is_dir() { &dir } else { asked };
                let why = absent(place).map_or_else(String::new, |why| why + "; ");
                bail!("no run {}: {why}`duel runs` lists the runs", asked.display())
            }
        },
        None => match list(directory()).unwrap_or_default().into_iter().next() {
            Some(newest) => Ok(newest.dir),
            None => bail!("no runs under {}: start one with `duel train`, or name a run directory", shown()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn one_rule_says_which_directory_a_run_is() {
        // The test runs in the directory of the crate, which has no folder of runs.
        for (run, expected) in [
            ("first", "runs/first"),
            ("a name", "runs/a name"),
            ("./first", "./first"),
            ("../first", "../first"),
            ("first/", "first/"),
            ("sweep/first", "sweep/first"),
            ("/tmp/first", "/tmp/first"),
            (".", "."),
            ("..", ".."),
            ("", ""),
        ] {
            assert_eq!(named(Path::new(run)), Path::new(expected), "{run}");
        }
        let home = tempfile::tempdir().expect("a directory");
        let run = home.path().join("run");
        fs::create_dir_all(run.join("checkpoints")).expect("space");
        let checkpoint = run.join("checkpoints/00000001.safetensors");
        for path in [run.join("recipe.toml"), checkpoint.clone()] {
            fs::write(path, "").expect("space");
        }
        assert_eq!(named(&checkpoint), run);
    }
}
