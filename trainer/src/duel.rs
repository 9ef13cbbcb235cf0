//! The duel: one step of the discriminator, one of the generator, and the loop around them; algorithm 1 of Goodfellow
//! et al. 2014.

use std::{sync::Arc, time::Instant};

use candle_core::{Device, Result, Tensor};
use duel_models::{LatentLaw, Latents, PIXELS, random::Stream};
use rayon::prelude::*;

use crate::{
    dataset::{Batches, Dataset},
    losses,
    networks::{self, Mode, Network},
    optimiser::Adam,
    recipe::Recipe,
    run::record::Metrics,
};

/// One side of the duel: a network and what moves it.
#[derive(Debug)]
pub struct Duellist {
    /// The network.
    pub network: Arc<Network>,
    /// Its optimiser.
    pub adam: Adam,
}

impl Duellist {
    /// Learns from a loss; the norm of the gradient, if it is asked for, else NaN.
    fn learn(&mut self, loss: &Tensor, measured: bool) -> Result<f64> {
        let gradient = self.network.take_gradient(&mut loss.backward()?)?;
        // Between backward and the optimiser's step each gradient passes here, one flat tensor: the place of an all-reduce.
        let norm = if measured { gradient.sqr()?.sum_all()?.to_scalar::<f32>()?.sqrt().into() } else { f64::NAN };
        self.adam.step(&self.network.parameters, &gradient)?;
        Ok(norm)
    }
}

/// Everything that training changes, and what it learns from.
#[derive(Debug)]
pub struct Duel {
    /// The experiment.
    pub recipe: Recipe,
    /// The network that draws.
    pub generator: Duellist,
    /// The network that tells drawn from real.
    pub discriminator: Duellist,
    /// Steps done.
    pub step: u64,
    /// Batches of real images that the discriminator has seen.
    pub batches_seen: u64,
    /// Seconds of training.
    pub seconds: f64,
    data: Dataset,
    batches: Batches,
    device: Device,
    /// Images and seconds at the last measured step.
    measured_at: (u64, f64),
}

/// What one update of the discriminator showed.
struct Judgement {
    d_loss: [f64; 2],
    value: f64,
    d_real: Spread,
    d_fake: Spread,
    gradient: f64,
}

/// How the discriminator's probabilities lie over a batch.
#[derive(Clone, Copy)]
struct Spread {
    mean: f64,
    /// Images in each tenth of 0 to 1.
    tenths: [u32; 10],
}

impl Spread {
    const NONE: Self = Self { mean: f64::NAN, tenths: [0; 10] };

    fn of(probabilities: &Tensor) -> Result<Self> {
        let all = probabilities.flatten_all()?.to_vec1::<f32>()?;
        let mut tenths = [0; 10];
        for p in all.iter().filter(|p| !p.is_nan()) {
            tenths[((p * 10.0) as usize).min(9)] += 1;
        }
        let sum: f64 = all.iter().copied().map(f64::from).sum();
        Ok(Self { mean: sum / all.len() as f64, tenths })
    }
}

/// What one update of the generator showed.
struct Drawing {
    g_loss: f64,
    gradient: f64,
}

impl Duel {
    /// Both networks before their first step. `data` is that of [`Dataset::of`]; a duel that only draws needs none.
    pub fn new(recipe: Recipe, data: Dataset, device: Device) -> Result<Self> {
        let seed = recipe.training.seed;
        let (g, d) = (&recipe.generator, &recipe.discriminator);
        let generator = networks::generator(g, seed, &device)?;
        let discriminator = networks::discriminator(d, seed, &device)?;
        Ok(Self {
            generator: Duellist {
                adam: Adam::new(&generator, g.learning_rate, [g.beta1, g.beta2], g.epsilon)?,
                network: Arc::new(generator),
            },
            discriminator: Duellist {
                adam: Adam::new(&discriminator, d.learning_rate, [d.beta1, d.beta2], d.epsilon)?,
                network: Arc::new(discriminator),
            },
            batches: Batches::new(seed, data.len(), recipe.training.batch),
            step: 0,
            batches_seen: 0,
            seconds: 0.0,
            measured_at: (0, 0.0),
            recipe,
            data,
            device,
        })
    }

    /// One step: k updates of the discriminator, then k of the generator. With `measured`, what it showed.
    ///
    /// Only a measured step waits for the device.
    pub fn advance(&mut self, measured: bool) -> Result<Option<Metrics>> {
        let began = Instant::now();
        let mut judgement = None;
        let mut drawing = None;
        for update in 0..self.recipe.training.k_discriminator {
            let (real, z) = (self.real_batch()?, self.latents("discriminator", update)?);
            judgement = self.discriminator_step(&real, &z, measured)?;
        }
        for update in 0..self.recipe.training.k_generator {
            let z = self.latents("generator", update)?;
            drawing = self.generator_step(&z, measured)?;
        }
        self.step += 1;
        self.seconds += began.elapsed().as_secs_f64();
        Ok(measured.then(|| self.metrics(judgement, drawing)))
    }

    /// Ascends the discriminator on a batch of real images, [batch, 784], and one drawn of `z`, [batch, latent].
    fn discriminator_step(&mut self, real: &Tensor, z: &Tensor, measured: bool) -> Result<Option<Judgement>> {
        let batch = real.dim(0)?;
        let fake = self.generator.network.forward(z, Mode::Frozen)?;
        // One pass over both: the discriminator has no batch norm, so it judges each image alone.
        let logits = self.discriminator.network.forward(&Tensor::cat(&[real, &fake], 0)?, Mode::Train)?;
        let (real, fake) = (logits.narrow(0, 0, batch)?, logits.narrow(0, batch, batch)?);
        let [real_loss, fake_loss] = losses::discriminator(&real, &fake)?;
        let loss = ((&real_loss + &fake_loss)? * 0.5)?;
        let gradient = self.discriminator.learn(&loss, measured)?;
        if !measured {
            return Ok(None);
        }
        let d_loss = [scalar(&real_loss)?, scalar(&fake_loss)?];
        Ok(Some(Judgement {
            d_loss,
            value: -d_loss[0] - d_loss[1],
            d_real: Spread::of(&networks::probability(&real)?)?,
            d_fake: Spread::of(&networks::probability(&fake)?)?,
            gradient,
        }))
    }

    /// Descends the generator on a batch drawn of `z`, [batch, latent], through a discriminator that stands still.
    fn generator_step(&mut self, z: &Tensor, measured: bool) -> Result<Option<Drawing>> {
        let fake = self.generator.network.forward(z, Mode::Train)?;
        let logits = self.discriminator.network.forward(&fake, Mode::Frozen)?;
        let loss = losses::generator(self.recipe.training.loss, &logits)?;
        let gradient = self.generator.learn(&loss, measured)?;
        if !measured {
            return Ok(None);
        }
        Ok(Some(Drawing { g_loss: scalar(&loss)?, gradient }))
    }

    fn real_batch(&mut self) -> Result<Tensor> {
        let images = self.batches.images(self.batches_seen, &self.data);
        self.batches_seen += 1;
        Tensor::from_vec(images, (self.recipe.training.batch, PIXELS), &self.device)
    }

    /// The latents of one update, [batch, latent]: made of the seed and the step alone, so that a resumed run draws the same.
    fn latents(&self, side: &str, update: usize) -> Result<Tensor> {
        let recipe = &self.recipe;
        let (rows, size) = (recipe.training.batch, recipe.generator.latent);
        let law = LatentLaw::from(recipe.generator.latent_law);
        let stream = Stream::new(recipe.training.seed, side).item(self.step).item(update as u64);
        let mut values = vec![0.0; rows * size];
        values.par_chunks_mut(size).enumerate().for_each(|(row, values)| {
            let mut stream = stream.item(row as u64);
            values.fill_with(|| law.draw(&mut stream));
        });
        Tensor::from_vec(values, (rows, size), &self.device)
    }

    /// The images that the generator makes of samples `0..count` of `seed`, [count, 784] in [-1, 1].
    pub fn samples(&self, seed: u64, count: usize) -> Result<Vec<f32>> {
        let generator = &self.recipe.generator;
        let latents = Latents::of(seed, generator.latent_law.into(), generator.latent, 0);
        let latents = Tensor::from_vec(latents.latents(0..count as u64), (count, generator.latent), &self.device)?;
        self.generator.network.forward(&latents, Mode::Evaluate)?.flatten_all()?.to_vec1()
    }

    /// Changes a key of the recipe while training goes on: a learning rate or a k. Says why not, if it cannot be.
    pub fn change(&mut self, key: &str, value: &str) -> std::result::Result<(), String> {
        const KEYS: [&str; 4] = [
            "generator.learning_rate",
            "discriminator.learning_rate",
            "training.k_generator",
            "training.k_discriminator",
        ];
        if !KEYS.contains(&key) {
            return Err(format!("only {} change while training", KEYS.join(", ")));
        }
        let recipe = self.recipe.clone().with(&[format!("{key}={value}")]).map_err(|error| error.to_string())?;
        self.generator.adam.learning_rate = recipe.generator.learning_rate;
        self.discriminator.adam.learning_rate = recipe.discriminator.learning_rate;
        self.recipe = recipe;
        Ok(())
    }

    /// Additions and multiplications of one step's matrix products, for each image of its batch.
    pub fn operations_per_image(&self) -> usize {
        let [g, d] = [&self.generator, &self.discriminator].map(|side| side.network.multiplications());
        let [first_g, first_d] =
            [&self.generator, &self.discriminator].map(|side| side.network.layers[0].multiplications());
        // Draw; judge real and drawn; the gradients of weights, and of what they were given, but not of an image.
        let discriminator = g + 2 * d + 2 * d + 2 * (d - first_d);
        // Draw; judge; back through the discriminator; the gradients of weights and of what they were given, but not of latents.
        let generator = g + d + d + g + (g - first_g);
        let training = &self.recipe.training;
        2 * (training.k_discriminator * discriminator + training.k_generator * generator)
    }

    /// Where it trains.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Where it trains: `cpu`, `cuda` or `metal`.
    pub fn device_name(&self) -> &'static str {
        match self.device {
            Device::Cpu => "cpu",
            Device::Cuda(_) => "cuda",
            Device::Metal(_) => "metal",
        }
    }

    fn metrics(&mut self, judgement: Option<Judgement>, drawing: Option<Drawing>) -> Metrics {
        let nothing = [f64::NAN; 2];
        let d_loss = judgement.as_ref().map_or(nothing, |judgement| judgement.d_loss);
        let [d_real, d_fake] =
            judgement.as_ref().map_or([Spread::NONE; 2], |judgement| [judgement.d_real, judgement.d_fake]);
        let of = |field: fn(&Judgement) -> f64| judgement.as_ref().map_or(f64::NAN, field);
        let images = self.batches_seen * self.recipe.training.batch as u64;
        let since = std::mem::replace(&mut self.measured_at, (images, self.seconds));
        Metrics {
            step: self.step,
            images,
            seconds: self.seconds,
            d_loss: 0.5 * (d_loss[0] + d_loss[1]),
            d_loss_real: d_loss[0],
            d_loss_fake: d_loss[1],
            g_loss: drawing.as_ref().map_or(f64::NAN, |drawing| drawing.g_loss),
            value: of(|judgement| judgement.value),
            d_real: d_real.mean,
            d_fake: d_fake.mean,
            d_real_tenths: d_real.tenths,
            d_fake_tenths: d_fake.tenths,
            d_gradient: of(|judgement| judgement.gradient),
            g_gradient: drawing.as_ref().map_or(f64::NAN, |drawing| drawing.gradient),
            d_learning_rate: self.discriminator.adam.learning_rate,
            g_learning_rate: self.generator.adam.learning_rate,
            images_per_second: (images - since.0) as f64 / (self.seconds - since.1),
        }
    }
}

fn scalar(tensor: &Tensor) -> Result<f64> {
    Ok(tensor.to_scalar::<f32>()?.into())
}

#[cfg(test)]
#[path = "duel_oracle.rs"]
mod oracle;
