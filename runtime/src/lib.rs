//! Runs an exported generator with tract: ONNX in, digits out. Needs nothing but the file, which describes itself.

mod door;
mod kernels;
mod layers;
mod plan;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
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
        let mut images = vec![0.0; samples * PIXELS];
        let cores = if samples > BATCH { thread::available_parallelism().map_or(1, Into::into) } else { 1 };
        let part = samples.div_ceil(cores).next_multiple_of(BATCH);
        let draw = |first: usize, images: &mut [f32]| {
            self.draw_part(&latents[first * latent..], labels.get(first..).unwrap_or_default(), images)
        };
        if samples <= part {
            draw(0, &mut images)?;
            return Ok(images);
        }
        let parts = images.chunks_mut(part * PIXELS).enumerate();
        thread::scope(|scope| {
            let draws: Vec<_> = parts.map(|(index, images)| scope.spawn(move || draw(index * part, images))).collect();
            draws.into_iter().try_for_each(|draw| {
                draw.join().unwrap_or_else(|_| Err(DrawError::Failed("a thread panicked".to_owned())))
            })
        })?;
        Ok(images)
    }

    /// Fills `images`, a batch after the other, with what the first of the latents draw.
    fn draw_part(&self, latents: &[f32], labels: &[u8], images: &mut [f32]) -> Result<(), DrawError> {
        let latent = self.card.latent;
        for (index, images) in images.chunks_mut(BATCH * PIXELS).enumerate() {
            let (first, samples) = (index * BATCH, images.len() / PIXELS);
            let latents = &latents[first * latent..][..samples * latent];
            let labels = labels.get(first..first + samples).unwrap_or_default();
            guarded(|| self.draw_batch(latents, labels, images)).map_err(DrawError::Failed)?;
        }
        Ok(())
    }

    fn draw_batch(&self, latents: &[f32], labels: &[u8], images: &mut [f32]) -> TractResult<()> {
        let samples = latents.len() / self.card.latent;
        let mut inputs: TVec<TValue> = tvec![Tensor::from_shape(&[samples, self.card.latent], latents)?.into()];
        if self.card.classes > 0 {
            inputs.push(tensor1(&labels.iter().map(|&label| i64::from(label)).collect::<Vec<_>>()).into());
        }
        let outputs = self.plan.run(inputs)?;
        images.copy_from_slice(outputs[0].try_as_plain_ram()?.as_slice()?);
        Ok(())
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
