//! What the networks make of latents and images while neither learns.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use duel_models::{Latents, PIXELS, pixels};

use super::{
    batch::{logits, one_hot},
    duel::Duel,
};
use crate::{
    data::{Dataset, images::Images, laws},
    networks::{self, Mode, Network},
    run::density::Portrait,
};

/// Images that go through a network at once where neither learns: of the thousands of an evaluation, what lies between the layers of `digits`
/// would take a gigabyte.
const BATCH: usize = 500;

impl Duel {
    /// The network that draws for people: the averaged generator, or the generator; with the recipe's spread in the weights that
    /// meet the latent, so that whoever runs it draws latents of the law as it is.
    pub fn artist(&self) -> Result<Arc<Network>> {
        let network = self.averaged.as_ref().unwrap_or(&self.generator.network);
        let generator = &self.recipe.generator;
        if generator.spread == 1.0 {
            return Ok(Arc::clone(network));
        }
        let artist = network.twin()?;
        // The first layer is dense, its weight [latent + classes, outputs].
        let first = &artist.layers[0];
        let weights = generator.latent * first.size;
        let spread = (artist.parameters.narrow(0, first.span().start, weights)? * generator.spread)?;
        let parameters = artist.parameters.slice_scatter(&spread, 0, first.span().start)?;
        artist.parameters.set(&parameters)?;
        Ok(Arc::new(artist))
    }

    /// The images that the artist makes of samples `0..count` of `seed`, each label in turn; without labels if it is not told them.
    pub fn drawn(&self, seed: u64, count: usize) -> Result<Images> {
        let generator = &self.recipe.generator;
        let classes = self.recipe.classes();
        let latents = Latents::of(seed, generator.latent_law.into(), generator.latent, classes);
        let mut labels: Vec<u8> = (0..count).map(|index| (index % classes.max(1)) as u8).collect();
        let artist = self.artist()?;
        let mut values = Vec::with_capacity(count * PIXELS);
        for first in (0..count).step_by(BATCH) {
            let range = first..count.min(first + BATCH);
            let inputs = self.inputs(&latents.latents(range.start as u64..range.end as u64), &labels[range])?;
            values.extend(artist.forward(&inputs, Mode::Evaluate)?.flatten_all()?.to_vec1::<f32>()?);
        }
        if classes == 0 {
            labels.clear();
        }
        Ok(Images { values, labels })
    }

    /// What the duel looks like if it is one over numbers.
    pub fn portrait(&self) -> Result<Option<Portrait>> {
        let Some(bell) = self.bell else { return Ok(None) };
        let latents = laws::latents(self.recipe.generator.latent_law.into());
        let column = |values: &[f32]| Tensor::from_slice(values, (values.len(), 1), &self.device);
        let floats = |tensor: Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        let drawn = floats(self.artist()?.forward(&column(&latents)?, Mode::Evaluate)?)?;
        let judged = self.discriminator.network.forward(&column(&laws::middles())?, Mode::Evaluate)?;
        let opinion = floats(networks::probability(&judged)?)?;
        Ok(Some(Portrait::new(self.step, bell, &latents, &drawn, opinion)))
    }

    /// The logits that the discriminator gives the first `count` images of `data`, [N].
    pub(crate) fn opinion(&self, data: &Dataset, count: usize) -> Result<Vec<f32>> {
        let count = count.min(data.len());
        let images: Vec<f32> = data.images[..count * PIXELS].iter().map(|&byte| pixels::from_byte(byte)).collect();
        self.judged(&images, &data.labels[..count])
    }

    /// The logits that the discriminator gives images, [N, 784] in [-1, 1], of labels, [N], which count only if it is told them: [N].
    pub(crate) fn judged(&self, images: &[f32], labels: &[u8]) -> Result<Vec<f32>> {
        let mut found = Vec::new();
        for (index, images) in images.chunks(BATCH * PIXELS).enumerate() {
            let count = images.len() / PIXELS;
            let labels = labels.get(index * BATCH..index * BATCH + count).unwrap_or_default();
            let labels = one_hot(labels, self.recipe.classes(), &self.device)?;
            let images = Tensor::from_slice(images, (count, PIXELS), &self.device)?;
            let judged = self.discriminator.network.forward(&images, Mode::Evaluate)?;
            found.extend(logits(&judged, labels.as_ref())?.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(found)
    }

    /// What the generator is given for latents, [N, latent], and labels, [N], which count only if it is told them:
    /// [N, latent + classes].
    pub(crate) fn inputs(&self, latents: &[f32], labels: &[u8]) -> Result<Tensor> {
        let latents = Tensor::from_slice(latents, (labels.len(), self.recipe.generator.latent), &self.device)?;
        match one_hot(labels, self.recipe.classes(), &self.device)? {
            Some(labels) => Tensor::cat(&[&latents, &labels], 1),
            None => Ok(latents),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::recipe::Recipe;

    #[test]
    fn what_is_drawn_in_batches_is_what_is_drawn_at_once() {
        let settings = ["generator.hidden=[8]", "generator.latent=4", "training.batch=2", "training.conditional=true"];
        let recipe = Recipe::default().with(&settings.map(str::to_owned)).expect("good settings");
        let data = Dataset { images: vec![0; 2 * PIXELS], labels: vec![0, 1], ..Dataset::default() };
        let duel = Duel::new(recipe, data, Device::Cpu).expect("small networks");
        let count = 2 * BATCH + 3;
        let drawn = duel.drawn(1, count).expect("memory");
        let latents = Latents::of(1, duel.recipe.generator.latent_law.into(), 4, 10).latents(0..count as u64);
        let inputs = duel.inputs(&latents, &drawn.labels).expect("memory");
        let whole = duel.artist().and_then(|artist| artist.forward(&inputs, Mode::Evaluate)).expect("memory");
        assert_eq!(drawn.values, whole.flatten_all().and_then(|values| values.to_vec1::<f32>()).expect("floats"));
    }
}
