//! The classification accuracy score (CAS) of Ravuri and Vinyals 2019: the accuracy on real test pictures of a
//! classifier that learned from generated pictures alone. Pictures that do not match their label lower it, and so does
//! missing variety.

use candle_core::{Result, bail};

use super::{
    classifier::{ClassifierTraining, train},
    scores::SAMPLES,
};
use crate::data::{
    DataSet, Images, Split,
    mnist::{self, CLASSES},
};

/// Pictures in the training set of the CAS classifier: as many as MNIST has to train with.
pub const TRAINING_SET: usize = 60_000;

/// The training of the CAS classifier: that of the shipped classifier, for a third of its epochs.
const TRAINING: ClassifierTraining = ClassifierTraining { epochs: 5, ..ClassifierTraining::SHIPPED };

/// Computes the score of generated digits with labels, at least a batch of them.
pub fn score(data: &DataSet) -> Result<f64> {
    if data.shape != mnist::SHAPE {
        bail!("the classifier reads pictures of {}: these are {}", mnist::SHAPE, data.shape);
    }
    if data.labels.len() < TRAINING.batch {
        bail!("a classifier learns from at least {} labelled images: there are {}", TRAINING.batch, data.labels.len());
    }
    if let Some(label) = data.labels.iter().find(|&&label| usize::from(label) >= CLASSES) {
        bail!("the classifier knows the labels 0 to {}: there is a {label}", CLASSES - 1);
    }
    // In a thread of rayon's pool the kernels start without waking another thread first.
    let classifier = rayon::scope(|_| train(data, TRAINING, 1, |_, _| ()))?;
    classifier.accuracy(&Images::slice(&mnist::load(Split::Test), 0..SAMPLES))
}
