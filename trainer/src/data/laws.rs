//! Numbers instead of images: a law on an axis to learn, and the duel over it as figure 1 of Goodfellow et al. 2014 draws it.

use duel_models::{LatentLaw, random::Stream};

/// Normal laws of equal weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bell {
    /// Mean and standard deviation of each.
    peaks: &'static [[f64; 2]],
}

/// The ends of the axis that is drawn.
pub const AXIS: [f64; 2] = [-3.0, 3.0];
/// Pieces of that axis: a density is a mean over one of them.
pub(crate) const PIECES: usize = 120;
/// Latents, at even steps of their law, whose values make up the generator's density.
pub const DRAWN: usize = 24_000;
/// Latents that are followed from z to x.
pub(crate) const ARROWS: usize = 25;

impl Bell {
    /// The law of that name, if it is one: `bell` or `bell-two`.
    pub fn of(source: &str) -> Option<Self> {
        match source {
            "bell" => Some(Self { peaks: &[[0.8, 0.5]] }),
            "bell-two" => Some(Self { peaks: &[[-1.2, 0.4], [1.2, 0.4]] }),
            _ => None,
        }
    }

    /// The standard normal law, whose even latents a test knows.
    #[cfg(test)]
    pub(crate) fn standard() -> Self {
        Self { peaks: &[[0.0, 1.0]] }
    }

    /// Its density at x.
    pub fn density(&self, x: f64) -> f64 {
        let normal = |[mean, deviation]: [f64; 2]| {
            (-0.5 * ((x - mean) / deviation).powi(2)).exp() / (deviation * (2.0 * std::f64::consts::PI).sqrt())
        };
        self.peaks.iter().copied().map(normal).sum::<f64>() / self.peaks.len() as f64
    }

    /// `count` numbers of it.
    pub fn draw(&self, mut stream: Stream, count: usize) -> Vec<f32> {
        let mut draw = || {
            let [mean, deviation] = self.peaks[stream.below(self.peaks.len())];
            (mean + deviation * stream.normal()) as f32
        };
        (0..count).map(|_| draw()).collect()
    }
}

/// [`DRAWN`] latents of one value each, at even steps of their law.
pub fn latents(law: LatentLaw) -> Vec<f32> {
    (0..DRAWN).map(|index| law.quantile((index as f64 + 0.5) / DRAWN as f64)).collect()
}

/// The middles of the axis' pieces.
pub fn middles() -> Vec<f32> {
    let [from, to] = AXIS;
    (0..PIECES).map(|piece| (from + (to - from) * (piece as f64 + 0.5) / PIECES as f64) as f32).collect()
}
