//! The densities of a toy distribution and of its generator at one step, as in figure 1 of Goodfellow et al. 2014.

use std::{io, path::Path};

use duel_models::{files, text::showable};
use serde::{Deserialize, Serialize};

use crate::data::toy::{ARROWS, AXIS, BINS, LATENTS, Mixture, bin_middles};

/// The densities of data and generator and D(x) at one step: the content of `samples/NNNNNNNN.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Densities {
    /// The number of steps done.
    pub step: u64,
    /// Evenly spaced points on the axis, rising.
    pub x: Vec<f32>,
    /// The density of the data at each point.
    pub data: Vec<f32>,
    /// The density of the generator at each point.
    pub generator: Vec<f32>,
    /// D(x) at each point.
    pub discriminator: Vec<f32>,
    /// Pairs of a latent z and x = G(z).
    pub arrows: Vec<[f32; 2]>,
    /// The total variation distance between the densities, 0 (equal) to 1.
    pub distance: f64,
}

impl Densities {
    /// Compares `generated`, the outputs of the generator for [`LATENTS`] latents, with the data. `discriminator` is
    /// D(x) at [`bin_middles`].
    pub fn new(step: u64, data: Mixture, latents: &[f32], generated: &[f32], discriminator: Vec<f32>) -> Self {
        let [from, to] = AXIS;
        let width = (to - from) / BINS as f64;
        let mut counts = [0u32; BINS];
        for x in generated {
            // A value outside of the axis, or NaN, counts only in the distance.
            let place = (f64::from(*x) - from) / width;
            if (0.0..BINS as f64).contains(&place) {
                counts[place as usize] += 1;
            }
        }
        let share = 1.0 / (LATENTS as f64 * width);
        let generator: Vec<f64> = counts.iter().map(|&count| f64::from(count) * share).collect();
        // Simpson's rule over each bin.
        let data: Vec<f64> = (0..BINS)
            .map(|bin| {
                let [left, middle, right] = [0.0, 0.5, 1.0].map(|at| data.density(from + width * (bin as f64 + at)));
                (left + 4.0 * middle + right) / 6.0
            })
            .collect();
        let beyond = |density: &[f64]| 1.0 - density.iter().sum::<f64>() * width;
        let apart: f64 = data.iter().zip(&generator).map(|(p, q)| (p - q).abs() * width).sum();
        let every = LATENTS / ARROWS;
        Self {
            step,
            x: bin_middles(),
            distance: 0.5 * (apart + (beyond(&data) - beyond(&generator)).abs()),
            data: data.into_iter().map(|p| p as f32).collect(),
            generator: generator.into_iter().map(|q| q as f32).collect(),
            discriminator,
            arrows: (0..ARROWS).map(|arrow| arrow * every + every / 2).map(|at| [latents[at], generated[at]]).collect(),
        }
    }

    /// Returns the largest |D(x) - 1/2| over the points where 99 % of the data lie.
    pub fn largest_advantage(&self) -> f64 {
        let mut order: Vec<usize> = (0..self.x.len()).collect();
        order.sort_by(|&a, &b| self.data[b].total_cmp(&self.data[a]));
        let all: f32 = self.data.iter().sum();
        let mut seen = 0.0;
        let mut worst = 0.0f64;
        for place in order {
            if seen > 0.99 * all {
                break;
            }
            seen += self.data[place];
            worst = worst.max((f64::from(self.discriminator[place]) - 0.5).abs());
        }
        worst
    }

    /// Reads a file. An error if lists differ in length or values are not finite.
    pub fn read(path: &Path) -> io::Result<Self> {
        const BYTES_MAX: u64 = 1 << 16;
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        // A message of serde_json may contain control characters of the file.
        let densities: Result<Self, _> = serde_json::from_slice(&files::read_small(path, BYTES_MAX)?);
        let densities = densities.map_err(|error| wrong(&showable(&error.to_string())))?;
        let Self { x, data, generator, discriminator, arrows, .. } = &densities;
        let lists = [x, data, generator, discriminator];
        if x.len() < 2 || lists.iter().any(|list| list.len() != x.len()) {
            return Err(wrong("expected lists x, data, generator and discriminator of equal length, at least 2"));
        }
        if !lists.into_iter().flatten().chain(arrows.iter().flatten()).all(|value| value.is_finite()) {
            return Err(wrong("expected finite numbers"));
        }
        Ok(densities)
    }

    /// Returns the bytes of the file.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers are JSON")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{data::toy::even_latents, recipe::Toy};
    use duel_models::{LatentLaw, random::Stream};

    #[test]
    fn samples_of_a_toy_distribution_have_its_density() {
        for toy in [Toy::Bell, Toy::BellTwo] {
            let bell = Mixture::from(toy);
            let drawn = bell.draw(Stream::new(1, "test"), LATENTS);
            let same = Densities::new(0, bell, &drawn, &drawn, vec![0.5; BINS]);
            assert!(same.distance < 0.04, "{toy:?}: {}", same.distance);
            assert_eq!(same.largest_advantage(), 0.0);
            let other = Densities::new(0, bell, &drawn, &vec![9.0; LATENTS], vec![0.5; BINS]);
            assert!((other.distance - 1.0).abs() < 1e-3, "{}", other.distance);
        }
    }

    #[test]
    fn evenly_spaced_latents_have_the_normal_density() {
        let bell = Mixture::standard_normal();
        let normal = even_latents(LatentLaw::Normal);
        assert!(Densities::new(0, bell, &normal, &normal, bin_middles()).distance < 0.002);
    }

    #[test]
    fn densities_are_read_as_written_and_invalid_ones_are_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("densities.json");
        let bell = Mixture::from(Toy::Bell);
        let uniform = even_latents(LatentLaw::Uniform);
        let densities = Densities::new(7, bell, &uniform, &uniform, vec![0.25; BINS]);
        fs::write(&file, densities.to_json()).expect("space");
        assert_eq!(Densities::read(&file).expect("a good file"), densities);
        assert!((densities.largest_advantage() - 0.25).abs() < 1e-6);
        for wrong in [
            Densities { x: vec![0.0], ..densities.clone() },
            Densities { data: vec![], ..densities.clone() },
            Densities { arrows: vec![[f32::NAN, 0.0]], ..densities },
        ] {
            fs::write(&file, wrong.to_json()).expect("space");
            assert!(Densities::read(&file).is_err());
        }
        // Found by tests/fuzz.
        fs::write(&file, "{\"\u{7f}\":1}").expect("space");
        let error = Densities::read(&file).expect_err("an unknown field").to_string();
        assert!(!error.chars().any(char::is_control), "{error:?}");
    }
}
