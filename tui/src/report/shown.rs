//! Scores and pictures of the generator of a run's best checkpoint.

use std::path::{Path, PathBuf};

use anyhow::Result;
use duel_models::picture::Picture;
use duel_runtime::Generator;
use duel_trainer::{
    data::{Images, SILENT, load_training},
    export::{Scored, Weights, export},
    gan::Duel,
    metrics::{nearest, scores::Exam, similarity::SAMPLES},
};

use super::subject::{self, Shown, Subject};
use crate::{
    runs::{exam, restore, samples},
    term::output::note,
};

/// Adds the scores and pictures of each run's generator.
pub fn add_shown(subjects: &mut [Subject], dirs: &[PathBuf]) {
    for (subject, dir) in subjects.iter_mut().zip(dirs) {
        if subject.is_toy() {
            continue;
        }
        note(&format!("scoring {} ...", subject.name));
        subject.shown = Some(shown(dir).map_err(|error| format!("{error:#}")));
    }
}

/// Draws with the generator of a run's best checkpoint, and scores it.
fn shown(dir: &Path) -> Result<Shown> {
    let duel = restore::best(dir)?;
    let generator = Generator::load(&export(&duel, Scored::default(), Weights::Single)?.onnx)?;
    let exam = exam::prepare(&duel.recipe).map(|prepared| prepared.exam);
    let images = samples::scored(&generator, exam.as_ref().map_or(SAMPLES, Exam::count))?;
    let scored = match exam {
        Ok(exam) => Ok(subject::Scored {
            judge: exam.judge().label(),
            count: images.len(),
            tests: exam.tests(),
            scores: exam.score(&images)?.named(),
            real: exam.real(images.len())?.named(),
        }),
        Err(why) => Err(format!("{why:#}")),
    };
    let nearest = nearest_training_pictures(&duel, &images);
    Ok(Shown { step: duel.step, scored, nearest, interpolation: samples::interpolation(&generator)? })
}

/// Returns some samples above their nearest training pictures, and the mean distance of both; or why there are none.
fn nearest_training_pictures(duel: &Duel, images: &Images) -> Result<(Picture, f64), String> {
    let (_, train) = load_training(duel.recipe.clone(), SILENT).map_err(|error| error.to_string())?;
    let train = train.ok_or("a toy distribution has no training pictures")?;
    let (picture, found) = nearest::beside(&samples::shown(images), &train);
    let apart: f64 = found.iter().map(|found| f64::from(found.squared).sqrt()).sum();
    Ok((picture, apart / found.len() as f64))
}
