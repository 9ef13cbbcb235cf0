//! The tensors that one update learns from.

use candle_core::{Device, Result, Tensor};
use duel_models::{LatentLaw, random::Stream};
use rayon::prelude::*;

use super::{
    augment::{Transforms, draw},
    duel::{Duel, RealData},
};
use crate::networks::Engine;

/// The tensors that one update learns from. Generated examples take the labels of the real ones.
pub(super) struct Batch {
    /// Real examples, [N, example] in [-1, 1].
    pub(super) real: Tensor,
    /// Latents, [N, latent].
    pub(super) latents: Tensor,
    /// Labels, one-hot, [N, classes]; none for networks without labels.
    pub(super) labels: Option<Tensor>,
    /// ε of the penalties on real and on generated examples, [N, example] each; none for a penalty that the recipe
    /// leaves out.
    pub(super) noise: [Option<Tensor>; 2],
    /// The transformations of the real and of the generated examples; none without augmentation.
    pub(super) transforms: Option<Transforms>,
}

/// The network whose update a batch is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Generator,
    Discriminator,
}

impl Side {
    /// The name of the random stream that a batch's latents come from.
    fn stream_name(self) -> &'static str {
        match self {
            Self::Generator => "generator",
            Self::Discriminator => "discriminator",
        }
    }
}

impl Batch {
    /// The generator's input: latents with one-hot labels behind them, [N, latent + classes].
    pub(super) fn generator_input(&self) -> Result<Tensor> {
        match &self.labels {
            Some(labels) => Tensor::cat(&[&self.latents, labels], 1),
            None => Ok(self.latents.clone()),
        }
    }

    /// The examples as the discriminator sees them: `examples`, [sets.len() · N, example], of which each N are variants
    /// of the real examples where `sets` is 0, and of the generated ones where it is 1.
    pub(super) fn augmented(&self, examples: Tensor, sets: &[usize], engine: Engine) -> Result<Tensor> {
        match &self.transforms {
            Some(transforms) => transforms.apply(&examples, sets, engine),
            None => Ok(examples),
        }
    }

    /// The logits of the batch's examples, [N, 1], from the discriminator's output, [N, 1 + classes].
    pub(super) fn logits(&self, output: &Tensor) -> Result<Tensor> {
        logits(output, self.labels.as_ref())
    }
}

/// The logit of each example, [N, 1], from the discriminator's output, [N, 1 + classes]: its first value, plus the
/// value of the example's class, by its one-hot label.
pub(super) fn logits(output: &Tensor, labels: Option<&Tensor>) -> Result<Tensor> {
    let logit = output.narrow(1, 0, 1)?;
    match labels {
        Some(labels) => logit + (output.narrow(1, 1, labels.dim(1)?)? * labels)?.sum_keepdim(1)?,
        None => Ok(logit),
    }
}

/// Labels as one-hot rows, [N, classes]; none for no classes.
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
    /// Real examples of batch `index`, [batch, example], and their one-hot labels, [batch, classes], if the networks
    /// take labels.
    pub(super) fn real_batch(&mut self, index: u64) -> Result<(Tensor, Option<Tensor>)> {
        let (size, training) = (self.example_size(), &self.recipe.training);
        let (examples, labels) = match &mut self.real_data {
            RealData::Toy(mixture) => {
                let stream = Stream::new(training.seed, "numbers").item(index);
                (mixture.draw(stream, training.batch), vec![0; training.batch])
            }
            RealData::Pictures { data, batches } => batches.take(index, data),
            RealData::Absent => candle_core::bail!("networks without data cannot train"),
        };
        let examples = Tensor::from_vec(examples, (labels.len(), size), &self.device)?;
        Ok((examples, one_hot(&labels, self.recipe.classes(), &self.device)?))
    }

    /// The batch of one update. Latents and noise are made of the seed and the step alone, so that a resumed run has
    /// the same.
    pub(super) fn batch(&self, side: Side, update: usize, (real, labels): &(Tensor, Option<Tensor>)) -> Result<Batch> {
        let recipe = &self.recipe;
        let stream = |purpose| Stream::new(recipe.training.seed, purpose).item(self.step).item(update as u64);
        let random = |stream: Stream, size: usize, law: LatentLaw| {
            let rows = recipe.training.batch;
            let mut values = vec![0.0; rows * size];
            values.par_chunks_mut(size).enumerate().for_each(|(row, values)| {
                let mut stream = stream.item(row as u64);
                values.fill_with(|| law.draw(&mut stream));
            });
            Tensor::from_vec(values, (rows, size), &self.device)
        };
        let noise = |lambda: f64, purpose| {
            let wanted = side == Side::Discriminator && lambda > 0.0;
            wanted.then(|| random(stream(purpose), self.example_size(), LatentLaw::Normal)).transpose()
        };
        Ok(Batch {
            real: real.clone(),
            latents: random(stream(side.stream_name()), recipe.generator.latent, recipe.generator.latent_law)?,
            labels: labels.clone(),
            noise: [noise(recipe.discriminator.r1, "r1")?, noise(recipe.discriminator.r2, "r2")?],
            transforms: self.transforms(stream("augment").item(side as u64))?,
        })
    }

    /// The transformations of a batch; none without augmentation.
    pub(super) fn transforms(&self, stream: Stream) -> Result<Option<Transforms>> {
        let (Some(augmentation), Some(shape)) = (&self.augmentation, self.recipe.shape()) else { return Ok(None) };
        let ([probability, _], training) = (augmentation.read()?, &self.recipe.training);
        let set = |set: u64| {
            let rows = (0..training.batch as u64).map(|row| stream.item(set).item(row));
            rows.map(|stream| draw(stream, shape, training.augment_policy, probability)).collect()
        };
        Ok((probability > 0.0).then(|| Transforms { shape, sets: [set(0), set(1)] }))
    }
}
