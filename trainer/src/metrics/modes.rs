//! The modes of stacked MNIST that samples cover: Srivastava et al. 2017 (VEEGAN), section 4.1; Lin et al. 2018
//! (PacGAN), section 4.1.

use candle_core::Result;

use super::judge::Judge;
use crate::data::{
    Images,
    mnist::{CLASSES, SHAPE},
};

/// Digits in a picture, one in each channel.
const DIGITS: usize = 3;
/// All modes: the combinations of three digits.
const MODES: usize = CLASSES.pow(DIGITS as u32);
/// Samples whose modes are counted.
pub const SAMPLES: usize = 26_000;

/// How often samples show each combination of three digits.
#[derive(Debug)]
pub struct Modes {
    digits: Judge,
    counts: Vec<u32>,
}

impl Modes {
    /// Prepares to count with the classifier of digits.
    pub fn new() -> Result<Self> {
        Ok(Self { digits: Judge::digits()?, counts: vec![0; MODES] })
    }

    /// Counts the modes of pictures of three channels.
    pub fn add(&mut self, images: &Images) -> Result<()> {
        let mut modes = vec![0; images.len()];
        for channel in 0..DIGITS {
            let digits: Vec<f32> = images.values.iter().copied().skip(channel).step_by(DIGITS).collect();
            debug_assert_eq!(digits.len(), images.len() * SHAPE.size());
            for (mode, label) in modes.iter_mut().zip(self.digits.read(&digits)?.labels) {
                *mode = *mode * CLASSES + usize::from(label);
            }
        }
        modes.into_iter().for_each(|mode| self.counts[mode] += 1);
        Ok(())
    }

    /// The number of modes that at least one sample shows, 0 to 1,000.
    pub fn covered(&self) -> usize {
        self.counts.iter().filter(|&&count| count > 0).count()
    }

    /// The Kullback-Leibler divergence of the modes' frequencies from equal ones, in nats; ln 1000 for a single mode.
    pub fn divergence(&self) -> f64 {
        let all = f64::from(self.counts.iter().sum::<u32>());
        let shares = self.counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) / all);
        shares.map(|share| share * (share * MODES as f64).ln()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{SILENT, Split, load},
        recipe::Recipe,
    };

    #[test]
    fn the_digits_of_each_channel_make_a_mode() {
        let recipe = Recipe::default().with_data("stacked-mnist").expect("bundled");
        let stacked = load(&recipe.data, Split::Test, SILENT).expect("bundled");
        let mut modes = Modes::new().expect("the shipped classifier");
        for start in [0, 1_000] {
            modes.add(&Images::slice(&stacked, start..start + 1_000)).expect("a CPU");
        }
        // 2,000 even draws of 1,000 modes cover 1000 (1 - e^-2) = 865, give or take 10.
        assert!((830..900).contains(&modes.covered()), "{}", modes.covered());
        let mut one = Modes::new().expect("the shipped classifier");
        let same = Images::slice(&stacked, 0..1);
        one.add(&Images { values: same.values.repeat(20), ..same }).expect("a CPU");
        assert!(one.covered() == 1 && (one.divergence() - 1000f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn the_divergence_equals_that_of_scipy() {
        // import numpy as np; from scipy.stats import entropy
        // c = np.arange(1000) % 7; print(entropy(c / c.sum(), np.full(1000, 1e-3)))
        let mut modes = Modes::new().expect("the shipped classifier");
        modes.counts = (0..1_000).map(|mode| mode % 7).collect();
        assert!((modes.divergence() - 0.283_713_642_166_650_5).abs() < 1e-9, "{}", modes.divergence());
    }
}
