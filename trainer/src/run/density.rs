//! Both densities of a toy distribution at one step, as figure 1 of Goodfellow et al. 2014 shows them.

use std::{io, path::Path};

use duel_models::{files, text::showable};
use serde::{Deserialize, Serialize};

use crate::data::toy::{ARROWS, AXIS, BINS, LATENTS, Mixture, bin_middles};

/// The densities of data and generator, and D(x), at one step: the contents of `samples/NNNNNNNN.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Densities {
    /// Steps done.
    pub step: u64,
    /// Places on the axis, rising, evenly spaced.
    pub x: Vec<f32>,
    /// The data's density there.
    pub data: Vec<f32>,
    /// The generator's density there.
    pub generator: Vec<f32>,
    /// D(x) there.
    pub discriminator: Vec<f32>,
    /// Some latents z with their x = G(z).
    pub arrows: Vec<[f32; 2]>,
    /// The total variation distance of both densities, 0 (equal) to 1.
    pub distance: f64,
}

impl Densities {
    /// Compares `generated`, the generator's numbers for [`LATENTS`] latents, with the data. `discriminator` is D(x) at
    /// [`bin_middles`].
    pub fn new(step: u64, data: Mixture, latents: &[f32], generated: &[f32], discriminator: Vec<f32>) -> Self {
        let [from, to] = AXIS;
        let wide = (to - from) / BINS as f64;
        let mut counts = [0u32; BINS];
        for x in generated {
            // A number beyond the axis, or NaN, counts for the distance alone.
            let place = (f64::from(*x) - from) / wide;
            if (0.0..BINS as f64).contains(&place) {
                counts[place as usize] += 1;
            }
        }
        let share = 1.0 / (LATENTS as f64 * wide);
        let generator: Vec<f64> = counts.iter().map(|&count| f64::from(count) * share).collect();
        // Simpson's rule over each bin.
        let data: Vec<f64> = (0..BINS)
            .map(|bin| {
                let [left, middle, right] = [0.0, 0.5, 1.0].map(|at| data.density(from + wide * (bin as f64 + at)));
                (left + 4.0 * middle + right) / 6.0
            })
            .collect();
        let beyond = |density: &[f64]| 1.0 - density.iter().sum::<f64>() * wide;
        let apart: f64 = data.iter().zip(&generator).map(|(p, q)| (p - q).abs() * wide).sum();
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

    /// The largest distance of D(x) from one half where 99 % of the data lie.
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

    /// Reads a file, whose lengths and numbers are checked.
    pub fn read(path: &Path) -> io::Result<Self> {
        const BYTES_MAX: u64 = 1 << 16;
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        // An error of serde_json may repeat the file's characters.
        let densities: Result<Self, _> = serde_json::from_slice(&files::read_small(path, BYTES_MAX)?);
        let densities = densities.map_err(|error| wrong(&showable(&error.to_string())))?;
        let Self { x, data, generator, discriminator, arrows, .. } = &densities;
        let lists = [x, data, generator, discriminator];
        if x.len() < 2 || lists.iter().any(|list| list.len() != x.len()) {
            return Err(wrong("expected as many densities and D(x) as places"));
        }
        if !lists.into_iter().flatten().chain(arrows.iter().flatten()).all(|value| value.is_finite()) {
            return Err(wrong("expected finite numbers"));
        }
        Ok(densities)
    }

    /// The bytes of the file.
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
    fn a_toy_distribution_has_the_density_of_its_numbers() {
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
    fn even_latents_have_their_distribution() {
        let bell = Mixture::standard_normal();
        let normal = even_latents(LatentLaw::Normal);
        assert!(Densities::new(0, bell, &normal, &normal, bin_middles()).distance < 0.002);
    }

    #[test]
    fn densities_survive_the_round_trip_and_wrong_ones_are_refused() {
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
