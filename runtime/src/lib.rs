//! Draws pictures with a generator that `duel export` wrote.
//!
//! Needs nothing but the ONNX file: its [`Card`] says what the pictures look like and what the generator takes. The
//! file may come from anybody: [`Generator::load`] checks every size in the file before it allocates memory, and
//! refuses any graph that `duel export` would not write. The same latent draws the same bits in any batch and on any
//! number of threads.
//!
//! Loads a generator from a file, and writes a picture of a hundred samples, ten by ten:
//!
//! ```
//! use std::{error::Error, fs};
//!
//! use duel_runtime::{
//!     Generator, Inputs,
//!     picture::{grid, png, to_bytes},
//! };
//!
//! fn main() -> Result<(), Box<dyn Error>> {
//!     # let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/digits/generator.onnx");
//!     # let picture = std::env::temp_dir().join(format!("duel-runtime-{}.png", std::process::id()));
//!     # let picture = picture.as_path();
//!     # /*
//!     let (file, picture) = ("generator.onnx", "picture.png");
//!     # */
//!     let generator = Generator::load(&fs::read(file)?)?;
//!     let card = generator.card();
//!     println!("{}: pictures of {} from {} values", card.name, card.shape, card.latent);
//!
//!     // The first hundred samples of seed 7; for a generator with classes, the labels are drawn too.
//!     let inputs = Inputs::new(card, 7, 0..100, &[]);
//!     let values = generator.draw(&inputs.latents, &inputs.labels)?;
//!     fs::write(picture, png(&grid(&to_bytes(&values), card.shape, 10)))?;
//!     # assert_eq!(fs::read(picture)?[..4], *b"\x89PNG");
//!     # fs::remove_file(picture)?;
//!     Ok(())
//! }
//! ```

mod conv_transpose;
mod dense;
mod door;
mod kernels;
mod layer;
mod layers;
mod plan;

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use duel_models::Latents;
use tract_onnx::prelude::*;

pub use door::{BYTES_MAX, LoadError};
pub use duel_models::{Card, Shape, picture};

use door::Checked;

/// The most samples that are drawn together: enough that a dense layer reads its weights once for many samples, few
/// enough that the values between two layers stay in the cache.
const BATCH_MAX: usize = 28;
/// Upper bound on the values between two layers, summed over a batch: 4 MB. Large pictures are drawn in smaller
/// batches.
const BATCH_VALUES: usize = 1 << 20;

/// A generator that is ready to draw.
#[derive(Debug)]
pub struct Generator {
    card: Card,
    plan: Arc<TypedRunnableModel>,
    /// Samples that are drawn together.
    batch: usize,
}

/// Reasons why nothing was drawn.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    /// The latents do not fit the card.
    #[error("{values} values are not a whole number of latents; a latent of this generator has {latent} values")]
    Latents {
        /// Values given.
        values: usize,
        /// Values of a latent.
        latent: usize,
    },
    /// The labels do not fit the latents or the card.
    #[error("{given} labels do not fit {samples} samples of a generator with {classes} classes{}", label_rule(*classes))]
    Labels {
        /// Labels given.
        given: usize,
        /// Samples asked for.
        samples: usize,
        /// Classes of the generator.
        classes: usize,
    },
    /// The computation failed.
    #[error("the graph failed while it drew: {0}")]
    Failed(String),
}

/// The rule for labels, as the end of an error message.
fn label_rule(classes: usize) -> String {
    match classes.checked_sub(1) {
        Some(last) => format!(": give one label from 0 to {last} for each sample"),
        None => ": give no labels".to_owned(),
    }
}

impl Generator {
    /// Loads the generator in the bytes of an ONNX file, at most [`BYTES_MAX`]. The bytes are untrusted: memory is
    /// bounded before it is allocated, and one sample is drawn as a test.
    pub fn load(onnx: &[u8]) -> Result<Self, LoadError> {
        let Checked { graph, values, card } = door::check(onnx)?;
        let layers = layers::read(graph, &values, &card).map_err(LoadError::Graph)?;
        let largest = layers.iter().map(|layer| layer.size()).max().unwrap_or(1);
        let plan = guarded(|| plan::plan(layers, &card)).map_err(LoadError::Graph)?;
        let generator = Self { card, plan, batch: (BATCH_VALUES / largest).clamp(1, BATCH_MAX) };
        generator.draw_test_sample()?;
        Ok(generator)
    }

    /// The description in the file.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Draws one picture for each latent. `latents` are `[N, latent]`, `labels` are `[N]`, or none for a generator
    /// without classes.
    ///
    /// Returns `[N, height, width, channels]` in [-1, 1]: channels-last like the bytes of pictures, although the graph
    /// in the file is channels-first. [`picture::to_bytes`] converts the values to bytes.
    pub fn draw(&self, latents: &[f32], labels: &[u8]) -> Result<Vec<f32>, DrawError> {
        let Card { latent, classes, shape, .. } = self.card;
        let samples = latents.len() / latent;
        if !latents.len().is_multiple_of(latent) {
            return Err(DrawError::Latents { values: latents.len(), latent });
        }
        let wanted = if classes > 0 { samples } else { 0 };
        if labels.len() != wanted || labels.iter().any(|&label| usize::from(label) >= classes) {
            return Err(DrawError::Labels { given: labels.len(), samples, classes });
        }
        let mut images = vec![0.0; samples * shape.size()];
        let cores = if samples > self.batch { thread::available_parallelism().map_or(1, Into::into) } else { 1 };
        let part = samples.div_ceil(cores).next_multiple_of(self.batch);
        let draw = |first: usize, images: &mut [f32]| {
            self.draw_part(&latents[first * latent..], labels.get(first..).unwrap_or_default(), images)
        };
        if samples <= part {
            draw(0, &mut images)?;
            return Ok(images);
        }
        let parts = images.chunks_mut(part * shape.size()).enumerate();
        thread::scope(|scope| {
            let draws: Vec<_> = parts.map(|(index, images)| scope.spawn(move || draw(index * part, images))).collect();
            draws.into_iter().try_for_each(|draw| {
                draw.join().unwrap_or_else(|_| Err(DrawError::Failed("a thread panicked".to_owned())))
            })
        })?;
        Ok(images)
    }

    /// Fills `images` batch by batch: image i from latent i and label i. Latents and labels beyond the last image are
    /// ignored.
    fn draw_part(&self, latents: &[f32], labels: &[u8], images: &mut [f32]) -> Result<(), DrawError> {
        let Card { latent, shape, .. } = self.card;
        for (index, images) in images.chunks_mut(self.batch * shape.size()).enumerate() {
            let (first, samples) = (index * self.batch, images.len() / shape.size());
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

    /// Draws one sample, to see that the graph runs and that its values are finite.
    fn draw_test_sample(&self) -> Result<(), LoadError> {
        let inputs = Inputs::new(&self.card, 0, 0..1, &[]);
        let image = self.draw(&inputs.latents, &inputs.labels).map_err(|error| LoadError::Graph(error.to_string()))?;
        if image.iter().all(|value| value.is_finite()) { Ok(()) } else { Err(LoadError::NotFinite) }
    }
}

/// Inputs of a generator.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// `[N, latent]`.
    pub latents: Vec<f32>,
    /// `[N]`; empty for a generator without classes.
    pub labels: Vec<u8>,
}

impl Inputs {
    /// Inputs of the samples `range` of `seed`, for the generator that `card` describes. Sample i of `seed` gets the
    /// label `labels[i % labels.len()]`; if `labels` is empty, the labels are drawn from the seed.
    pub fn new(card: &Card, seed: u64, range: Range<u64>, labels: &[u8]) -> Self {
        let source = Latents::new(seed, card);
        let latents = source.latents(range.clone());
        let labels = match labels.len() as u64 {
            0 => range.filter_map(|index| source.label(index)).collect(),
            count => range.map(|index| labels[(index % count) as usize]).collect(),
        };
        Self { latents, labels }
    }
}

/// Runs tract. A panic in it, which an untrusted file might cause, becomes an error of one line.
fn guarded<T>(body: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => result.map_err(|error| format!("{error:#}").replace('\n', " ")),
        Err(_) => Err("tract panicked".to_owned()),
    }
}

#[cfg(test)]
mod tests;
