//! Toy distributions: numbers on an axis instead of pictures.

use duel_models::{LatentLaw, random::Stream};

use crate::recipe::Toy;

/// A mixture of normal distributions of equal weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixture {
    /// Mean and standard deviation of each.
    parts: &'static [[f64; 2]],
}

/// Ends of the axis that a figure shows.
pub const AXIS: [f64; 2] = [-3.0, 3.0];
/// The number of bins of the axis. A density value is the mean density over one bin.
pub(crate) const BINS: usize = 120;
/// The number of latents at equally spaced quantiles of their distribution. The generator's density is a histogram of
/// G(z) for these latents.
pub const LATENTS: usize = 24_000;
/// Latents that a figure shows with an arrow from z to x.
pub(crate) const ARROWS: usize = 25;

impl From<Toy> for Mixture {
    fn from(toy: Toy) -> Self {
        match toy {
            Toy::Bell => Self { parts: &[[0.8, 0.5]] },
            Toy::BellTwo => Self { parts: &[[-1.2, 0.4], [1.2, 0.4]] },
        }
    }
}

impl Mixture {
    /// The standard normal distribution.
    #[cfg(test)]
    pub(crate) fn standard_normal() -> Self {
        Self { parts: &[[0.0, 1.0]] }
    }

    /// The density at x.
    pub fn density(&self, x: f64) -> f64 {
        let normal = |[mean, deviation]: [f64; 2]| {
            (-0.5 * ((x - mean) / deviation).powi(2)).exp() / (deviation * (2.0 * std::f64::consts::PI).sqrt())
        };
        self.parts.iter().copied().map(normal).sum::<f64>() / self.parts.len() as f64
    }

    /// Draws `count` numbers.
    pub fn draw(&self, mut stream: Stream, count: usize) -> Vec<f32> {
        let mut draw = || {
            let [mean, deviation] = self.parts[stream.below(self.parts.len())];
            (mean + deviation * stream.normal()) as f32
        };
        (0..count).map(|_| draw()).collect()
    }
}

/// [`LATENTS`] latents of one value each, at equally spaced quantiles of their distribution.
pub fn even_latents(law: LatentLaw) -> Vec<f32> {
    (0..LATENTS).map(|index| law.quantile((index as f64 + 0.5) / LATENTS as f64)).collect()
}

/// The middle of each bin of the axis.
pub fn bin_middles() -> Vec<f32> {
    let [from, to] = AXIS;
    (0..BINS).map(|bin| (from + (to - from) * (bin as f64 + 0.5) / BINS as f64) as f32).collect()
}
