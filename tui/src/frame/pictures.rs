//! Pictures of a walk through latent space.

use anyhow::Result;
use duel_runtime::{Card, Generator, Inputs, picture::to_bytes};

use super::state::Moment;
use crate::generators::interpolation::between;

/// A source of pictures: picture i has the latent of sample i of a seed.
#[derive(Debug)]
pub struct Pictures {
    generator: Generator,
    seed: u64,
    /// The classes, which the pictures take in turn; empty if the seed chooses them.
    classes: Vec<u8>,
}

impl Pictures {
    /// Makes a source of the samples of `seed`.
    pub fn new(generator: Generator, seed: u64, classes: Vec<u8>) -> Self {
        Self { generator, seed, classes }
    }

    /// The description of the generator.
    pub fn card(&self) -> &Card {
        self.generator.card()
    }

    /// Draws the picture of a moment, [height, width, channels]. There is no class between two classes: on the way, the
    /// picture of one fades into that of the other.
    pub fn draw(&self, moment: Moment) -> Result<Vec<u8>> {
        let Moment { picture, t } = moment;
        let card = self.card();
        let Inputs { latents, labels } = Inputs::new(card, self.seed, picture..picture + 2, &self.classes);
        let (from, to) = latents.split_at(card.latent);
        let latent = between(card.latent_law, from, to, t);
        let values = match labels[..] {
            [before, after] if before != after && t > 0.0 => {
                let both = self.generator.draw(&[&latent[..], &latent].concat(), &[before, after])?;
                let (before, after) = both.split_at(card.shape.size());
                before.iter().zip(after).map(|(a, b)| (1.0 - t) * a + t * b).collect()
            }
            [before, ..] => self.generator.draw(&latent, &[before])?,
            [] => self.generator.draw(&latent, &[])?,
        };
        Ok(to_bytes(&values))
    }
}

#[cfg(test)]
mod tests {
    use duel_tests::generator;

    use super::*;

    fn pictures(classes: &[u8]) -> Pictures {
        Pictures::new(Generator::load(&generator::colour()).expect("a generator"), 7, classes.to_vec())
    }

    #[test]
    fn a_walk_leads_from_sample_to_sample() {
        let pictures = pictures(&[1]);
        let inputs = Inputs::new(pictures.card(), 7, 0..3, &[1]);
        let samples = to_bytes(&pictures.generator.draw(&inputs.latents, &inputs.labels).expect("samples"));
        let samples: Vec<&[u8]> = samples.chunks_exact(pictures.card().shape.size()).collect();
        let draw = |picture, t| pictures.draw(Moment { picture, t }).expect("a picture");
        assert_eq!([draw(0, 0.0), draw(1, 0.0), draw(1, 1.0)], [samples[0], samples[1], samples[2]]);
        let middle = draw(0, 0.5);
        assert!(middle != samples[0] && middle != samples[1]);
    }

    #[test]
    fn classes_take_turns_and_fade_into_each_other() {
        let pictures = pictures(&[0, 2]);
        let draw = |picture, t| pictures.draw(Moment { picture, t }).expect("a picture");
        let shape = pictures.card().shape;
        let centre = |picture: &Vec<u8>| {
            let at = (shape.height / 2 * shape.width + shape.width / 2) * 3;
            [picture[at], picture[at + 2]]
        };
        // The generator draws red and sky blue discs.
        let (red, blue, middle) = (draw(0, 0.0), draw(1, 0.0), draw(0, 0.5));
        assert!(centre(&red)[0] > 150 && centre(&red)[1] < 100, "{:?}", centre(&red));
        assert!(centre(&blue)[0] < 150 && centre(&blue)[1] > 200, "{:?}", centre(&blue));
        for (at, level) in centre(&middle).into_iter().enumerate() {
            let (low, high) = (centre(&red)[at].min(centre(&blue)[at]), centre(&red)[at].max(centre(&blue)[at]));
            assert!((low + 10..high - 10).contains(&level), "{low} {level} {high}");
        }
    }
}
