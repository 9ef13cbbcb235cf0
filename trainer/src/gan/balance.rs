//! Keeps the discriminator from winning for long: its learning rate follows how sure it is.
//!
//! The measure and its target are those of adaptive discriminator augmentation, Karras et al. 2020, section 3 and equation 1: a mean
//! of how far it takes real images for real, looked at every fourth batch and held at 0.6. There it steers augmentation, here the
//! share that is left of the discriminator's learning rate: unequal rates for the two sides are the rule of Heusel et al. 2017 (TTUR).
//! There it is the sign of the logit; here it is D(x) - D(G(z)), since a discriminator of small first weights is right about every
//! image long before it is sure of one, and a generator learns from it all the same.

use candle_core::{Device, Result, Tensor};

use crate::networks;

/// The D(x) - D(G(z)) that is aimed at.
const TARGET: f64 = 0.6;
/// Updates from one look to the next.
const EVERY: u64 = 4;
/// Images after which the share has become a tenth, or ten times as much.
const TENTH: f64 = 5_000.0;
/// The least share.
const LEAST: f64 = 1e-3;

/// What is left of the discriminator's learning rate.
#[derive(Debug)]
pub struct Balance {
    /// The share, 0.001 to 1, as a tensor, [1] on the CPU: checkpoints hold tensors.
    pub(crate) share: Tensor,
}

impl Balance {
    /// The whole rate.
    pub fn new() -> Result<Self> {
        Ok(Self { share: Tensor::new(&[1.0f32], &Device::Cpu)? })
    }

    /// The share.
    pub fn share(&self) -> Result<f64> {
        Ok(f64::from(self.share.to_vec1::<f32>()?[0]))
    }

    /// Takes the logits of an update's real and drawn images, [N, 1], into account; `updates` are done with this one.
    pub fn heed(&mut self, updates: u64, real: &Tensor, fake: &Tensor) -> Result<()> {
        if !updates.is_multiple_of(EVERY) {
            return Ok(());
        }
        let mean = |logits: &Tensor| networks::probability(logits)?.mean_all()?.to_scalar::<f32>().map(f64::from);
        let sure = mean(real)? - mean(fake)?;
        let images = (EVERY as usize * real.dim(0)?) as f64;
        let step = 10f64.powf(images / TENTH);
        let share = self.share()? * if sure > TARGET { 1.0 / step } else { step };
        self.share = Tensor::new(&[share.clamp(LEAST, 1.0) as f32], &Device::Cpu)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_falls_while_the_discriminator_is_sure_and_rises_when_it_doubts() {
        let logits = |value: f32| Tensor::full(value, (64, 1), &Device::Cpu).expect("memory");
        let mut balance = Balance::new().expect("memory");
        let mut share_after = |updates: std::ops::Range<u64>, real: f32, fake: f32| {
            for update in updates {
                balance.heed(update, &logits(real), &logits(fake)).expect("a CPU");
            }
            balance.share().expect("a CPU")
        };
        // 80 updates of 64 images are 5,120.
        assert!((share_after(1..81, 3.0, -3.0) - 10f64.powf(-1.024)).abs() < 1e-5);
        assert!((share_after(81..161, 3.0, 3.0) - 1.0).abs() < 1e-5);
        assert_eq!(share_after(161..10_000, 2.0, -2.0), f64::from(LEAST as f32));
    }
}
