//! Seed to latents and labels. Sample `index` of a seed is the same whatever else is drawn, in any order, on any CPU.

use crate::{Card, LatentLaw, random::Stream};

/// The latents and labels that one seed draws for one generator.
#[derive(Debug, Clone, Copy)]
pub struct Latents {
    latents: Stream,
    labels: Stream,
    law: LatentLaw,
    size: usize,
    classes: usize,
}

impl Latents {
    /// Those of `seed` for a generator of that card.
    pub fn new(seed: u64, card: &Card) -> Self {
        Self::of(seed, card.latent_law, card.latent, card.classes)
    }

    /// Those of `seed` for latents of `size` values of `law`, and labels in 0..`classes` (0: no labels).
    pub fn of(seed: u64, law: LatentLaw, size: usize, classes: usize) -> Self {
        Self { latents: Stream::new(seed, "latents"), labels: Stream::new(seed, "labels"), law, size, classes }
    }

    /// Values a latent has.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Writes the latent of sample `index` into `out`, which holds [`size`](Self::size) values.
    pub fn latent(&self, index: u64, out: &mut [f32]) {
        assert_eq!(out.len(), self.size, "a latent of this card has {} values", self.size);
        let mut stream = self.latents.item(index);
        for value in out {
            *value = self.law.draw(&mut stream);
        }
    }

    /// The latents of samples `range`, [N, size].
    pub fn latents(&self, range: std::ops::Range<u64>) -> Vec<f32> {
        let mut values = vec![0.0; range.clone().count() * self.size];
        for (index, latent) in range.zip(values.chunks_exact_mut(self.size)) {
            self.latent(index, latent);
        }
        values
    }

    /// The label of sample `index`, in 0..classes; none for a generator without classes.
    pub fn label(&self, index: u64) -> Option<u8> {
        (self.classes > 0).then(|| self.labels.item(index).below(self.classes) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FNV-1a over the bits of the first 1,000 latents of 100 values.
    fn hash(law: LatentLaw) -> u64 {
        let latents = Latents::of(2014, law, 100, 10);
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
    fn the_same_bits_on_every_cpu() {
        // Recorded on x86-64; a machine that finds others would draw other digits from a seed.
        assert_eq!(
            [hash(LatentLaw::Normal), hash(LatentLaw::Uniform)],
            [9_389_908_699_211_108_827, 18_092_099_610_023_217_866]
        );
    }

    #[test]
    fn labels_cover_the_classes_evenly() {
        let latents = Latents::of(1, LatentLaw::Normal, 1, 10);
        let mut counts = [0; 10];
        for index in 0..10_000 {
            counts[usize::from(latents.label(index).expect("ten classes"))] += 1;
        }
        // Five standard deviations of a binomial count of mean 1,000.
        assert!(counts.iter().all(|count| (850..=1150).contains(count)), "{counts:?}");
        assert_eq!(Latents::of(1, LatentLaw::Normal, 1, 0).label(0), None);
    }
}
