//! The samples of a generator that are scored and shown: the same ones every time.

use anyhow::Result;
use duel_runtime::{
    Generator, Inputs,
    picture::{Picture, grid, to_bytes},
};
use duel_trainer::data::{Images, Progress};

use super::decoding;
use crate::generators::interpolation;

/// The seed of the samples that are scored.
pub const SEED: u64 = 2014;

/// Samples that are drawn together.
const CHUNK: usize = 1000;

/// Samples that are shown above their nearest training images.
const SHOWN: usize = 20;

/// Draws the samples `0..count` by the thousand, so that not all latents and values are in memory at once.
pub fn by_thousands(generator: &Generator, count: usize) -> impl Iterator<Item = Result<Images>> {
    (0..count).step_by(CHUNK).map(move |start| {
        let range = start as u64..(start + CHUNK).min(count) as u64;
        let Inputs { latents, labels } = Inputs::new(generator.card(), SEED, range, &[]);
        Ok(Images { size: generator.card().shape.size(), values: generator.draw(&latents, &labels)?, labels })
    })
}

/// Draws the first `count` samples, those that are scored, with a progress bar.
pub fn scored(generator: &Generator, count: usize) -> Result<Images> {
    decoding::with_bar(|progress| drawn(generator, count, progress))
}

fn drawn(generator: &Generator, count: usize, progress: Progress) -> Result<Images> {
    let mut all = Images { size: generator.card().shape.size(), values: Vec::new(), labels: Vec::new() };
    for images in by_thousands(generator, count) {
        let Images { values, labels, .. } = images?;
        all.values.extend(values);
        all.labels.extend(labels);
        progress(all.len(), count);
    }
    Ok(all)
}

/// Returns the first images: those that are shown above their nearest training images.
pub fn shown(images: &Images) -> Images {
    let count = images.len().min(SHOWN);
    Images { size: images.size, values: images.values[..count * images.size].to_vec(), labels: Vec::new() }
}

/// Draws rows from one latent to another, as figure 3 of Goodfellow et al. 2014; a generator with classes draws a row
/// of each of the first ten classes.
pub fn interpolation(generator: &Generator) -> Result<Picture> {
    const FRAMES: usize = 10;
    const ROWS: usize = 5;
    let card = generator.card();
    let rows = if card.classes > 0 { card.classes.min(10) } else { ROWS };
    let ends = Inputs::new(card, SEED, 0..2 * rows as u64, &[]).latents;
    let mut latents = Vec::new();
    for ends in ends.chunks_exact(2 * card.latent) {
        let (from, to) = ends.split_at(card.latent);
        let share = |frame: usize| frame as f32 / (FRAMES - 1) as f32;
        latents.extend((0..FRAMES).flat_map(|frame| interpolation::between(card.latent_law, from, to, share(frame))));
    }
    let label = |index: usize| (card.classes > 0).then_some((index / FRAMES) as u8);
    let labels: Vec<u8> = (0..rows * FRAMES).filter_map(label).collect();
    Ok(grid(&to_bytes(&generator.draw(&latents, &labels)?), card.shape, FRAMES))
}
