//! Pictures of digits from a generator, each shown once.

use std::iter;

use anyhow::{Context, Result};
use duel_models::Latents;
use duel_runtime::{Generator, picture::to_bytes};

/// Pictures of each digit that are drawn ahead.
const AHEAD: usize = 2;

/// A source of pictures. It draws a few of each digit ahead: the runtime draws many at once in little more time than
/// one.
pub struct DigitSource<'a> {
    generator: &'a Generator,
    latents: Latents,
    drawn: u64,
    ahead: [Vec<Vec<u8>>; 10],
}

impl<'a> DigitSource<'a> {
    /// Makes a source of the samples of `seed`.
    pub fn new(generator: &'a Generator, seed: u64) -> Self {
        Self { latents: Latents::new(seed, generator.card()), generator, drawn: 0, ahead: Default::default() }
    }

    /// Returns a picture of `digit` that was not shown before, [height, width, channels].
    pub fn next(&mut self, digit: u8) -> Result<Vec<u8>> {
        let digit = usize::from(digit);
        if self.ahead[digit].is_empty() {
            self.draw_ahead()?;
        }
        self.ahead[digit].pop().context("pictures of each digit were drawn")
    }

    /// Draws the missing pictures of every digit, each from a latent of its own.
    fn draw_ahead(&mut self) -> Result<()> {
        let missing = |digit: u8| AHEAD.saturating_sub(self.ahead[usize::from(digit)].len());
        let labels: Vec<u8> = (0..10).flat_map(|digit| iter::repeat_n(digit, missing(digit))).collect();
        let range = self.drawn..self.drawn + labels.len() as u64;
        self.drawn = range.end;
        let images = to_bytes(&self.generator.draw(&self.latents.latents(range), &labels)?);
        for (image, label) in images.chunks_exact(self.generator.card().shape.size()).zip(labels) {
            self.ahead[usize::from(label)].push(image.to_vec());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use duel_tests::generator;

    use super::*;

    #[test]
    fn no_more_pictures_are_kept_than_needed_however_rare_a_digit() {
        let generator = Generator::load(&generator::onnx()).expect("a generator");
        let mut source = DigitSource::new(&generator, 1);
        for _ in 0..50 {
            source.next(1).expect("a digit");
        }
        assert!(source.ahead.iter().all(|images| images.len() <= AHEAD));
    }
}
