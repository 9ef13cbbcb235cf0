//! Latents and labels from a seed. Sample `index` of a seed is the same in any batch, in any order, on any CPU.

use std::{fmt, str::FromStr};

use crate::{
    Card,
    random::{Stream, inverse_normal},
};

/// The distribution of each value of a latent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatentLaw {
    /// Normal, mean 0, variance 1.
    Normal,
    /// Uniform in (-√3, √3), also of variance 1: `Generator.get_noise` in the code of the 2014 paper,
    /// github.com/goodfeli/adversarial.
    Uniform,
}

impl LatentLaw {
    /// Draws one value.
    pub fn draw(self, stream: &mut Stream) -> f32 {
        self.quantile(stream.uniform())
    }

    /// Quantile function: the value below which a share `p`, in (0, 1), of all values lies.
    pub fn quantile(self, p: f64) -> f32 {
        match self {
            Self::Normal => inverse_normal(p) as f32,
            Self::Uniform => ((2.0 * p - 1.0) * f64::from(self.bound())) as f32,
        }
    }

    /// The largest absolute value; infinite for the normal distribution.
    pub fn bound(self) -> f32 {
        match self {
            Self::Normal => f32::INFINITY,
            Self::Uniform => 3f32.sqrt(),
        }
    }
}

impl fmt::Display for LatentLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Normal => "normal",
            Self::Uniform => "uniform",
        })
    }
}

impl FromStr for LatentLaw {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "normal" => Ok(Self::Normal),
            "uniform" => Ok(Self::Uniform),
            _ => Err("normal or uniform".to_owned()),
        }
    }
}

/// Source of the latents and labels of one seed for one generator.
#[derive(Debug, Clone, Copy)]
pub struct Latents {
    latents: Stream,
    labels: Stream,
    law: LatentLaw,
    size: usize,
    classes: usize,
}

impl Latents {
    /// The source of `seed` for the generator that `card` describes.
    pub fn new(seed: u64, card: &Card) -> Self {
        Self::from_parts(seed, card.latent_law, card.latent, card.classes)
    }

    /// The source of `seed` for latents of `size` values from `law`, and labels in 0..`classes` (0: no labels).
    pub fn from_parts(seed: u64, law: LatentLaw, size: usize, classes: usize) -> Self {
        Self { latents: Stream::new(seed, "latents"), labels: Stream::new(seed, "labels"), law, size, classes }
    }

    /// Values of one latent.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Writes the latent of sample `index` into `out`, which holds [`size`](Self::size) values.
    pub fn latent(&self, index: u64, out: &mut [f32]) {
        assert_eq!(out.len(), self.size, "a latent of this generator has {} values", self.size);
        let mut stream = self.latents.item(index);
        for value in out {
            *value = self.law.draw(&mut stream);
        }
    }

    /// Latents of the samples `range`, `[N, size]`.
    pub fn latents(&self, range: std::ops::Range<u64>) -> Vec<f32> {
        let mut values = vec![0.0; range.clone().count() * self.size];
        for (index, latent) in range.zip(values.chunks_exact_mut(self.size)) {
            self.latent(index, latent);
        }
        values
    }

    /// Label of sample `index`, in 0..classes; none for a generator without classes.
    pub fn label(&self, index: u64) -> Option<u8> {
        (self.classes > 0).then(|| self.labels.item(index).below(self.classes) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FNV-1a hash of the bits of the first 1,000 latents of 100 values.
    fn hash(law: LatentLaw) -> u64 {
        let latents = Latents::from_parts(2014, law, 100, 10);
        let mut values = [0.0; 100];
        let mut hash = 0xcbf2_9ce4_8422_2325;
        for index in 0..1000 {
            latents.latent(index, &mut values);
            for byte in values.iter().flat_map(|value| value.to_bits().to_le_bytes()) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        hash
    }

    #[test]
    fn latents_have_the_same_bits_on_every_cpu() {
        // Recorded on x86-64. A machine with other hashes would draw other pictures from the same seed.
        assert_eq!(
            [hash(LatentLaw::Normal), hash(LatentLaw::Uniform)],
            [9_389_908_699_211_108_827, 18_092_099_610_023_217_866]
        );
    }

    #[test]
    fn labels_cover_the_classes_evenly() {
        let latents = Latents::from_parts(1, LatentLaw::Normal, 1, 10);
        let mut counts = [0; 10];
        for index in 0..10_000 {
            counts[usize::from(latents.label(index).expect("ten classes"))] += 1;
        }
        // Five standard deviations of a binomial count of mean 1,000.
        assert!(counts.iter().all(|count| (850..=1150).contains(count)), "{counts:?}");
        assert_eq!(Latents::from_parts(1, LatentLaw::Normal, 1, 0).label(0), None);
    }
}
