//! What a measured step shows.

use candle_core::{Result, Tensor};

use super::duel::Duel;
use crate::run::record::Metrics;

/// What one update of the discriminator showed.
pub(super) struct Judgement {
    pub(super) d_loss: f64,
    pub(super) parts: [f64; 2],
    pub(super) value: f64,
    pub(super) d_real: Spread,
    pub(super) d_fake: Spread,
    pub(super) gradient: f64,
}

/// How the discriminator's probabilities lie over a batch.
#[derive(Clone, Copy)]
pub(super) struct Spread {
    mean: f64,
    /// Images in each tenth of 0 to 1.
    tenths: [u32; 10],
}

impl Spread {
    const NONE: Self = Self { mean: f64::NAN, tenths: [0; 10] };

    pub(super) fn of(probabilities: &Tensor) -> Result<Self> {
        let all = probabilities.flatten_all()?.to_vec1::<f32>()?;
        let mut tenths = [0; 10];
        for p in all.iter().filter(|p| !p.is_nan()) {
            tenths[((p * 10.0) as usize).min(9)] += 1;
        }
        let sum: f64 = all.iter().copied().map(f64::from).sum();
        Ok(Self { mean: sum / all.len() as f64, tenths })
    }
}

/// What one update of the generator showed.
pub(super) struct Drawing {
    pub(super) g_loss: f64,
    pub(super) gradient: f64,
}

impl Duel {
    pub(super) fn metrics(&mut self, judgement: Option<Judgement>, drawing: Option<Drawing>) -> Metrics {
        let parts = judgement.as_ref().map_or([f64::NAN; 2], |judgement| judgement.parts);
        let [d_real, d_fake] =
            judgement.as_ref().map_or([Spread::NONE; 2], |judgement| [judgement.d_real, judgement.d_fake]);
        let of = |field: fn(&Judgement) -> f64| judgement.as_ref().map_or(f64::NAN, field);
        let images = self.batches_seen * self.recipe.training.batch as u64;
        let since = std::mem::replace(&mut self.measured_at, (images, self.seconds));
        Metrics {
            step: self.step,
            images,
            seconds: self.seconds,
            d_loss: of(|judgement| judgement.d_loss),
            d_loss_real: parts[0],
            d_loss_fake: parts[1],
            g_loss: drawing.as_ref().map_or(f64::NAN, |drawing| drawing.g_loss),
            value: of(|judgement| judgement.value),
            d_real: d_real.mean,
            d_fake: d_fake.mean,
            d_real_tenths: d_real.tenths,
            d_fake_tenths: d_fake.tenths,
            d_gradient: of(|judgement| judgement.gradient),
            g_gradient: drawing.as_ref().map_or(f64::NAN, |drawing| drawing.gradient),
            d_learning_rate: self.discriminator.optimiser.learning_rate,
            g_learning_rate: self.generator.optimiser.learning_rate,
            images_per_second: (images - since.0) as f64 / (self.seconds - since.1),
        }
    }
}

/// The one value of a tensor.
pub(super) fn scalar(tensor: &Tensor) -> Result<f64> {
    Ok(tensor.to_scalar::<f32>()?.into())
}
