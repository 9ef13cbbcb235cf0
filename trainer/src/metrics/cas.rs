//! The classification accuracy score (CAS) of Ravuri and Vinyals 2019: the accuracy on real test pictures of a
//! classifier that learned from generated pictures alone. Pictures that do not match their label lower it, and so does
//! missing variety.

use candle_core::{Result, bail};

use super::{
    classifier::{ClassifierTraining, train},
    similarity::SAMPLES,
};
use crate::{
    data::{DataSet, Images},
    recipe::Source,
};

/// Pictures in the training set of the CAS classifier: as many as MNIST has to train with.
pub const TRAINING_SET: usize = 60_000;

/// The training of the CAS classifier for MNIST: that of the shipped classifier, for a third of its epochs.
const DIGITS: ClassifierTraining = ClassifierTraining { epochs: 5, ..ClassifierTraining::SHIPPED };

/// Computes the score of labelled generated pictures, at least a batch of them, by the `test` pictures of their source.
pub fn score(data: &DataSet, source: &Source, classes: usize, test: &DataSet) -> Result<f64> {
    let training = match source {
        Source::Mnist => DIGITS,
        _ => ClassifierTraining::fitting(data.shape, data.len()),
    };
    if data.shape != test.shape {
        bail!("the classifier reads pictures of {}: these are {}", test.shape, data.shape);
    }
    if data.labels.len() < ClassifierTraining::SHIPPED.batch {
        let least = ClassifierTraining::SHIPPED.batch;
        bail!("a classifier learns from at least {least} labelled images: there are {}", data.labels.len());
    }
    if let Some(label) = data.labels.iter().find(|&&label| usize::from(label) >= classes) {
        bail!("the classifier knows the labels 0 to {}: there is a {label}", classes.saturating_sub(1));
    }
    // In a thread of rayon's pool the kernels start without waking another thread first.
    let classifier = rayon::scope(|_| train(data, classes, training, 1, |_, _| ()))?;
    classifier.accuracy(&Images::slice(test, 0..test.len().min(SAMPLES)))
}
