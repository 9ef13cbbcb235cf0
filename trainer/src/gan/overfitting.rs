//! The probability of augmentation, and the overfitting measure that steers it: adaptive discriminator augmentation
//! (ADA), Karras et al. 2020, section 3.

use candle_core::{DType, Device, Result, Tensor};

use super::balance::EVERY;
use crate::recipe::{Augment, Training};

/// Real examples over which the probability can rise from 0 to 1. Karras et al. 2020 used 500,000 of 25 million, and
/// their code uses 100,000 where less time is left (`--resume`).
const WHOLE: f64 = 100_000.0;

/// The probability of augmentation in the course of a training.
#[derive(Debug)]
pub struct Augmentation {
    /// The probability that a transformation is applied to a picture, and the overfitting measure r_t of the last
    /// [`EVERY`] updates, [2] on the CPU: checkpoints hold tensors.
    pub(crate) state: Tensor,
    /// The sum of the mean signs of the updates since then, [1].
    pub(crate) signs: Tensor,
}

impl Augmentation {
    /// The state before the first step: none if the recipe has no augmentation.
    pub fn new(recipe: &Training, device: &Device) -> Result<Option<Self>> {
        let probability = match recipe.augment {
            Augment::Off => return Ok(None),
            Augment::Fixed => recipe.augment_probability as f32,
            Augment::Adaptive => 0.0,
        };
        let state = Tensor::new(&[probability, 0.0], &Device::Cpu)?;
        Ok(Some(Self { state, signs: Tensor::zeros(1, DType::F32, device)? }))
    }

    /// The probability, 0 to 1, and the overfitting measure r_t = E[sign(D(x))], -1 to 1, where D(x) is the logit of a
    /// training picture: 0 without overfitting, 1 if the discriminator recognises every training picture.
    pub fn read(&self) -> Result<[f64; 2]> {
        let state = self.state.to_vec1::<f32>()?;
        Ok([state[0], state[1]].map(f64::from))
    }

    /// Counts an update's logits of real examples, [N, 1]; under a loss of pairs their distance to those of generated
    /// ones. `updates` counts this update too. Every [`EVERY`] updates an adaptive probability rises by a small step if
    /// r_t is above its target, and falls if it is below.
    pub fn observe(&mut self, recipe: &Training, updates: u64, real: &Tensor) -> Result<()> {
        self.signs = (&self.signs + real.sign()?.mean_all()?.reshape(1)?)?;
        if !updates.is_multiple_of(EVERY) {
            return Ok(());
        }
        let overfitting = f64::from(self.signs.to_vec1::<f32>()?[0]) / EVERY as f64;
        self.signs = self.signs.zeros_like()?;
        let [mut probability, _] = self.read()?;
        if recipe.augment == Augment::Adaptive && overfitting != recipe.augment_target {
            let step = (EVERY as usize * real.dim(0)?) as f64 / WHOLE;
            let step = if overfitting > recipe.augment_target { step } else { -step };
            probability = (probability + step).clamp(0.0, recipe.augment_probability);
        }
        self.state = Tensor::new(&[probability as f32, overfitting as f32], &Device::Cpu)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;

    fn training(settings: &[&str]) -> Training {
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        Recipe::default().with(&settings).expect("keys").training
    }

    /// Logits of which `positive` of 64 are above 0.
    fn logits(positive: usize) -> Tensor {
        let values: Vec<f32> = (0..64).map(|at| if at < positive { 0.1 } else { -3.0 }).collect();
        Tensor::from_vec(values, (64, 1), &Device::Cpu).expect("memory")
    }

    #[test]
    fn the_probability_rises_while_the_measure_is_above_its_target_and_falls_below_it() {
        let recipe = training(&["training.augment=adaptive", "training.augment_probability=0.5"]);
        let mut augmentation = Augmentation::new(&recipe, &Device::Cpu).expect("memory").expect("on");
        let mut after = |updates: std::ops::Range<u64>, positive: usize| {
            for update in updates {
                augmentation.observe(&recipe, update, &logits(positive)).expect("a CPU");
            }
            augmentation.read().expect("a CPU")
        };
        // 52 of 64 are 40 more than the others: r_t = 40 / 64 = 0.625. 80 updates of 64 images are 5,120.
        for (updates, positive, expected) in [
            (1..81, 52, [0.0512, 0.625]),
            // 51 of 64: r_t = 38 / 64, below 0.6.
            (81..121, 51, [0.0256, 0.59375]),
            (121..10_000, 64, [0.5, 1.0]),
            (10_000..20_000, 32, [0.0, 0.0]),
        ] {
            let found = after(updates, positive);
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?} for {expected:?}");
        }
    }

    #[test]
    fn a_fixed_probability_stays_and_the_measure_is_the_mean_of_four_updates() {
        let recipe = training(&["training.augment=fixed", "training.augment_probability=0.5"]);
        let mut augmentation = Augmentation::new(&recipe, &Device::Cpu).expect("memory").expect("on");
        for (update, positive) in (1..).zip([64, 64, 32, 32, 0]) {
            augmentation.observe(&recipe, update, &logits(positive)).expect("a CPU");
        }
        assert_eq!(augmentation.read().expect("a CPU"), [0.5, 0.5]);
        assert!(Augmentation::new(&training(&[]), &Device::Cpu).expect("memory").is_none());
    }
}
