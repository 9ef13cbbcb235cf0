//! The figure of a toy distribution at one step: figure 1 of Goodfellow et al. 2014.

use std::{io, path::Path};

use serde::{Deserialize, Serialize};

use super::{files, history::showable};
use crate::data::laws::{ARROWS, AXIS, Bell, DRAWN, PIECES, middles};

/// A duel over a [`Bell`] at one step: `samples/NNNNNNNN.json`, all that it takes to draw figure 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Portrait {
    /// Steps done.
    pub step: u64,
    /// Places on the axis, rising, at even distances.
    pub x: Vec<f32>,
    /// The data's density there.
    pub data: Vec<f32>,
    /// The generator's.
    pub generator: Vec<f32>,
    /// D(x) there.
    pub discriminator: Vec<f32>,
    /// Latents z, and the x = G(z) that each becomes.
    pub arrows: Vec<[f32; 2]>,
    /// The total variation distance of the two densities, 0 for the same to 1.
    pub distance: f64,
}

impl Portrait {
    /// What the generator made of [`latents`], [`DRAWN`] numbers, and the discriminator's opinion of [`middles`], beside the data.
    pub fn new(step: u64, bell: Bell, latents: &[f32], drawn: &[f32], opinion: Vec<f32>) -> Self {
        let [from, to] = AXIS;
        let wide = (to - from) / PIECES as f64;
        let mut counts = [0u32; PIECES];
        for x in drawn {
            // What is beyond the axis, or no number, counts for the distance alone.
            let place = (f64::from(*x) - from) / wide;
            if (0.0..PIECES as f64).contains(&place) {
                counts[place as usize] += 1;
            }
        }
        let share = 1.0 / (DRAWN as f64 * wide);
        let generator: Vec<f64> = counts.iter().map(|&count| f64::from(count) * share).collect();
        // Simpson's rule over each piece.
        let data: Vec<f64> = (0..PIECES)
            .map(|piece| {
                let [left, middle, right] = [0.0, 0.5, 1.0].map(|at| bell.density(from + wide * (piece as f64 + at)));
                (left + 4.0 * middle + right) / 6.0
            })
            .collect();
        let beyond = |density: &[f64]| 1.0 - density.iter().sum::<f64>() * wide;
        let apart: f64 = data.iter().zip(&generator).map(|(p, q)| (p - q).abs() * wide).sum();
        let every = DRAWN / ARROWS;
        Self {
            step,
            x: middles(),
            distance: 0.5 * (apart + (beyond(&data) - beyond(&generator)).abs()),
            data: data.into_iter().map(|p| p as f32).collect(),
            generator: generator.into_iter().map(|q| q as f32).collect(),
            discriminator: opinion,
            arrows: (0..ARROWS).map(|arrow| arrow * every + every / 2).map(|at| [latents[at], drawn[at]]).collect(),
        }
    }

    /// How far D(x) is from one half, at most, where 99 % of the data lie.
    pub fn doubt(&self) -> f64 {
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

    /// Reads a portrait; its lengths and numbers are checked.
    pub fn read(path: &Path) -> io::Result<Self> {
        const BYTES_MAX: u64 = 1 << 16;
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        // serde_json repeats what it did not expect.
        let portrait: Result<Self, _> = serde_json::from_slice(&files::read_small(path, BYTES_MAX)?);
        let portrait = portrait.map_err(|error| wrong(&showable(&error.to_string())))?;
        let Self { x, data, generator, discriminator, arrows, .. } = &portrait;
        let lists = [x, data, generator, discriminator];
        if x.len() < 2 || lists.iter().any(|list| list.len() != x.len()) {
            return Err(wrong("expected as many densities and D(x) as places"));
        }
        if !lists.into_iter().flatten().chain(arrows.iter().flatten()).all(|value| value.is_finite()) {
            return Err(wrong("expected finite numbers"));
        }
        Ok(portrait)
    }

    /// Its bytes, as [`read`](Self::read) takes them.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers are JSON")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::laws::latents;
    use duel_models::{LatentLaw, random::Stream};

    #[test]
    fn a_law_is_what_it_draws() {
        for name in ["bell", "bell-two"] {
            let bell = Bell::of(name).expect("a law");
            let drawn = bell.draw(Stream::new(1, "test"), DRAWN);
            let same = Portrait::new(0, bell, &drawn, &drawn, vec![0.5; PIECES]);
            assert!(same.distance < 0.04, "{name}: {}", same.distance);
            assert_eq!(same.doubt(), 0.0);
            let other = Portrait::new(0, bell, &drawn, &vec![9.0; DRAWN], vec![0.5; PIECES]);
            assert!((other.distance - 1.0).abs() < 1e-3, "{}", other.distance);
        }
        assert_eq!(Bell::of("mnist"), None);
    }

    #[test]
    fn even_latents_are_their_law() {
        let bell = Bell::standard();
        let normal = latents(LatentLaw::Normal);
        assert!(Portrait::new(0, bell, &normal, &normal, middles()).distance < 0.002);
    }

    #[test]
    fn a_portrait_survives_the_round_trip_and_a_wrong_one_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("portrait.json");
        let bell = Bell::of("bell").expect("a law");
        let uniform = latents(LatentLaw::Uniform);
        let portrait = Portrait::new(7, bell, &uniform, &uniform, vec![0.25; PIECES]);
        fs::write(&file, portrait.to_json()).expect("space");
        assert_eq!(Portrait::read(&file).expect("a portrait"), portrait);
        assert!((portrait.doubt() - 0.25).abs() < 1e-6);
        for wrong in [
            Portrait { x: vec![0.0], ..portrait.clone() },
            Portrait { data: vec![], ..portrait.clone() },
            Portrait { arrows: vec![[f32::NAN, 0.0]], ..portrait },
        ] {
            fs::write(&file, wrong.to_json()).expect("space");
            assert!(Portrait::read(&file).is_err());
        }
        // Found by tests/fuzz.
        fs::write(&file, "{\"\u{7f}\":1}").expect("space");
        let error = Portrait::read(&file).expect_err("an unknown field").to_string();
        assert!(!error.chars().any(char::is_control), "{error:?}");
    }
}
