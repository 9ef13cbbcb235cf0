//! What an update learns from.

use candle_core::{Device, Result, Tensor};
use duel_models::{LatentLaw, random::Stream};
use rayon::prelude::*;

use super::duel::Duel;
use crate::recipe::Recipe;

/// What one update learns from. Drawn images take the labels of the real ones.
pub(super) struct Batch {
    /// Real images, [N, 784] in [-1, 1].
    pub(super) real: Tensor,
    /// Latents, [N, latent].
    pub(super) latents: Tensor,
    /// The labels, one-hot, [N, classes]; none for networks that are not told.
    pub(super) labels: Option<Tensor>,
    /// ε of the penalties on real and on drawn images, [N, 784] each; none for a penalty that the recipe leaves out.
    pub(super) noise: [Option<Tensor>; 2],
}

impl Batch {
    /// What the generator is given: latents, and labels behind them.
    pub(super) fn told(&self) -> Result<Tensor> {
        match &self.labels {
            Some(labels) => Tensor::cat(&[&self.latents, labels], 1),
            None => Ok(self.latents.clone()),
        }
    }

    pub(super) fn logits(&self, judged: &Tensor) -> Result<Tensor> {
        logits(judged, self.labels.as_ref())
    }
}

/// The logit of each image, [N, 1], from what the discriminator gives, [N, 1 + classes]: its first value, and what the image's
/// class adds, by its one-hot label.
pub(super) fn logits(judged: &Tensor, labels: Option<&Tensor>) -> Result<Tensor> {
    let logit = judged.narrow(1, 0, 1)?;
    match labels {
        Some(labels) => logit + (judged.narrow(1, 1, labels.dim(1)?)? * labels)?.sum_keepdim(1)?,
        None => Ok(logit),
    }
}

/// Labels as rows of 0 with a 1, [N, classes]; none for no classes.
pub(super) fn one_hot(labels: &[u8], classes: usize, device: &Device) -> Result<Option<Tensor>> {
    if classes == 0 {
        return Ok(None);
    }
    let mut values = vec![0.0; labels.len() * classes];
    for (row, &label) in values.chunks_exact_mut(classes).zip(labels) {
        row[usize::from(label)] = 1.0f32;
    }
    Tensor::from_vec(values, (labels.len(), classes), device).map(Some)
}

impl Duel {
    /// Real images, [batch, 784], or numbers, [batch, 1], and their labels, if the networks are told them, one-hot, [batch, classes].
    pub(super) fn real(&mut self, index: u64) -> Result<(Tensor, Option<Tensor>)> {
        let Recipe { training, .. } = &self.recipe;
        let (images, labels) = match self.bell {
            Some(bell) => {
                let stream = Stream::new(training.seed, "numbers").item(index);
                (bell.draw(stream, training.batch), vec![0; training.batch])
            }
            None => self.batches.take(index, &self.data),
        };
        let images = Tensor::from_vec(images, (labels.len(), self.recipe.values()), &self.device)?;
        Ok((images, one_hot(&labels, self.recipe.classes(), &self.device)?))
    }

    /// What an update learns from: real images and labels; latents and noise made of the seed and the step alone, so that a
    /// resumed run has the same.
    pub(super) fn batch(&self, side: &str, update: usize, (real, labels): &(Tensor, Option<Tensor>)) -> Result<Batch> {
        let recipe = &self.recipe;
        let (rows, latent) = (recipe.training.batch, recipe.generator.latent);
        let stream = |purpose| Stream::new(recipe.training.seed, purpose).item(self.step).item(update as u64);
        let law = LatentLaw::from(recipe.generator.latent_law);
        let random = |stream: Stream, size: usize, law: LatentLaw| {
            let mut values = vec![0.0; rows * size];
            values.par_chunks_mut(size).enumerate().for_each(|(row, values)| {
                let mut stream = stream.item(row as u64);
                values.fill_with(|| law.draw(&mut stream));
            });
            Tensor::from_vec(values, (rows, size), &self.device)
        };
        let noise = |lambda: f64, purpose| {
            let wanted = side == "discriminator" && lambda > 0.0;
            wanted.then(|| random(stream(purpose), recipe.values(), LatentLaw::Normal)).transpose()
        };
        Ok(Batch {
            real: real.clone(),
            latents: random(stream(side), latent, law)?,
            labels: labels.clone(),
            noise: [noise(recipe.discriminator.r1, "r1")?, noise(recipe.discriminator.r2, "r2")?],
        })
    }
}
