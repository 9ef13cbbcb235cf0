//! What samples look like beside training images.

use candle_core::Result;
use duel_models::{PIXELS, SIDE, pixels};

use crate::metrics::{self, classifier::Classifier};

/// What samples look like, as shares of what training images do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    /// Steps done.
    pub step: u64,
    /// Entropy of the classes that the classifier reads, 0 for one class to 1 for all as frequent as in the data.
    pub entropy: f64,
    /// Mean distance of a sample from the next.
    pub spread: f64,
    /// Mean difference of neighbouring pixels.
    pub roughness: f64,
    /// Pairs of samples that lie nearer to each other than half the distance of the two nearest training images.
    pub duplicates: usize,
    /// Mean change of a pixel since the probe before, of the same latents, in grey levels. Not a share.
    pub motion: f64,
    /// How often the discriminator takes a training image for more real than a held-out one: 0.5 if it knows neither. Not a
    /// share, and NaN without held-out images.
    pub memory: f64,
}

/// The classifier, and what training images look like to it.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) classifier: Classifier,
    pub(super) entropy: f64,
    pub(super) look: Look,
}

/// Spread, roughness and distances of some images, as they are.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) spread: f64,
    pub(super) roughness: f64,
    /// The squared distances of all pairs, rising.
    pub(super) pairs: Vec<f32>,
}

impl Look {
    pub(super) fn of(values: &[f32]) -> Self {
        let images: Vec<&[f32]> = values.chunks_exact(PIXELS).collect();
        let pairs = images.windows(2).map(|pair| distance(pair[0], pair[1]));
        let rough =
            values.chunks_exact(SIDE).flat_map(|row| row.windows(2).map(|pair| f64::from((pair[0] - pair[1]).abs())));
        Self {
            spread: pairs.sum::<f64>() / (images.len() - 1).max(1) as f64,
            roughness: rough.sum::<f64>() / values.len() as f64,
            pairs: {
                let all = images.iter().enumerate().flat_map(|(at, a)| images[..at].iter().map(|b| squared(a, b)));
                let mut pairs: Vec<f32> = all.collect();
                pairs.sort_by(f32::total_cmp);
                pairs
            },
        }
    }

    pub(super) fn nearer_than(&self, squared: f32) -> usize {
        self.pairs.partition_point(|&pair| pair < squared)
    }
}

/// The pixels of images in [-1, 1].
pub(super) fn values(images: &[u8]) -> Vec<f32> {
    images.iter().map(|&byte| pixels::from_byte(byte)).collect()
}

/// The entropy of the classes that the classifier reads, 0 for one class to 1 for all ten as frequent.
pub(super) fn entropy(values: &[f32], classifier: &Classifier) -> Result<f64> {
    Ok(metrics::balance(&classifier.read(values)?.labels))
}

/// The mean change of a pixel, in grey levels; infinite for the first samples.
pub(super) fn motion(before: &[u8], now: &[u8]) -> f64 {
    if before.len() != now.len() {
        return f64::INFINITY;
    }
    let sum: u64 = before.iter().zip(now).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / now.len() as f64
}

/// How often one of the first logits is above one of the second; a draw counts half.
pub(super) fn memory(known: &[f32], held_out: &[f32]) -> f64 {
    let mut sorted = held_out.to_vec();
    sorted.sort_by(f32::total_cmp);
    let below = |logit: &f32| {
        let (least, most) =
            (sorted.partition_point(|other| other < logit), sorted.partition_point(|other| other <= logit));
        (least + most) as f64 / 2.0
    };
    known.iter().map(below).sum::<f64>() / (known.len() * sorted.len()) as f64
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    f64::from(squared(a, b)).sqrt()
}

fn squared(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}
