//! Sampling: the generator's pictures and the discriminator's logits while neither learns.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use duel_models::{Latents, picture};

use super::{
    batch::{logits, one_hot},
    duel::{Duel, RealData},
};
use crate::{
    data::{DataSet, Images, toy},
    networks::{self, Mode, Network},
    run::density::Densities,
};

/// The most pictures in a forward pass outside training: with all pictures of an evaluation in one pass, the
/// activations of the recipe `digits` would take a gigabyte.
const BATCH: usize = 500;

impl Duel {
    /// The network that draws samples, is evaluated and exported: the EMA of the generator, or the generator itself if
    /// the recipe has no EMA. The recipe's truncation is multiplied into the weights of the latent, so that the network
    /// takes ordinary latents.
    pub fn sampler(&self) -> Result<Arc<Network>> {
        let network = self.ema.as_ref().unwrap_or(&self.generator.network);
        let generator = &self.recipe.generator;
        if generator.truncation == 1.0 {
            return Ok(Arc::clone(network));
        }
        let sampler = network.fork()?;
        // The first layer is dense, its weight [latent + classes, outputs].
        let first = &sampler.layers[0];
        let weights = generator.latent * first.size;
        let scaled = (sampler.parameters.narrow(0, first.span().start, weights)? * generator.truncation)?;
        let parameters = sampler.parameters.slice_scatter(&scaled, 0, first.span().start)?;
        sampler.parameters.set(&parameters)?;
        Ok(Arc::new(sampler))
    }

    /// Draws samples `0..count` of `seed`, with the classes in turn as labels; without labels if the networks take
    /// none.
    pub fn sample(&self, seed: u64, count: usize) -> Result<Images> {
        let generator = &self.recipe.generator;
        let classes = self.recipe.classes();
        let latents = Latents::from_parts(seed, generator.latent_law, generator.latent, classes);
        let mut labels: Vec<u8> = (0..count).map(|index| (index % classes.max(1)) as u8).collect();
        let sampler = self.sampler()?;
        let mut values = Vec::with_capacity(count * self.example_size());
        for first in (0..count).step_by(BATCH) {
            let range = first..count.min(first + BATCH);
            let input = self.generator_input(&latents.latents(range.start as u64..range.end as u64), &labels[range])?;
            values.extend(sampler.forward(&input, Mode::Evaluate)?.flatten_all()?.to_vec1::<f32>()?);
        }
        if classes == 0 {
            labels.clear();
        }
        Ok(Images { size: self.example_size(), values, labels })
    }

    /// The densities of data and generator, and D(x), if the data are a toy distribution.
    pub fn densities(&self) -> Result<Option<Densities>> {
        let RealData::Toy(mixture) = self.real_data else { return Ok(None) };
        let latents = toy::even_latents(self.recipe.generator.latent_law);
        let column = |values: &[f32]| Tensor::from_slice(values, (values.len(), 1), &self.device);
        let floats = |tensor: Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        let generated = floats(self.sampler()?.forward(&column(&latents)?, Mode::Evaluate)?)?;
        let output = self.discriminator.network.forward(&column(&toy::bin_middles())?, Mode::Evaluate)?;
        let discriminator = floats(networks::probability(&output)?)?;
        Ok(Some(Densities::new(self.step, mixture, &latents, &generated, discriminator)))
    }

    /// The discriminator's logits for `count` pictures of `data`, [N]. The pictures are taken at equal distances, because
    /// data may be sorted by class.
    pub(crate) fn logits_of_some(&self, data: &DataSet, count: usize) -> Result<Vec<f32>> {
        let count = count.min(data.len());
        let chosen = || (0..count).map(|index| index * data.len() / count);
        let values: Vec<f32> = chosen().flat_map(|index| picture::from_bytes(data.image(index))).collect();
        let labels: Vec<u8> = chosen().map(|index| data.label(index)).collect();
        self.logits(&values, &labels)
    }

    /// The discriminator's logits, [N], for pictures, [N, example] in [-1, 1], and their labels, [N]; networks without
    /// labels ignore them.
    pub(crate) fn logits(&self, images: &[f32], labels: &[u8]) -> Result<Vec<f32>> {
        let size = self.example_size();
        let mut found = Vec::new();
        for (index, images) in images.chunks(BATCH * size).enumerate() {
            let count = images.len() / size;
            let labels = labels.get(index * BATCH..index * BATCH + count).unwrap_or_default();
            let labels = one_hot(labels, self.recipe.classes(), &self.device)?;
            let images = Tensor::from_slice(images, (count, size), &self.device)?;
            let output = self.discriminator.network.forward(&images, Mode::Evaluate)?;
            found.extend(logits(&output, labels.as_ref())?.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(found)
    }

    /// The generator's input, [N, latent + classes], for latents, [N, latent], and labels, [N]; networks without labels
    /// ignore them.
    pub(crate) fn generator_input(&self, latents: &[f32], labels: &[u8]) -> Result<Tensor> {
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
    use crate::{data::mnist::SHAPE, recipe::Recipe};

    #[test]
    fn samples_do_not_depend_on_the_number_of_passes() {
        let settings = [
            "data.classes=10",
            "generator.hidden=[8]",
            "generator.latent=4",
            "training.batch=2",
            "training.conditional=true",
        ];
        let recipe = Recipe::default().with(&settings.map(str::to_owned)).expect("good settings");
        let recipe = recipe.for_shape(SHAPE).expect("the shape of digits");
        let duel = Duel::new(recipe, None, Device::Cpu).expect("small networks");
        let count = 2 * BATCH + 3;
        let samples = duel.sample(1, count).expect("memory");
        let latents = Latents::from_parts(1, duel.recipe.generator.latent_law, 4, 10).latents(0..count as u64);
        let input = duel.generator_input(&latents, &samples.labels).expect("memory");
        let whole = duel.sampler().and_then(|sampler| sampler.forward(&input, Mode::Evaluate)).expect("memory");
        assert_eq!(samples.values, whole.flatten_all().and_then(|values| values.to_vec1::<f32>()).expect("floats"));
    }
}
