//! Statistics of samples beside those of training pictures.

use candle_core::Result;
use duel_models::{Shape, picture};

use crate::{
    data::DataSet,
    metrics::{
        class_entropy::class_entropy,
        classifier::FEATURES,
        clusters::{CLUSTERS, Clusters},
        judge::Judge,
    },
};

/// The number of samples in a probe, and of the training pictures that the samples are compared with.
pub const PROBE: usize = 128;
/// The number of training pictures, and of held-out pictures, whose logits show memorisation.
pub const LOGITS: usize = 512;
/// Training pictures whose classes are compared with those of samples.
const CLASSIFIED: usize = 1000;

/// The input of a probe.
#[derive(Debug)]
pub struct Observation<'a> {
    /// Steps done.
    pub step: u64,
    /// Bytes of [`PROBE`] samples, [PROBE, height, width, channels].
    pub samples: &'a [u8],
    /// The discriminator's logits for training pictures and for held-out ones, if there are any.
    pub logits: Option<[Vec<f32>; 2]>,
    /// The class entropy that an evaluation at the same step computed from many more samples. The class entropy of only
    /// [`PROBE`] samples would be off by 0.04.
    pub class_entropy: Option<f64>,
    /// The judge of the data, which reads classes, or features that have clusters; none if there is none.
    pub judge: Option<&'a Judge>,
}

/// Statistics of samples, each divided by the same statistic of training pictures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    /// Steps done.
    pub step: u64,
    /// The entropy of the classes that the judge reads, or of the clusters of its features, 0 (one) to 1 (as the data).
    /// None without a judge.
    pub entropy: Option<f64>,
    /// The mean distance of a sample to the next.
    pub spread: f64,
    /// The mean difference of neighbouring pixels.
    pub roughness: f64,
    /// Pairs of samples nearer to each other than half the distance of the two nearest training pictures. Not a share.
    pub duplicates: usize,
    /// The mean change of a pixel value since the previous probe, which drew the same latents; from 0 to 255. Not a
    /// share.
    pub motion: f64,
    /// The share of pairs in which the discriminator finds a training picture more real than a held-out one: 0.5
    /// without memorisation, NaN without held-out pictures.
    pub memory: f64,
}

/// The statistics of training pictures.
#[derive(Debug)]
pub(super) struct Reference {
    /// The clusters of features, where the judge reads no classes.
    clusters: Option<Clusters>,
    /// The entropy of the training pictures' classes or clusters.
    entropy: f64,
    pub(super) statistics: Statistics,
}

impl Reference {
    pub(super) fn new(judge: Option<&Judge>, data: &DataSet) -> Result<Self> {
        let first = |count: usize| &data.images[..count.min(data.len()) * data.shape.size()];
        let statistics = Statistics::compute(first(PROBE), data.shape);
        let mut reference = Self { clusters: None, entropy: 0.0, statistics };
        if let Some(judge) = judge {
            if judge.classes() == 0 {
                let features = judge.read(&picture::from_bytes(first(CLASSIFIED)))?.features;
                reference.clusters = Some(Clusters::find(&features, FEATURES));
            }
            reference.entropy = reference.entropy(first(CLASSIFIED), judge)?;
        }
        Ok(reference)
    }

    /// The class entropy of samples as a share of that of the training pictures. `known` is the class entropy, if it was
    /// already computed from more samples.
    pub(super) fn entropy_share(
        &self,
        samples: &[u8],
        judge: Option<&Judge>,
        known: Option<f64>,
    ) -> Result<Option<f64>> {
        let Some(judge) = judge else { return Ok(None) };
        let mine = match known {
            Some(entropy) => entropy,
            None => self.entropy(samples, judge)?,
        };
        Ok(Some(if self.entropy > 0.0 { mine / self.entropy } else { 1.0 }))
    }

    /// The entropy of the classes that the judge reads, or of the clusters of its features: 0 (one) to 1 (all equally
    /// frequent).
    fn entropy(&self, images: &[u8], judge: &Judge) -> Result<f64> {
        let reading = judge.read(&picture::from_bytes(images))?;
        Ok(match &self.clusters {
            Some(clusters) => class_entropy(&clusters.assign(&reading.features), CLUSTERS),
            None => class_entropy(&reading.labels, judge.classes()),
        })
    }

    /// The squared distance of the two nearest training pictures; 0 for a single one.
    pub(super) fn nearest_pair(&self) -> f32 {
        self.statistics.pairs.first().copied().unwrap_or_default()
    }
}

/// Statistics of some pictures.
#[derive(Debug, Clone)]
pub(super) struct Statistics {
    /// The mean distance of a picture to the next.
    pub(super) spread: f64,
    /// The mean difference of horizontally neighbouring pixels.
    pub(super) roughness: f64,
    /// The squared distances of all pairs, rising.
    pairs: Vec<f32>,
}

impl Statistics {
    /// Computes the statistics of pictures, [N, height, width, channels].
    pub(super) fn compute(images: &[u8], shape: Shape) -> Self {
        let values = picture::from_bytes(images);
        let images: Vec<&[f32]> = values.chunks_exact(shape.size()).collect();
        let steps = images.windows(2).map(|pair| f64::from(squared_distance(pair[0], pair[1])).sqrt());
        let rough = values
            .chunks_exact(shape.width * shape.channels)
            .flat_map(|row| row.iter().zip(&row[shape.channels..]))
            .map(|(left, right)| f64::from((left - right).abs()));
        let all = images.iter().enumerate().flat_map(|(at, a)| images[..at].iter().map(|b| squared_distance(a, b)));
        let mut pairs: Vec<f32> = all.collect();
        pairs.sort_by(f32::total_cmp);
        Self {
            spread: steps.sum::<f64>() / (images.len() - 1).max(1) as f64,
            roughness: rough.sum::<f64>() / values.len() as f64,
            pairs,
        }
    }

    /// Pairs of pictures whose squared distance is below `squared`.
    pub(super) fn pairs_nearer_than(&self, squared: f32) -> usize {
        self.pairs.partition_point(|&pair| pair < squared)
    }
}

/// The mean change of a value, in levels of 255; infinite for the first samples.
pub(super) fn change_of_pixels(before: &[u8], now: &[u8]) -> f64 {
    if before.len() != now.len() {
        return f64::INFINITY;
    }
    let sum: u64 = before.iter().zip(now).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / now.len() as f64
}

fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
