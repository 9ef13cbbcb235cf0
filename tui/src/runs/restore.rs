//! The networks of a run, restored from a checkpoint.

use std::path::Path;

use anyhow::Result;
use duel_trainer::{
    device::{Choice, device},
    export::{Scored, Weights, export},
    gan::{Duel, state},
    run::paths::{self, RunError},
};

use crate::term::output::note;

/// Restores the checkpoint with the lowest Fréchet distance, or the last one of a run without evaluations.
pub fn best(dir: &Path) -> Result<Duel> {
    restored(dir, state::restore_best)
}

/// Returns the bytes of an ONNX file with the generator of a run, without scores in its card.
pub fn onnx(duel: &Duel) -> Result<Vec<u8>> {
    Ok(export(duel, Scored::default(), Weights::Single)?.onnx)
}

/// Restores the last checkpoint of a run.
pub fn last(dir: &Path) -> Result<Duel> {
    restored(dir, state::restore)
}

fn restored(dir: &Path, restore: fn(&mut Duel, &Path) -> Result<Vec<String>, RunError>) -> Result<Duel> {
    let recipe = paths::read_recipe(dir)?;
    let mut duel = Duel::new(recipe, None, device(Choice::Cpu)?)?;
    for passed in restore(&mut duel, dir)? {
        note(&format!("duel: {passed}; the checkpoint before it is used"));
    }
    Ok(duel)
}
