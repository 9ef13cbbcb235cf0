//! The metrics of a measured step.

use candle_core::{Result, Tensor};

use super::{duel::Duel, losses, overfitting::Augmentation};
use crate::{networks, run::record::Metrics};

/// The measures of one update of the discriminator.
pub(super) struct DiscriminatorMeasures {
    pub(super) loss: f64,
    /// The loss on real and on generated examples; NaN for a loss of pairs.
    parts: [f64; 2],
    value: f64,
    d_real: Probabilities,
    d_fake: Probabilities,
    /// The share of pairs that are judged right; NaN for a loss of single examples.
    pairs_right: f64,
    pub(super) gradient: f64,
}

impl DiscriminatorMeasures {
    /// Reads the measures of an update from its total loss, its loss without penalties, the logits of real and
    /// generated examples, or of pairs, and its gradient.
    pub(super) fn new(
        total: &Tensor,
        loss: &losses::Discriminator,
        [real, fake]: [&Tensor; 2],
        gradient: &Tensor,
    ) -> Result<Self> {
        let parts = match &loss.parts {
            Some([real, fake]) => [scalar(real)?, scalar(fake)?],
            None => [f64::NAN; 2],
        };
        Ok(Self {
            loss: scalar(total)?,
            parts,
            value: -scalar(&losses::softplus(&real.neg()?)?.mean_all()?)?
                - scalar(&losses::softplus(fake)?.mean_all()?)?,
            d_real: Probabilities::summarise(&networks::probability(real)?)?,
            d_fake: Probabilities::summarise(&networks::probability(fake)?)?,
            pairs_right: if loss.parts.is_none() { share_right(&real.flatten_all()?.to_vec1()?) } else { f64::NAN },
            gradient: norm(gradient)?,
        })
    }
}

/// The measures of one update of the generator.
pub(super) struct GeneratorMeasures {
    pub(super) loss: f64,
    pub(super) gradient: f64,
}

impl GeneratorMeasures {
    /// Reads the measures of an update from its loss and its gradient.
    pub(super) fn new(loss: &Tensor, gradient: &Tensor) -> Result<Self> {
        Ok(Self { loss: scalar(loss)?, gradient: norm(gradient)? })
    }
}

/// The mean and the histogram of the discriminator's probabilities over a batch.
#[derive(Clone, Copy)]
struct Probabilities {
    mean: f64,
    /// Examples in each tenth of 0 to 1.
    tenths: [u32; 10],
}

impl Probabilities {
    const NONE: Self = Self { mean: f64::NAN, tenths: [0; 10] };

    fn summarise(probabilities: &Tensor) -> Result<Self> {
        let all = probabilities.flatten_all()?.to_vec1::<f32>()?;
        let mut tenths = [0; 10];
        for p in all.iter().filter(|p| !p.is_nan()) {
            tenths[((p * 10.0) as usize).min(9)] += 1;
        }
        let sum: f64 = all.iter().copied().map(f64::from).sum();
        Ok(Self { mean: sum / all.len() as f64, tenths })
    }
}

impl Duel {
    /// The metrics of this step; NaN for a network that was not updated.
    pub(super) fn metrics(
        &mut self,
        discriminator: Option<DiscriminatorMeasures>,
        generator: Option<GeneratorMeasures>,
    ) -> Result<Metrics> {
        let discriminator = discriminator.unwrap_or(DiscriminatorMeasures {
            loss: f64::NAN,
            parts: [f64::NAN; 2],
            value: f64::NAN,
            d_real: Probabilities::NONE,
            d_fake: Probabilities::NONE,
            pairs_right: f64::NAN,
            gradient: f64::NAN,
        });
        let generator = generator.unwrap_or(GeneratorMeasures { loss: f64::NAN, gradient: f64::NAN });
        let images = self.batches_seen * self.recipe.training.batch as u64;
        let since = std::mem::replace(&mut self.measured_at, (images, self.seconds));
        let augmentation = self.augmentation.as_ref().map_or(Ok([f64::NAN; 2]), Augmentation::read)?;
        Ok(Metrics {
            step: self.step,
            images,
            seconds: self.seconds,
            d_loss: discriminator.loss,
            d_loss_real: discriminator.parts[0],
            d_loss_fake: discriminator.parts[1],
            g_loss: generator.loss,
            value: discriminator.value,
            d_real: discriminator.d_real.mean,
            d_fake: discriminator.d_fake.mean,
            d_real_tenths: discriminator.d_real.tenths,
            d_fake_tenths: discriminator.d_fake.tenths,
            pairs_right: discriminator.pairs_right,
            d_gradient: discriminator.gradient,
            g_gradient: generator.gradient,
            d_learning_rate: self.discriminator.optimiser.learning_rate,
            g_learning_rate: self.generator.optimiser.learning_rate,
            images_per_second: (images - since.0) as f64 / (self.seconds - since.1),
            augment_probability: augmentation[0],
            overfitting: augmentation[1],
            // Known to the training loop alone: the measures need held-out pictures, and the time of the last record.
            memorisation: f64::NAN,
            processors: f64::NAN,
            memory: f64::NAN,
        })
    }
}

/// Returns the share of pairs whose real example the discriminator finds more real than the generated one: the logit of
/// the pair, their difference, is positive. Differences of 0 count half. NaN if a logit is NaN.
fn share_right(logits: &[f32]) -> f64 {
    let right = logits.iter().map(|&logit| if logit == 0.0 { 0.5 } else { 0.5 + 0.5 * f64::from(logit.signum()) });
    right.sum::<f64>() / logits.len() as f64
}

/// The Euclidean norm of a gradient.
fn norm(gradient: &Tensor) -> Result<f64> {
    Ok(scalar(&gradient.sqr()?.sum_all()?)?.sqrt())
}

/// The one value of a tensor.
pub(super) fn scalar(tensor: &Tensor) -> Result<f64> {
    Ok(tensor.to_scalar::<f32>()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_right_where_the_real_example_has_the_larger_logit() {
        assert_eq!(share_right(&[2.0, 1e-30, -3.0, 0.0, -0.0]), (1.0 + 1.0 + 0.5 + 0.5) / 5.0);
        assert!(share_right(&[1.0, f32::NAN]).is_nan());
    }
}
