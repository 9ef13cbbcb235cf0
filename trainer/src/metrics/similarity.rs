//! Similarity scores: generated pictures beside real ones, in the features of a judge.

use std::collections::BTreeMap;

use candle_core::Result;

use super::{
    class_entropy::class_entropy,
    classifier::{FEATURES, Reading},
    frechet,
    judge::Judge,
    kid, neighbours,
    spread::standard_error,
};
use crate::data::Images;

/// Pictures of a full evaluation. The Fréchet distance of fewer is biased (Bińkowski et al. 2018, section 4), so the KID
/// stands beside it.
pub const SAMPLES: usize = 10_000;

/// The similarity of some pictures to real ones, in the features of a judge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// The Fréchet distance to the real pictures; 0 is best.
    pub frechet: f64,
    /// The KID to the real pictures; 0 is best. None if both sets have at least [`SAMPLES`] pictures.
    pub kid: Option<f64>,
    /// The share of pictures that resemble a real one, 0 to 1: Kynkäänniemi et al. 2019, equation 2, k = 3.
    pub precision: f64,
    /// The share of real pictures that resemble one of the scored pictures, 0 to 1: ibid., equation 3, k = 3.
    pub recall: f64,
    /// The mean number of real neighbourhoods around a picture, divided by k; 1 for real pictures: Naeem et al. 2020,
    /// equation 3, k = 5.
    pub density: f64,
    /// The share of real pictures with a picture in their neighbourhood, 0 to 1: ibid., equation 4, k = 5.
    pub coverage: f64,
    /// The share of pictures for which the judge predicts the right label, 0 to 1; none for pictures without labels, and
    /// for random features.
    pub label_accuracy: Option<f64>,
    /// The entropy of the classes that the judge reads, 0 (one class) to 1 (all equally frequent); none for random
    /// features.
    pub class_balance: Option<f64>,
}

impl Similarity {
    /// The measures by name; those that do not apply left out.
    pub fn named(&self) -> BTreeMap<String, f64> {
        let Self { frechet, kid, precision, recall, density, coverage, label_accuracy, class_balance } = *self;
        let measures = [
            ("frechet", Some(frechet)),
            ("kid", kid),
            ("precision", Some(precision)),
            ("recall", Some(recall)),
            ("density", Some(density)),
            ("coverage", Some(coverage)),
            ("label_accuracy", label_accuracy),
            ("class_balance", class_balance),
        ];
        measures.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// Real pictures in the features of their judge.
#[derive(Debug)]
pub struct Reference {
    /// The judge.
    pub judge: Judge,
    /// [N, 128].
    features: Vec<f32>,
    /// The neighbourhood of each real picture.
    balls: Vec<[f32; 2]>,
    /// The share of the real pictures for which the judge predicts the right label; none without labels.
    pub label_accuracy: Option<f64>,
}

impl Reference {
    /// Reads the features of at least [`SCORED_LEAST`](crate::data::SCORED_LEAST) real pictures.
    pub fn new(judge: Judge, images: &Images) -> Result<Self> {
        let Reading { features, labels } = judge.read(&images.values)?;
        let balls = neighbours::balls(&features, FEATURES);
        Ok(Self { label_accuracy: accuracy(&labels, &images.labels), features, balls, judge })
    }

    /// Compares at least [`SCORED_LEAST`](crate::data::SCORED_LEAST) pictures with the real ones.
    pub fn compare(&self, images: &Images) -> Result<Similarity> {
        Ok(self.compare_features(&self.judge.read(&images.values)?, &images.labels))
    }

    /// As [`compare`](Self::compare), with the standard errors of the Fréchet distance and of the KID if the KID is
    /// measured.
    pub fn compare_with_spreads(&self, images: &Images) -> Result<(Similarity, Option<[f64; 2]>)> {
        let reading = self.judge.read(&images.values)?;
        let similarity = self.compare_features(&reading, &images.labels);
        let spreads = similarity.kid.map(|_| {
            let (real, mine) = (&self.features, &reading.features);
            let frechet = |real: &[f32], mine: &[f32]| frechet::distance(real, mine, FEATURES);
            [standard_error(real, mine, FEATURES, frechet), kid::standard_error(real, mine, FEATURES)]
        });
        Ok((similarity, spreads))
    }

    /// Compares pictures that the judge has read; `meant` are the labels that they should have, or empty.
    fn compare_features(&self, Reading { features, labels }: &Reading, meant: &[u8]) -> Similarity {
        let near = neighbours::compare(&self.features, &self.balls, features, FEATURES);
        let fewer = self.features.len().min(features.len()) / FEATURES < SAMPLES;
        Similarity {
            frechet: frechet::distance(&self.features, features, FEATURES),
            kid: fewer.then(|| kid::distance(&self.features, features, FEATURES)),
            precision: near.precision,
            recall: near.recall,
            density: near.density,
            coverage: near.coverage,
            label_accuracy: accuracy(labels, meant),
            class_balance: (!labels.is_empty()).then(|| class_entropy(labels, self.judge.classes())),
        }
    }
}

/// The share of labels that were read as they are meant; none if either is empty.
fn accuracy(read: &[u8], meant: &[u8]) -> Option<f64> {
    let right = read.iter().zip(meant).filter(|(read, meant)| read == meant).count();
    (!read.is_empty() && !meant.is_empty()).then(|| right as f64 / read.len() as f64)
}
