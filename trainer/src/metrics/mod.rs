//! How good are the digits? Measures that the field uses, of samples against the test images, each beside what real
//! images score.

pub mod cas;
pub mod classifier;
pub mod distances;
#[cfg(test)]
mod failings;
pub mod frechet;
pub mod nearest;
pub mod neighbours;
pub mod parzen;
pub mod verdicts;
#[doc(hidden)]
pub use self::{cas as learning, verdicts as opinion};

use std::collections::BTreeMap;

use candle_core::Result;
use duel_models::PIXELS;

use self::classifier::Classifier;
pub use crate::data::images::Images;
use crate::data::{Dataset, Split};

/// Samples that a full evaluation takes.
pub const SAMPLES: usize = 10_000;

/// Images that measures take at least: a neighbourhood is of five.
pub const LEAST: usize = 16;

/// How much some images look like others, in the classifier's features.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// The Fréchet distance to the real images; 0 is best.
    pub frechet: f64,
    /// The share of images that look like a real one, 0 to 1: Kynkäänniemi et al. 2019, equation 2, k = 3.
    pub precision: f64,
    /// The share of real images that look like one of the images, 0 to 1: ibid., equation 3, k = 3.
    pub recall: f64,
    /// Real images around an image, 1 if it lies among them as they do: Naeem et al. 2020, equation 3, k = 5.
    pub density: f64,
    /// The share of real images with an image in their neighbourhood, 0 to 1: ibid., equation 4, k = 5.
    pub coverage: f64,
    /// The share of images whose label the classifier reads, 0 to 1; none for images that are meant to have none.
    pub label_accuracy: Option<f64>,
    /// The entropy of the labels that the classifier reads, as a share of ln 10: 1 if each is as frequent as the next.
    pub class_balance: f64,
}

/// The measures of one set of images, against the test images.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// How much they look like them.
    pub likeness: Likeness,
    /// The Parzen-window log-likelihood of the test images, in nats.
    pub parzen: parzen::Parzen,
    /// The share of images that lie nearer to a training image than half the test images do; 0.5 for new digits, 1 for copies.
    /// None for training images.
    pub near_training: Option<f64>,
}

impl Likeness {
    /// The measures by name; those that do not apply left out.
    pub fn named(&self) -> BTreeMap<String, f64> {
        let Self { frechet, precision, recall, density, coverage, label_accuracy, class_balance } = *self;
        let measures = [
            ("frechet", Some(frechet)),
            ("precision", Some(precision)),
            ("recall", Some(recall)),
            ("density", Some(density)),
            ("coverage", Some(coverage)),
            ("label_accuracy", label_accuracy),
            ("class_balance", Some(class_balance)),
        ];
        measures.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

impl Scores {
    /// The names of the measures, and what is best.
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
        let mut named = self.likeness.named();
        let measures = [("parzen", parzen.mean), ("parzen_error", parzen.error), ("parzen_sigma", parzen.sigma)];
        named.extend(measures.map(|(name, value)| (name.to_owned(), value)));
        named.extend(near_training.map(|share| ("near_training".to_owned(), share)));
        named
    }
}

/// Real images in the features of the shipped classifier, to hold drawn ones against.
#[derive(Debug)]
pub struct Reference {
    classifier: Classifier,
    /// [N, 128].
    features: Vec<f32>,
}

impl Reference {
    /// Of these images, of which there are at least [`LEAST`].
    pub fn of(images: &Images) -> Result<Self> {
        let classifier = Classifier::shipped()?;
        Ok(Self { features: classifier.read(&images.values)?.features, classifier })
    }

    /// How much images, of which there are at least [`LEAST`], look like them.
    pub fn compare(&self, images: &Images) -> Result<Likeness> {
        let reading = self.classifier.read(&images.values)?;
        let size = classifier::FEATURES;
        let near = neighbours::compare(&self.features, &reading.features, size);
        let right = reading.labels.iter().zip(&images.labels).filter(|(read, meant)| read == meant).count();
        let labelled = !images.labels.is_empty();
        Ok(Likeness {
            frechet: frechet::distance(&self.features, &reading.features, size),
            precision: near.precision,
            recall: near.recall,
            density: near.density,
            coverage: near.coverage,
            label_accuracy: labelled.then(|| right as f64 / images.len() as f64),
            class_balance: balance(&reading.labels),
        })
    }
}

/// What images are scored against.
#[derive(Debug)]
pub struct Judge {
    reference: Reference,
    train: Dataset,
    /// The test images, [10,000, 784] in [0, 1].
    test: Vec<f32>,
    /// Of each test image, the squared distance to its nearest training image, sorted.
    test_nearest: Vec<f32>,
}

impl Judge {
    /// The bundled digits and the shipped classifier.
    pub fn new() -> Result<Self> {
        let (train, test) = (Dataset::mnist(Split::Train), Images::of(&Dataset::mnist(Split::Test), 0..SAMPLES));
        let reference = Reference::of(&test)?;
        let test = unit(&test.values);
        let mut test_nearest = nearest(&test, &train);
        test_nearest.sort_unstable_by(f32::total_cmp);
        Ok(Self { reference, train, test, test_nearest })
    }

    /// Scores images, of which there are at least [`LEAST`].
    pub fn score(&self, images: &Images) -> Result<Scores> {
        let median = self.test_nearest[self.test_nearest.len() / 2];
        let distances = nearest(&unit(&images.values), &self.train);
        let nearer = distances.into_iter().filter(|&distance| distance < median).count();
        Ok(Scores { near_training: Some(nearer as f64 / images.len() as f64), ..self.compare(images)? })
    }

    /// What other real images score: the first 10,000 training images.
    pub fn real(&self) -> Result<Scores> {
        self.compare(&Images::of(&self.train, 0..SAMPLES))
    }

    /// All but the nearness to the training images.
    fn compare(&self, images: &Images) -> Result<Scores> {
        let pixels = unit(&images.values);
        // The protocol of Goodfellow et al. 2014: σ by the first 1,000 of the images that the paper held out of the training images.
        let validation = unit(&Images::of(&self.train, 50_000..51_000).values);
        Ok(Scores {
            likeness: self.reference.compare(images)?,
            parzen: parzen::fit(&pixels, &validation, &self.test, PIXELS),
            near_training: None,
        })
    }

    /// The classifier's hash, to stand beside every score.
    pub fn hash(&self) -> &str {
        &self.reference.classifier.hash
    }
}

/// [-1, 1] -> [0, 1]
fn unit(values: &[f32]) -> Vec<f32> {
    values.iter().map(|value| 0.5 * (value + 1.0)).collect()
}

/// Of each image in [0, 1], the squared distance to its nearest training image.
fn nearest(images: &[f32], train: &Dataset) -> Vec<f32> {
    nearest::nearest(images, train).into_iter().map(|found| found.squared).collect()
}

/// The entropy of labels as a share of that of ten even ones.
pub(crate) fn balance(labels: &[u8]) -> f64 {
    let mut counts = [0u32; 10];
    labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
    let shares = counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) / labels.len() as f64);
    // ln (1 / p) for - ln p: a single label gives 0, not -0.
    shares.map(|share| share * share.recip().ln()).sum::<f64>() / 10f64.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_balanced_if_each_is_as_frequent_as_the_next() {
        assert!((balance(&(0..100).map(|i| i % 10).collect::<Vec<u8>>()) - 1.0).abs() < 1e-9);
        assert_eq!(balance(&[3; 10]).to_bits(), 0f64.to_bits());
        assert!((balance(&[1, 2]) - 2f64.ln() / 10f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn the_shipped_classifier_reads_the_test_images() {
        let classifier = Classifier::shipped().expect("the shipped file");
        let images = Images::of(&Dataset::mnist(Split::Test), 0..SAMPLES);
        assert!(classifier.accuracy(&images).expect("labels") >= 0.993);
        assert_eq!(classifier.hash.len(), 64);
    }
}
