//! Scores and pictures of the generator of a run's best checkpoint.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Result;
use duel_models::picture::Picture;
use duel_runtime::Generator;
use duel_trainer::{
    data::{Images, SILENT, load_training},
    export::{Weights, export},
    gan::Duel,
    metrics::{nearest, scores::Judge, similarity::can_score},
};

use super::subject::{Shown, Subject};
use crate::{
    runs::{restore, samples},
    term::output::note,
};

/// Adds the scores and pictures of each run's generator; returns the scores of real digits if anything was scored.
pub fn add_shown(subjects: &mut [Subject], dirs: &[PathBuf]) -> Result<Option<BTreeMap<String, f64>>> {
    let mut judge = None;
    for (subject, dir) in subjects.iter_mut().zip(dirs) {
        if subject.is_toy() {
            continue;
        }
        note(&format!("scoring {} ...", subject.name));
        if subject.run.recipe.is_mnist() && judge.is_none() {
            judge = Some(Judge::new()?);
        }
        subject.shown = Some(shown(dir, judge.as_ref()).map_err(|error| format!("{error:#}")));
    }
    judge.map(|judge| Ok(judge.real()?.named())).transpose()
}

/// Draws with the generator of a run's best checkpoint, and scores it if the classifier knows its data.
fn shown(dir: &Path, judge: Option<&Judge>) -> Result<Shown> {
    let duel = restore::best(dir)?;
    let generator = Generator::load(&export(&duel, BTreeMap::new(), Weights::Single)?.onnx)?;
    let images = samples::scored(&generator)?;
    let scores = match judge.filter(|_| can_score(&duel.recipe)) {
        Some(judge) => judge.score(&images)?.named(),
        None => BTreeMap::new(),
    };
    let nearest = nearest_training_pictures(&duel, &images);
    Ok(Shown { step: duel.step, scores, nearest, interpolation: samples::interpolation(&generator)? })
}

/// Returns some samples above their nearest training pictures, and the mean distance of both; or why there are none.
fn nearest_training_pictures(duel: &Duel, images: &Images) -> Result<(Picture, f64), String> {
    let (_, train) = load_training(duel.recipe.clone(), SILENT).map_err(|error| error.to_string())?;
    let train = train.ok_or("a toy distribution has no training pictures")?;
    let (picture, found) = nearest::beside(&samples::shown(images), &train);
    let apart: f64 = found.iter().map(|found| f64::from(found.squared).sqrt()).sum();
    Ok((picture, apart / found.len() as f64))
}
