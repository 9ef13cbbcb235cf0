//! The run that a user means, its networks, and what to do next with it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use duel_trainer::{
    bell::Bell,
    dataset::Dataset,
    device::{Choice, device},
    duel::Duel,
    gan::state,
    run::{
        directory::{self, RunError},
        reader::{Glance, Run},
        story::State,
    },
};

use crate::output::note;

/// Whether a directory holds a run.
pub fn is_run(dir: &Path) -> bool {
    dir.join("recipe.toml").exists()
}

/// A directory, or the one of that name under ./runs where that alone holds a run, or that alone is there.
pub fn named(run: &Path) -> PathBuf {
    let under = Path::new("runs").join(run);
    let alone = |has: fn(&Path) -> bool| has(&under) && !has(run);
    if alone(is_run) || alone(Path::is_dir) { under } else { run.to_owned() }
}

/// Whether a directory holds anything of a run, or nothing yet.
fn may_be_one(dir: &Path) -> bool {
    let begun = ["lock", "metrics.jsonl", "events.jsonl"].iter().any(|name| dir.join(name).exists());
    is_run(dir) || begun || dir.read_dir().is_ok_and(|mut entries| entries.next().is_none())
}

/// As [`named`]; without a name the newest run under ./runs.
pub fn find(asked: Option<&Path>) -> Result<PathBuf> {
    match asked {
        Some(asked) => match named(asked) {
            dir if dir.is_dir() && may_be_one(&dir) => Ok(dir),
            _ => bail!("no run {}: `duel runs` lists those there are", asked.display()),
        },
        None => match Glance::all(Path::new("runs")).unwrap_or_default().into_iter().next() {
            Some(newest) => Ok(newest.dir),
            None => bail!("no runs under ./runs: start one with `duel train`, or name a run directory"),
        },
    }
}

/// The duel of a run's checkpoint with the least Fréchet distance; of its last, if it was not evaluated.
pub fn best(dir: &Path) -> Result<Duel> {
    restored(dir, state::restore_best)
}

/// The duel of a run's last checkpoint.
pub fn last(dir: &Path) -> Result<Duel> {
    restored(dir, state::restore)
}

fn restored(dir: &Path, restore: fn(&mut Duel, &Path) -> Result<Vec<String>, RunError>) -> Result<Duel> {
    let recipe = directory::recipe(dir)?;
    let mut duel = Duel::new(recipe, Dataset::default(), device(Choice::Cpu)?)?;
    for passed in restore(&mut duel, dir)? {
        note(&format!("duel: {passed}; taking the one before"));
    }
    Ok(duel)
}

/// Whether a run is a duel over numbers.
pub fn over_numbers(run: &Run) -> bool {
    run.recipe.get("data.source").is_some_and(|source| Bell::of(&source).is_some())
}

/// What to do next with the run in `dir`, in words, and the command. A duel over numbers has nothing to export.
pub fn next(state: State, over_numbers: bool, dir: &str) -> (&'static str, String) {
    match state {
        State::Waiting | State::Running | State::Paused => ("come back with", format!("duel watch {dir}")),
        State::Done if over_numbers => ("see it again with", format!("duel watch {dir}")),
        State::Done => ("export it with", format!("duel export {dir}")),
        State::Stopped | State::Crashed => ("go on with", format!("duel train --resume {dir}")),
    }
}
