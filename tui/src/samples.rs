//! What a generator draws to be scored and looked at: the same of it every time.

use std::collections::BTreeMap;

use anyhow::Result;
use duel_models::{
    PIXELS,
    grid::{Picture, grid},
};
use duel_runtime::{Generator, Samples, to_bytes};
use duel_trainer::evaluate::{Images, Judge, SAMPLES};

use crate::walk;

/// The seed of the samples that are scored.
pub const SEED: u64 = 2014;

/// Samples that are drawn at a time.
const CHUNK: usize = 1000;

/// Samples that are held beside their nearest training image.
const SHOWN: usize = 20;

/// Samples `0..count`, by the thousand, so that not all of their latents and values are held at once.
pub fn by_thousands(generator: &Generator, count: usize) -> impl Iterator<Item = Result<Images>> {
    (0..count).step_by(CHUNK).map(move |start| {
        let range = start as u64..(start + CHUNK).min(count) as u64;
        let Samples { latents, labels } = Samples::of(generator.card(), SEED, range, None);
        Ok(Images { values: generator.draw(&latents, &labels)?, labels })
    })
}

/// The 10,000 samples that are scored.
pub fn scored(generator: &Generator) -> Result<Images> {
    let mut all = Images { values: Vec::new(), labels: Vec::new() };
    for images in by_thousands(generator, SAMPLES) {
        let Images { values, labels } = images?;
        all.values.extend(values);
        all.labels.extend(labels);
    }
    Ok(all)
}

/// The scores of a generator, by name.
pub fn score(generator: &Generator) -> Result<BTreeMap<String, f64>> {
    Ok(Judge::new()?.score(&scored(generator)?)?.named())
}

/// The first of some images: those that are held beside their nearest training image.
pub fn shown(images: &Images) -> Images {
    let count = images.len().min(SHOWN);
    Images { values: images.values[..count * PIXELS].to_vec(), labels: Vec::new() }
}

/// Rows of digits from one latent to another, as figure 3 of Goodfellow et al. 2014; a generator that is told the digit draws a row of
/// each.
pub fn interpolation(generator: &Generator) -> Result<Picture> {
    const FRAMES: usize = 10;
    const ROWS: usize = 5;
    let card = generator.card();
    let rows = if card.classes > 0 { card.classes.min(10) } else { ROWS };
    let ends = Samples::of(card, SEED, 0..2 * rows as u64, None).latents;
    let mut latents = Vec::new();
    for ends in ends.chunks_exact(2 * card.latent) {
        let (from, to) = ends.split_at(card.latent);
        let share = |frame: usize| frame as f32 / (FRAMES - 1) as f32;
        latents.extend((0..FRAMES).flat_map(|frame| walk::between(card.latent_law, from, to, share(frame))));
    }
    let label = |index: usize| (card.classes > 0).then_some((index / FRAMES) as u8);
    let labels: Vec<u8> = (0..rows * FRAMES).filter_map(label).collect();
    Ok(grid(&to_bytes(&generator.draw(&latents, &labels)?), FRAMES))
}
