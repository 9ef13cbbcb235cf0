//! All scores of a set of generated pictures, against the test pictures of their data.

use std::collections::BTreeMap;

use candle_core::Result;

use super::{
    judge::Judge,
    nearest, parzen,
    similarity::{Reference, SAMPLES, Similarity},
};
use crate::{
    data::{DataSet, Images},
    recipe::Source,
};

/// The scores of one set of pictures, against the test pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// The similarity to the test pictures.
    pub similarity: Similarity,
    /// The standard errors of the Fréchet distance and of the KID, if the KID is measured.
    pub spreads: Option<[f64; 2]>,
    /// The Parzen-window log-likelihood of the test pictures, in nats; for MNIST alone.
    pub parzen: Option<parzen::Parzen>,
    /// The share of pictures that lie nearer to a training picture than the median test picture does; 0.5 for new
    /// pictures, 1 for copies. None for training pictures.
    pub near_training: Option<f64>,
}

impl Scores {
    /// The names of the measures, and the best value of each.
    pub const MEASURES: &[(&str, &str)] = &[
        ("frechet", "0"),
        ("frechet_spread", ""),
        ("kid", "0"),
        ("kid_spread", ""),
        ("precision", "1"),
        ("recall", "1"),
        ("density", "1"),
        ("coverage", "1"),
        ("label_accuracy", "1"),
        ("class_balance", "1"),
        ("parzen", "high, yet a weak measure: copies score best"),
        ("parzen_error", ""),
        ("parzen_sigma", "none: the width of the window, chosen with training pictures"),
        ("near_training", "0.5: above it, copies or the same few pictures; below it, few of the usual pictures"),
        // Not among the scores of an exam: the modes of stacked MNIST, and `cas::score`, which takes minutes.
        ("modes", "1000"),
        ("modes_kl", "0"),
        ("classification_accuracy", "1"),
    ];

    /// The measures by name; those that do not apply left out.
    pub fn named(&self) -> BTreeMap<String, f64> {
        let Self { parzen, near_training, spreads, .. } = *self;
        let mut named = self.similarity.named();
        let parzen = parzen
            .map(|parzen| [("parzen", parzen.mean), ("parzen_error", parzen.error), ("parzen_sigma", parzen.sigma)]);
        let spreads = spreads.map(|[frechet, kid]| [("frechet_spread", frechet), ("kid_spread", kid)]);
        let near_training = near_training.map(|share| ("near_training", share));
        let more = parzen.into_iter().flatten().chain(spreads.into_iter().flatten()).chain(near_training);
        named.extend(more.map(|(name, value)| (name.to_owned(), value)));
        named
    }
}

/// The real pictures of some data with their judge, and what the measures need of them.
#[derive(Debug)]
pub struct Exam {
    reference: Reference,
    train: DataSet,
    /// The test pictures, at most [`SAMPLES`], [N, height · width · channels] in [0, 1].
    test: Vec<f32>,
    /// The squared distance of each test picture to its nearest training picture, sorted.
    test_nearest: Vec<f32>,
    /// Whether the data are MNIST, for which there are Parzen windows of other models.
    mnist: bool,
}

impl Exam {
    /// Prepares to score pictures of a source, with its training and test pictures; both are at least
    /// [`SCORED_LEAST`](crate::data::SCORED_LEAST).
    pub fn new(judge: Judge, source: &Source, train: DataSet, test: &DataSet) -> Result<Self> {
        let test = Images::slice(test, 0..test.len().min(SAMPLES));
        let reference = Reference::new(judge, &test)?;
        let test = nearest::to_unit(&test.values);
        let mut test_nearest = distances(&test, &train);
        test_nearest.sort_unstable_by(f32::total_cmp);
        Ok(Self { reference, train, test, test_nearest, mnist: *source == Source::Mnist })
    }

    /// The number of pictures that are scored: as many as there are training pictures, at most [`SAMPLES`], so that the
    /// scores of real pictures are of equally many.
    pub fn count(&self) -> usize {
        self.train.len().min(SAMPLES)
    }

    /// The number of test pictures.
    pub fn tests(&self) -> usize {
        self.test_nearest.len()
    }

    /// Scores at least [`SCORED_LEAST`](crate::data::SCORED_LEAST) pictures.
    pub fn score(&self, images: &Images) -> Result<Scores> {
        let median = self.test_nearest[self.test_nearest.len() / 2];
        let distances = distances(&nearest::to_unit(&images.values), &self.train);
        let nearer = distances.into_iter().filter(|&distance| distance < median).count();
        Ok(Scores { near_training: Some(nearer as f64 / images.len() as f64), ..self.compare(images)? })
    }

    /// Scores other real pictures, the first `count` training pictures: a generator with these scores is as good as the
    /// scores can tell. The label accuracy is that of the test pictures, unless the data are MNIST: a classifier that
    /// learned the labels of the training pictures knows those too well.
    pub fn real(&self, count: usize) -> Result<Scores> {
        let mut scores = self.compare(&Images::slice(&self.train, 0..count.min(self.train.len())))?;
        if !self.mnist {
            scores.similarity.label_accuracy = self.reference.label_accuracy;
        }
        Ok(scores)
    }

    /// Every score but `near_training`.
    pub(super) fn compare(&self, images: &Images) -> Result<Scores> {
        let (similarity, spreads) = self.reference.compare_with_spreads(images)?;
        let parzen = self.mnist.then(|| {
            let pixels = nearest::to_unit(&images.values);
            // Goodfellow et al. 2014 choose σ on a validation set: here the first 1,000 of the pictures that the paper
            // held out.
            let validation = nearest::to_unit(&Images::slice(&self.train, 50_000..51_000).values);
            parzen::fit(&pixels, &validation, &self.test, self.train.shape.size())
        });
        Ok(Scores { similarity, spreads, parzen, near_training: None })
    }

    /// The training pictures.
    pub fn train(&self) -> &DataSet {
        &self.train
    }

    /// The judge, whose name and hash stand beside every score.
    pub fn judge(&self) -> &Judge {
        &self.reference.judge
    }
}

/// The squared distance of each picture, [N, height · width · channels] in [0, 1], to its nearest training picture.
fn distances(images: &[f32], train: &DataSet) -> Vec<f32> {
    nearest::nearest(images, train).into_iter().map(|found| found.squared).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{Split, mnist},
        metrics::classifier::Classifier,
    };

    #[test]
    fn the_shipped_classifier_reads_the_test_pictures() {
        let (classifier, hash) = Classifier::shipped().expect("the shipped file");
        let images = Images::slice(&mnist::load(Split::Test), 0..SAMPLES);
        assert!(classifier.accuracy(&images).expect("labels") >= 0.993);
        assert_eq!(hash.len(), 64);
    }
}
