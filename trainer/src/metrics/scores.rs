//! All scores of a set of generated digits, against MNIST's test pictures.

use std::collections::BTreeMap;

use candle_core::Result;

use super::{
    nearest, parzen,
    similarity::{Reference, Similarity},
};
use crate::data::{DataSet, Images, Split, mnist};

/// Samples of a full evaluation.
pub const SAMPLES: usize = 10_000;

/// The fewest pictures that can be scored: density and coverage need five neighbours.
pub const LEAST: usize = 16;

/// The scores of one set of pictures, against the test pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// The similarity to the test pictures.
    pub similarity: Similarity,
    /// The Parzen-window log-likelihood of the test pictures, in nats.
    pub parzen: parzen::Parzen,
    /// The share of pictures that lie nearer to a training picture than the median test picture does; 0.5 for new
    /// digits, 1 for copies. None for training pictures.
    pub near_training: Option<f64>,
}

impl Scores {
    /// The names of the measures, and the best value of each.
    pub const MEASURES: &[(&str, &str)] = &[
        ("frechet", "0"),
        ("precision", "1"),
        ("recall", "1"),
        ("density", "1"),
        ("coverage", "1"),
        ("label_accuracy", "1"),
        ("class_balance", "1"),
        ("parzen", "high, yet a weak measure: copies score best"),
        ("parzen_error", ""),
        ("parzen_sigma", ""),
        ("near_training", "0.5: above it, copies; below it, few of the usual digits"),
        // Not among the scores of a judge: `cas::score`, which takes minutes.
        ("classification_accuracy", "1"),
    ];

    /// The measures by name; those that do not apply left out.
    pub fn named(&self) -> BTreeMap<String, f64> {
        let Self { parzen, near_training, .. } = *self;
        let mut named = self.similarity.named();
        let measures = [("parzen", parzen.mean), ("parzen_error", parzen.error), ("parzen_sigma", parzen.sigma)];
        named.extend(measures.map(|(name, value)| (name.to_owned(), value)));
        named.extend(near_training.map(|share| ("near_training".to_owned(), share)));
        named
    }
}

/// The test pictures of MNIST, and what the measures need of them.
#[derive(Debug)]
pub struct Judge {
    reference: Reference,
    train: DataSet,
    /// The test pictures, [10,000, 784] in [0, 1].
    test: Vec<f32>,
    /// The squared distance of each test picture to its nearest training picture, sorted.
    test_nearest: Vec<f32>,
}

impl Judge {
    /// Loads the bundled digits and the shipped classifier.
    pub fn new() -> Result<Self> {
        let (train, test) = (mnist::load(Split::Train), Images::slice(&mnist::load(Split::Test), 0..SAMPLES));
        let reference = Reference::new(&test)?;
        let test = nearest::to_unit(&test.values);
        let mut test_nearest = distances(&test, &train);
        test_nearest.sort_unstable_by(f32::total_cmp);
        Ok(Self { reference, train, test, test_nearest })
    }

    /// Scores at least [`LEAST`] pictures.
    pub fn score(&self, images: &Images) -> Result<Scores> {
        let median = self.test_nearest[self.test_nearest.len() / 2];
        let distances = distances(&nearest::to_unit(&images.values), &self.train);
        let nearer = distances.into_iter().filter(|&distance| distance < median).count();
        Ok(Scores { near_training: Some(nearer as f64 / images.len() as f64), ..self.compare(images)? })
    }

    /// Scores other real pictures: the first 10,000 training pictures.
    pub fn real(&self) -> Result<Scores> {
        self.compare(&Images::slice(&self.train, 0..SAMPLES))
    }

    /// Every score but `near_training`.
    pub(super) fn compare(&self, images: &Images) -> Result<Scores> {
        let pixels = nearest::to_unit(&images.values);
        // Goodfellow et al. 2014 choose σ on a validation set: here the first 1,000 of the pictures that the paper held
        // out.
        let validation = nearest::to_unit(&Images::slice(&self.train, 50_000..51_000).values);
        Ok(Scores {
            similarity: self.reference.compare(images)?,
            parzen: parzen::fit(&pixels, &validation, &self.test, mnist::SHAPE.size()),
            near_training: None,
        })
    }

    /// MNIST's training pictures.
    pub fn train(&self) -> &DataSet {
        &self.train
    }

    /// The hash of the classifier, which stands beside every score.
    pub fn hash(&self) -> &str {
        self.reference.hash()
    }
}

/// The squared distance of each picture, [N, 784] in [0, 1], to its nearest training picture.
fn distances(images: &[f32], train: &DataSet) -> Vec<f32> {
    nearest::nearest(images, train).into_iter().map(|found| found.squared).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::classifier::Classifier;

    #[test]
    fn the_shipped_classifier_reads_the_test_pictures() {
        let classifier = Classifier::shipped().expect("the shipped file");
        let images = Images::slice(&mnist::load(Split::Test), 0..SAMPLES);
        assert!(classifier.accuracy(&images).expect("labels") >= 0.993);
        assert_eq!(classifier.hash.len(), 64);
    }
}
