//! A balance that slows down a discriminator that wins: its learning rate falls while D(x) - D(G(z)) is large.
//!
//! The target of 0.6, read every fourth batch, is that of adaptive discriminator augmentation (ADA): Karras et al.
//! 2020, section 3 and equation 1. ADA steers augmentation by the mean sign of the logits; here D(x) - D(G(z)) steers
//! the discriminator's learning rate. The sign alone is not enough: a discriminator with small first weights has the
//! right sign for every example long before it is certain, and the generator still learns from such a discriminator.
//! Different learning rates for both networks are TTUR: Heusel et al. 2017.

use candle_core::{Device, Result, Tensor};

use crate::networks;

/// The target of D(x) - D(G(z)).
const TARGET: f64 = 0.6;
/// Updates of the discriminator from one adjustment to the next, of augmentation too.
pub(super) const EVERY: u64 = 4;
/// Real examples after which the share has fallen to a tenth, or risen tenfold.
const TENTH: f64 = 5_000.0;
/// The smallest share.
const LEAST: f64 = 1e-3;

/// The share of its learning rate that the discriminator keeps.
#[derive(Debug)]
pub struct Balance {
    /// The share, 0.001 to 1, as a tensor, [1] on the CPU: checkpoints hold tensors.
    pub(crate) share: Tensor,
}

impl Balance {
    /// A balance whose share is 1, the full learning rate.
    pub fn new() -> Result<Self> {
        Ok(Self { share: Tensor::new(&[1.0f32], &Device::Cpu)? })
    }

    /// The share, 0.001 to 1.
    pub fn share(&self) -> Result<f64> {
        Ok(f64::from(self.share.to_vec1::<f32>()?[0]))
    }

    /// Adjusts the share to the logits of an update's real and generated examples, [N, 1] each; `updates` counts this
    /// update too.
    pub fn observe(&mut self, updates: u64, real: &Tensor, fake: &Tensor) -> Result<()> {
        if !updates.is_multiple_of(EVERY) {
            return Ok(());
        }
        let mean = |logits: &Tensor| networks::probability(logits)?.mean_all()?.to_scalar::<f32>().map(f64::from);
        let certainty = mean(real)? - mean(fake)?;
        let images = (EVERY as usize * real.dim(0)?) as f64;
        let step = 10f64.powf(images / TENTH);
        let share = self.share()? * if certainty > TARGET { 1.0 / step } else { step };
        self.share = Tensor::new(&[share.clamp(LEAST, 1.0) as f32], &Device::Cpu)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_falls_while_the_discriminator_is_certain_and_rises_when_it_is_not() {
        let logits = |value: f32| Tensor::full(value, (64, 1), &Device::Cpu).expect("memory");
        let mut balance = Balance::new().expect("memory");
        let mut share_after = |updates: std::ops::Range<u64>, real: f32, fake: f32| {
            for update in updates {
                balance.observe(update, &logits(real), &logits(fake)).expect("a CPU");
            }
            balance.share().expect("a CPU")
        };
        // 80 updates of 64 images are 5,120.
        assert!((share_after(1..81, 3.0, -3.0) - 10f64.powf(-1.024)).abs() < 1e-5);
        assert!((share_after(81..161, 3.0, 3.0) - 1.0).abs() < 1e-5);
        assert_eq!(share_after(161..10_000, 2.0, -2.0), f64::from(LEAST as f32));
    }
}
