//! Runs an exported generator with tract: ONNX in, digits out. Needs nothing but the file, which describes itself.

mod door;
mod kernels;
mod layers;
mod plan;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use duel_models::{Card, Latents, PIXELS, pixels};
use tract_onnx::prelude::*;

pub use door::LoadError;

/// Samples that are drawn together: enough that a dense layer's weights are read once for many, few enough that what passes
/// between two layers stays in the cache.
const BATCH: usize = 28;

/// A generator that is ready to draw.
#[derive(Debug)]
pub struct Generator {
    card: Card,
    plan: Arc<TypedRunnableModel>,
}

/// Why nothing was drawn.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// The latents do not fit the card.
    #[error("{values} values are no whole number of latents of {latent}")]
    Latents {
        /// Values given.
        values: usize,
        /// Values of a latent.
        latent: usize,
    },
    /// The labels do not fit the latents or the card.
    #[error("{given} labels for {samples} samples of a generator of {classes} classes, each 0 to {classes} - 1")]
    Labels {
        /// Labels given.
        given: usize,
        /// Samples asked for.
        samples: usize,
        /// Classes of the generator.
        classes: usize,
    },
    /// tract failed.
    #[error("the graph failed while it drew: {0}")]
    Failed(String),
}

impl Generator {
    /// The generator in the bytes of an ONNX file. They may come from anybody: what they ask for is checked before it is given.
    pub fn load(onnx: &[u8]) -> Result<Self, LoadError> {
        let (graph, card) = door::check(onnx)?;
        let layers = layers::read(graph, &card).map_err(LoadError::Graph)?;
        let plan = guarded(|| plan::plan(layers, &card)).map_err(LoadError::Graph)?;
        let generator = Self { card, plan };
        generator.probe()?;
        Ok(generator)
    }

    /// What the file says of itself.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Draws `latents`, [N, latent], with `labels`, [N], for a generator with classes and none for one without:
    /// [N, 784] in [-1, 1].
    pub fn draw(&self, latents: &[f32], labels: &[u8]) -> Result<Vec<f32>, DrawError> {
        let Card { latent, classes, .. } = self.card;
        let samples = latents.len() / latent;
        if !latents.len().is_multiple_of(latent) {
            return Err(DrawError::Latents { values: latents.len(), latent });
        }
        let wanted = if classes > 0 { samples } else { 0 };
        if labels.len() != wanted || labels.iter().any(|&label| usize::from(label) >= classes) {
            return Err(DrawError::Labels { given: labels.len(), samples, classes });
        }
        let mut images = Vec::with_capacity(samples * PIXELS);
        for (index, batch) in latents.chunks(BATCH * latent).enumerate() {
            let rows = batch.len() / latent;
            let labels = labels.get(index * BATCH..index * BATCH + rows).unwrap_or_default();
            images.extend(guarded(|| self.draw_batch(batch, labels)).map_err(DrawError::Failed)?);
        }
        Ok(images)
    }

    fn draw_batch(&self, latents: &[f32], labels: &[u8]) -> TractResult<Vec<f32>> {
        let samples = latents.len() / self.card.latent;
        let mut inputs: TVec<TValue> = tvec![Tensor::from_shape(&[samples, self.card.latent], latents)?.into()];
        if self.card.classes > 0 {
            inputs.push(tensor1(&labels.iter().map(|&label| i64::from(label)).collect::<Vec<_>>()).into());
        }
        let outputs = self.plan.run(inputs)?;
        Ok(outputs[0].try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
    }

    /// Draws one sample to see that the file does what it says.
    fn probe(&self) -> Result<(), LoadError> {
        let samples = Samples::of(&self.card, 0, 0..1, None);
        let image =
            self.draw(&samples.latents, &samples.labels).map_err(|error| LoadError::Graph(error.to_string()))?;
        if image.iter().all(|value| value.is_finite()) { Ok(()) } else { Err(LoadError::NotFinite) }
    }
}

/// What is drawn of a seed.
#[derive(Debug, Clone)]
pub struct Samples {
    /// [N, latent].
    pub latents: Vec<f32>,
    /// [N]; empty for a generator without classes.
    pub labels: Vec<u8>,
}

impl Samples {
    /// Samples `range` of `seed` for a generator of that card; `digits`, if given, are their labels in turn.
    pub fn of(card: &Card, seed: u64, range: std::ops::Range<u64>, digits: Option<&[u8]>) -> Self {
        let source = Latents::new(seed, card);
        let latents = source.latents(range.clone());
        let label = |index: u64| match digits {
            Some(digits) => Some(digits[index as usize % digits.len()]),
            None => source.label(index),
        };
        Self { latents, labels: range.filter_map(label).collect() }
    }
}

/// Grey levels of drawn values.
pub fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().map(|&value| pixels::to_byte(value)).collect()
}

/// Runs tract so that a panic in it, which a stranger's file might cause, is an error like any other, in one line.
fn guarded<T>(body: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => result.map_err(|error| format!("{error:#}").replace('\n', " ")),
        Err(_) => Err("tract panicked".to_owned()),
    }
}

#[cfg(test)]
mod tests;
