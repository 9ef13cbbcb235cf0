//! The exam of a recipe's data: its judge, and the real pictures that scores compare with.

use std::io::{IsTerminal, stderr};

use anyhow::{Result, ensure};
use duel_trainer::{
    data::{DataSet, SCORED_LEAST, Split, check_fingerprint, load},
    metrics::{judge::Judge, scores::Exam},
    recipe::{Recipe, Source},
};

use super::decoding;
use crate::term::output::note;

/// The data of an exam.
pub struct Prepared {
    /// The exam.
    pub exam: Exam,
    /// The test pictures.
    pub test: DataSet,
    /// The source of the pictures.
    pub source: Source,
    /// The number of classes; 0 without labels.
    pub classes: usize,
}

/// Loads the training and the test pictures of a recipe, and their judge. `recipe` has the shape and the classes of the
/// data, as `load_training` sets them. The error is a reason why there are no scores.
pub fn prepare(recipe: &Recipe) -> Result<Prepared> {
    ensure!(recipe.data.source.toy().is_none(), "a toy distribution has no pictures");
    let split = |split| decoding::with_bar(|progress| load(&recipe.data, split, progress));
    let (test, train) = (split(Split::Test)?, split(Split::Train)?);
    check_fingerprint(&recipe.data, &train)?;
    for (data, name) in [(&train, "training"), (&test, "test")] {
        let there = data.len();
        ensure!(there >= SCORED_LEAST, "there are {there} {name} pictures, and scores need {SCORED_LEAST}");
    }
    if stderr().is_terminal() && recipe.data.source != Source::Mnist && recipe.data.classes > 1 {
        note("loading the classifier of these pictures; the first time it is trained, in up to two minutes");
    }
    let judge = Judge::of(&recipe.data, &train)?;
    let (source, classes) = (recipe.data.source.clone(), recipe.data.classes.max(judge.classes()));
    let exam = decoding::with_spinner("looking at the test pictures", || Exam::new(judge, &source, train, &test))?;
    Ok(Prepared { exam, test, source, classes })
}
