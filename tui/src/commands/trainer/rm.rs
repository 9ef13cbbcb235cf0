//! `duel rm`: deletes runs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use duel_models::text::quoted;
use duel_trainer::run::reader::has_trainer;

use super::completions::runs;
use crate::{runs::find, term::output::print};

/// Arguments of `duel rm`.
#[derive(Debug, Args)]
pub struct RmArgs {
    /// The runs: directories, or names under ./runs.
    #[arg(required = true, value_name = "RUN", add = ArgValueCompleter::new(runs))]
    runs: Vec<PathBuf>,
}

/// The files and folders that duel writes into a run directory, beside TensorBoard's and temporary ones.
const OWN: [&str; 9] = [
    "recipe.toml",
    "metrics.jsonl",
    "events.jsonl",
    "control.jsonl",
    "lock",
    "samples",
    "checkpoints",
    "trainer.log",
    "report.html",
];

/// Deletes the runs, and prints their directories. All are checked before the first one is deleted.
pub fn run(args: RmArgs) -> Result<()> {
    let dirs = args.runs.iter().map(|run| find::find(Some(run))).collect::<Result<Vec<PathBuf>>>()?;
    dirs.iter().try_for_each(|dir| check(dir))?;
    for dir in dirs {
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
        print(&format!("{}\n", dir.display()))?;
    }
    Ok(())
}

/// Checks that a directory is a run, that no trainer holds it, and that it holds nothing else.
fn check(dir: &Path) -> Result<()> {
    let shown = dir.display();
    ensure!(!dir.is_symlink(), "{shown} is a link: name the run that it leads to");
    ensure!(find::is_run(dir), "{shown} holds no recipe.toml, so it is no run: remove it with `rm`");
    ensure!(!has_trainer(dir), "a trainer is at work on {shown}: `duel stop {}` ends it", quoted(dir));
    for entry in dir.read_dir().with_context(|| format!("cannot read {shown}"))? {
        let name = entry.with_context(|| format!("cannot read {shown}"))?.file_name();
        let bytes = name.as_encoded_bytes();
        let own = OWN.iter().any(|own| own.as_bytes() == bytes)
            || bytes.starts_with(b"events.out.tfevents.")
            || bytes.ends_with(b".tmp");
        ensure!(own, "{} is no file of a run: move it elsewhere before the run is removed", dir.join(&name).display());
    }
    Ok(())
}
