//! The classification accuracy score of Ravuri and Vinyals 2019: the share of real test images that a classifier reads which has learned
//! from drawn ones alone. Digits that are not what their label says lower it, and so do ways of writing that are missing.

use candle_core::{Result, bail};

use super::{
    Images, SAMPLES,
    classifier::{Training, train},
};
use crate::data::{Dataset, Split};

/// Images that the classifier learns from: as many as MNIST has to train with.
pub const LEARNED: usize = 60_000;

/// How it is trained: as the classifier of the features, for a third of its epochs.
const TRAINING: Training = Training { epochs: 5, ..Training::SHIPPED };

/// The score of images with labels, at least a batch of them.
pub fn score(data: &Dataset) -> Result<f64> {
    if data.len() < TRAINING.batch {
        bail!("a classifier learns from at least {} images: there are {}", TRAINING.batch, data.len());
    }
    if let Some(label) = data.labels.iter().find(|&&label| label > 9) {
        bail!("the classifier knows the labels 0 to 9: there is a {label}");
    }
    // A rayon pool's thread starts the kernels' pieces without waking another first.
    let classifier = rayon::scope(|_| train(data, TRAINING, 1, |_, _| ()))?;
    classifier.accuracy(&Images::of(&Dataset::mnist(Split::Test), 0..SAMPLES))
}
