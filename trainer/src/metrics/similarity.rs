//! Similarity scores: generated digits beside real ones, in the features of the digits' classifier.

use std::collections::BTreeMap;

use candle_core::Result;

use super::{
    class_entropy::class_entropy,
    classifier::{self, Classifier},
    frechet, neighbours,
};
use crate::{
    data::{Images, mnist::CLASSES},
    recipe::{Recipe, Source},
};

/// Whether the digits' classifier may score pictures of a recipe's data: it knows MNIST alone.
pub fn can_score(recipe: &Recipe) -> bool {
    recipe.data.source == Source::Mnist
}

/// The similarity of some pictures to real ones, in the classifier's features.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// The Fréchet distance to the real pictures; 0 is best.
    pub frechet: f64,
    /// The share of pictures that resemble a real one, 0 to 1: Kynkäänniemi et al. 2019, equation 2, k = 3.
    pub precision: f64,
    /// The share of real pictures that resemble one of the scored pictures, 0 to 1: ibid., equation 3, k = 3.
    pub recall: f64,
    /// The mean number of real neighbourhoods around a picture, divided by k; 1 for real pictures: Naeem et al. 2020,
    /// equation 3, k = 5.
    pub density: f64,
    /// The share of real pictures with a picture in their neighbourhood, 0 to 1: ibid., equation 4, k = 5.
    pub coverage: f64,
    /// The share of pictures for which the classifier predicts the right label, 0 to 1; none for pictures without
    /// labels.
    pub label_accuracy: Option<f64>,
    /// The entropy of the classes that the classifier reads, 0 (one class) to 1 (all equally frequent).
    pub class_balance: f64,
}

impl Similarity {
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

/// Real digits in the features of the shipped classifier.
#[derive(Debug)]
pub struct Reference {
    classifier: Classifier,
    /// [N, 128].
    features: Vec<f32>,
}

impl Reference {
    /// Reads the features of at least 16 real digits.
    pub fn new(images: &Images) -> Result<Self> {
        let classifier = Classifier::shipped()?;
        Ok(Self { features: classifier.read(&images.values)?.features, classifier })
    }

    /// Compares at least 16 pictures with the real ones.
    pub fn compare(&self, images: &Images) -> Result<Similarity> {
        let reading = self.classifier.read(&images.values)?;
        let size = classifier::FEATURES;
        let near = neighbours::compare(&self.features, &reading.features, size);
        let right = reading.labels.iter().zip(&images.labels).filter(|(read, meant)| read == meant).count();
        let labelled = !images.labels.is_empty();
        Ok(Similarity {
            frechet: frechet::distance(&self.features, &reading.features, size),
            precision: near.precision,
            recall: near.recall,
            density: near.density,
            coverage: near.coverage,
            label_accuracy: labelled.then(|| right as f64 / images.len() as f64),
            class_balance: class_entropy(&reading.labels, CLASSES),
        })
    }

    /// The hash of the classifier, which stands beside every score.
    pub fn hash(&self) -> &str {
        &self.classifier.hash
    }
}
