//! The duel: one step of the discriminator, one of the generator, and the loop around them; algorithm 1 of Goodfellow
//! et al. 2014.

use std::{sync::Arc, time::Instant};

use candle_core::{Device, Result, Tensor};
use duel_models::{LatentLaw, Latents, PIXELS, pixels, random::Stream};
use rayon::prelude::*;

use crate::{
    balance::Balance,
    bell::{self, Bell, Portrait},
    dataset::{Batches, Dataset},
    kernels, losses,
    networks::{self, Mode, Network},
    optimiser::{Optimiser, Rule},
    recipe::{self, Kind, Loss, Optimizer, Recipe},
    run::record::Metrics,
};

/// One side of the duel: a network and what moves it.
#[derive(Debug)]
pub struct Duellist {
    /// The network.
    pub network: Arc<Network>,
    /// Its optimiser.
    pub optimiser: Optimiser,
}

impl Duellist {
    /// Learns from a loss; the norm of the gradient, if it is asked for, else NaN.
    fn learn(&mut self, loss: &Tensor, measured: bool) -> Result<f64> {
        let gradient = self.network.take_gradient(&mut loss.backward()?)?;
        // Between backward and the optimiser's step each gradient passes here, one flat tensor: the place of an all-reduce.
        let norm = if measured { gradient.sqr()?.sum_all()?.to_scalar::<f32>()?.sqrt().into() } else { f64::NAN };
        self.optimiser.step(&self.network.parameters, &gradient)?;
        self.network.settle(false)?;
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
    /// The generator's average over the steps, if the recipe wants one.
    pub averaged: Option<Arc<Network>>,
    /// What holds the discriminator back, if the recipe wants it.
    pub balance: Option<Balance>,
    /// Steps done.
    pub step: u64,
    /// Batches of real images that the discriminator has seen.
    pub batches_seen: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// The least Fréchet distance of an evaluation so far.
    pub best: Option<f64>,
    data: Dataset,
    batches: Batches,
    /// The law of the numbers that take the place of images.
    bell: Option<Bell>,
    device: Device,
    /// Images and seconds at the last measured step.
    pub(crate) measured_at: (u64, f64),
}

/// What one update learns from. Drawn images take the labels of the real ones.
struct Batch {
    /// Real images, [N, 784] in [-1, 1].
    real: Tensor,
    /// Latents, [N, latent].
    latents: Tensor,
    /// The labels, one-hot, [N, classes]; none for networks that are not told.
    labels: Option<Tensor>,
    /// ε of the penalties on real and on drawn images, [N, 784] each; none for a penalty that the recipe leaves out.
    noise: [Option<Tensor>; 2],
}

impl Batch {
    /// What the generator is given: latents, and labels behind them.
    fn told(&self) -> Result<Tensor> {
        match &self.labels {
            Some(labels) => Tensor::cat(&[&self.latents, labels], 1),
            None => Ok(self.latents.clone()),
        }
    }

    fn logits(&self, judged: &Tensor) -> Result<Tensor> {
        logits(judged, self.labels.as_ref())
    }
}

/// The logit of each image, [N, 1], from what the discriminator gives, [N, 1 + classes]: its first value, and what the image's
/// class adds, by its one-hot label.
fn logits(judged: &Tensor, labels: Option<&Tensor>) -> Result<Tensor> {
    let logit = judged.narrow(1, 0, 1)?;
    match labels {
        Some(labels) => logit + (judged.narrow(1, 1, labels.dim(1)?)? * labels)?.sum_keepdim(1)?,
        None => Ok(logit),
    }
}

/// Labels as rows of 0 with a 1, [N, classes]; none for no classes.
fn one_hot(labels: &[u8], classes: usize, device: &Device) -> Result<Option<Tensor>> {
    if classes == 0 {
        return Ok(None);
    }
    let mut values = vec![0.0; labels.len() * classes];
    for (row, &label) in values.chunks_exact_mut(classes).zip(labels) {
        row[usize::from(label)] = 1.0f32;
    }
    Tensor::from_vec(values, (labels.len(), classes), device).map(Some)
}

/// What one update of the discriminator showed.
struct Judgement {
    d_loss: f64,
    parts: [f64; 2],
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
        let (g, d) = (&recipe.generator, &recipe.discriminator);
        let generator = networks::generator(&recipe, &device)?;
        let discriminator = networks::discriminator(&recipe, &device)?;
        if g.begin_with_mean && g.kind == Kind::Mlp && !data.is_empty() {
            generator.begin_with(&data.mean())?;
        }
        let side = |network: Network, rate, betas, epsilon| {
            let rule = match recipe.training.optimizer {
                Optimizer::Adam => Rule::Adam { betas, epsilon },
                Optimizer::Sgd => Rule::Sgd { momentum: recipe.training.momentum },
            };
            Ok::<_, candle_core::Error>(Duellist {
                optimiser: Optimiser::new(&network, rule, rate)?,
                network: Arc::new(network),
            })
        };
        Ok(Self {
            averaged: (g.average > 0.0).then(|| generator.twin().map(Arc::new)).transpose()?,
            generator: side(generator, g.learning_rate, [g.beta1, g.beta2], g.epsilon)?,
            discriminator: side(discriminator, d.learning_rate, [d.beta1, d.beta2], d.epsilon)?,
            batches: Batches::new(&recipe.training, &data),
            bell: Bell::of(&recipe.data.source),
            balance: (recipe.training.balance == recipe::Balance::Adaptive).then(Balance::new).transpose()?,
            step: 0,
            batches_seen: 0,
            seconds: 0.0,
            best: None,
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
        let (judgement, drawing) = kernels::hot(|| self.updates(measured))?;
        self.step += 1;
        self.seconds += began.elapsed().as_secs_f64();
        Ok(measured.then(|| self.metrics(judgement, drawing)))
    }

    fn updates(&mut self, measured: bool) -> Result<(Option<Judgement>, Option<Drawing>)> {
        let Recipe { generator, discriminator, training, .. } = &self.recipe;
        let share = self.balance.as_ref().map_or(Ok(1.0), Balance::share)?;
        let rates = [generator.learning_rate, discriminator.learning_rate * share];
        for (side, rate) in [&mut self.generator, &mut self.discriminator].into_iter().zip(rates) {
            side.network.begin(self.step);
            side.optimiser.learning_rate = rate * training.rate_at(self.step);
            if let Rule::Sgd { momentum } = &mut side.optimiser.rule {
                *momentum = training.momentum_at(self.step);
            }
        }
        let mut judgement = None;
        let mut drawing = None;
        let mut real = None;
        for update in 0..self.recipe.training.k_discriminator {
            let shown = real.insert(self.real(self.batches_seen)?);
            let batch = self.batch("discriminator", update, shown)?;
            self.batches_seen += 1;
            judgement = self.discriminator_step(&batch, measured)?;
        }
        // The generator answers to the batch that its opponent saw last.
        let real = match real {
            Some(real) => real,
            None => self.real(self.batches_seen)?,
        };
        for update in 0..self.recipe.training.k_generator {
            let batch = self.batch("generator", update, &real)?;
            drawing = self.generator_step(&batch, measured)?;
        }
        Ok((judgement, drawing))
    }

    /// Ascends the discriminator on real and on drawn images.
    fn discriminator_step(&mut self, batch: &Batch, measured: bool) -> Result<Option<Judgement>> {
        let recipe = &self.recipe.discriminator;
        let fake = self.generator.network.forward(&batch.told()?, Mode::Frozen)?;
        // One pass over all: the discriminator has no batch norm, so it judges each image alone.
        let mut images = vec![batch.real.clone(), fake];
        let mut penalties = Vec::new();
        for (index, (lambda, noise)) in [recipe.r1, recipe.r2].into_iter().zip(&batch.noise).enumerate() {
            if let Some(noise) = noise {
                penalties.push((lambda, index, images.len()));
                images.push((&images[index] + (noise * recipe.penalty_noise)?)?);
            }
        }
        self.discriminator.network.settle(true)?;
        let logits = self.discriminator.network.forward(&Tensor::cat(&images, 0)?, Mode::Train)?;
        let rows = batch.real.dim(0)?;
        let of = |index: usize| batch.logits(&logits.narrow(0, index * rows, rows)?);
        let (real, fake) = (of(0)?, of(1)?);
        let loss = losses::discriminator(self.recipe.training.loss, &real, &fake)?;
        let mut total = loss.total;
        for (lambda, clean, noisy) in penalties {
            total = (total + losses::penalty(lambda, &of(clean)?, &of(noisy)?)?)?;
        }
        let gradient = self.discriminator.learn(&total, measured)?;
        // A discriminator that judges pairs says how likely the real image is the real one, and the drawn one.
        let (real, fake) = match self.recipe.training.loss {
            Loss::Relativistic => ((&real - &fake)?, (&fake - &real)?),
            _ => (real, fake),
        };
        if let Some(balance) = &mut self.balance {
            balance.heed(self.discriminator.optimiser.steps, &real.detach(), &fake.detach())?;
        }
        if !measured {
            return Ok(None);
        }
        let parts = loss.parts.as_ref().map(|[real, fake]| Ok::<_, candle_core::Error>([scalar(real)?, scalar(fake)?]));
        Ok(Some(Judgement {
            d_loss: scalar(&total)?,
            parts: parts.transpose()?.unwrap_or([f64::NAN; 2]),
            value: -scalar(&losses::softplus(&real.neg()?)?.mean_all()?)?
                - scalar(&losses::softplus(&fake)?.mean_all()?)?,
            d_real: Spread::of(&networks::probability(&real)?)?,
            d_fake: Spread::of(&networks::probability(&fake)?)?,
            gradient,
        }))
    }

    /// Descends the generator on drawn images, through a discriminator that stands still.
    fn generator_step(&mut self, batch: &Batch, measured: bool) -> Result<Option<Drawing>> {
        let loss = self.recipe.training.loss;
        let fake = self.generator.network.forward(&batch.told()?, Mode::Train)?;
        let judge = &self.discriminator.network;
        let fake = batch.logits(&judge.forward(&fake, Mode::Frozen)?)?;
        let real = match loss {
            Loss::Relativistic => batch.logits(&judge.forward(&batch.real, Mode::Evaluate)?)?,
            _ => fake.detach(),
        };
        let loss = losses::generator(loss, &real, &fake)?;
        let gradient = self.generator.learn(&loss, measured)?;
        if let Some(averaged) = &self.averaged {
            averaged.approach(
                &self.generator.network,
                self.recipe.generator.average,
                self.generator.optimiser.steps,
            )?;
        }
        if !measured {
            return Ok(None);
        }
        Ok(Some(Drawing { g_loss: scalar(&loss)?, gradient }))
    }

    /// Real images, [batch, 784], or numbers, [batch, 1], and their labels, if the networks are told them, one-hot, [batch, classes].
    fn real(&mut self, index: u64) -> Result<(Tensor, Option<Tensor>)> {
        let Recipe { training, .. } = &self.recipe;
        let (images, labels) = match self.bell {
            Some(bell) => {
                let stream = Stream::new(training.seed, "numbers").item(index);
                (bell.draw(stream, training.batch), vec![0; training.batch])
            }
            None => self.batches.take(index, &self.data),
        };
        let images = Tensor::from_vec(images, (labels.len(), self.recipe.values()), &self.device)?;
        Ok((images, one_hot(&labels, self.recipe.classes(), &self.device)?))
    }

    /// What an update learns from: real images and labels; latents and noise made of the seed and the step alone, so that a
    /// resumed run has the same.
    fn batch(&self, side: &str, update: usize, (real, labels): &(Tensor, Option<Tensor>)) -> Result<Batch> {
        let recipe = &self.recipe;
        let (rows, latent) = (recipe.training.batch, recipe.generator.latent);
        let stream = |purpose| Stream::new(recipe.training.seed, purpose).item(self.step).item(update as u64);
        let law = LatentLaw::from(recipe.generator.latent_law);
        let random = |stream: Stream, size: usize, law: LatentLaw| {
            let mut values = vec![0.0; rows * size];
            values.par_chunks_mut(size).enumerate().for_each(|(row, values)| {
                let mut stream = stream.item(row as u64);
                values.fill_with(|| law.draw(&mut stream));
            });
            Tensor::from_vec(values, (rows, size), &self.device)
        };
        let noise = |lambda: f64, purpose| {
            let wanted = side == "discriminator" && lambda > 0.0;
            wanted.then(|| random(stream(purpose), recipe.values(), LatentLaw::Normal)).transpose()
        };
        Ok(Batch {
            real: real.clone(),
            latents: random(stream(side), latent, law)?,
            labels: labels.clone(),
            noise: [noise(recipe.discriminator.r1, "r1")?, noise(recipe.discriminator.r2, "r2")?],
        })
    }

    /// Whether every weight is a number.
    pub(crate) fn is_finite(&self) -> Result<bool> {
        let sums = [&self.generator, &self.discriminator]
            .map(|side| side.network.parameters.sqr()?.sum_all()?.to_scalar::<f32>());
        Ok(sums.into_iter().collect::<Result<Vec<_>>>()?.iter().all(|sum| sum.is_finite()))
    }

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

    /// The images that the artist makes of samples `0..count` of `seed`, of each label in turn: [count, 784] in [-1, 1].
    pub fn samples(&self, seed: u64, count: usize) -> Result<Vec<f32>> {
        let generator = &self.recipe.generator;
        let classes = self.recipe.classes();
        let latents = Latents::of(seed, generator.latent_law.into(), generator.latent, classes);
        let labels: Vec<u8> = (0..count).map(|index| (index % classes.max(1)) as u8).collect();
        let latents = self.inputs(&latents.latents(0..count as u64), &labels)?;
        self.artist()?.forward(&latents, Mode::Evaluate)?.flatten_all()?.to_vec1()
    }

    /// What the duel looks like if it is one over numbers.
    pub fn portrait(&self) -> Result<Option<Portrait>> {
        let Some(bell) = self.bell else { return Ok(None) };
        let latents = bell::latents(self.recipe.generator.latent_law.into());
        let column = |values: &[f32]| Tensor::from_slice(values, (values.len(), 1), &self.device);
        let floats = |tensor: Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        let drawn = floats(self.artist()?.forward(&column(&latents)?, Mode::Evaluate)?)?;
        let judged = self.discriminator.network.forward(&column(&bell::middles())?, Mode::Evaluate)?;
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
        const BATCH: usize = 500;
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
        self.recipe = recipe;
        Ok(())
    }

    /// Additions and multiplications of one step's matrix products, for each image of its batch.
    pub fn operations_per_image(&self) -> usize {
        let [g, d] = [&self.generator, &self.discriminator].map(|side| side.network.multiplications());
        let [first_g, first_d] =
            [&self.generator, &self.discriminator].map(|side| side.network.first_multiplications());
        let Recipe { training, discriminator: recipe, .. } = &self.recipe;
        let judged = 2 + usize::from(recipe.r1 > 0.0) + usize::from(recipe.r2 > 0.0);
        let pairs = usize::from(training.loss == Loss::Relativistic);
        // Draw; judge; the gradients of weights, and of what they were given, but not of an image.
        let discriminator = g + judged * (d + d + (d - first_d));
        // Draw; judge; back through the discriminator; the gradients of weights and of what they were given, but not of latents.
        let generator = g + d + pairs * d + d + g + (g - first_g);
        2 * (training.k_discriminator * discriminator + training.k_generator * generator)
    }

    /// The training images.
    pub fn data(&self) -> &Dataset {
        &self.data
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
        let parts = judgement.as_ref().map_or([f64::NAN; 2], |judgement| judgement.parts);
        let [d_real, d_fake] =
            judgement.as_ref().map_or([Spread::NONE; 2], |judgement| [judgement.d_real, judgement.d_fake]);
        let of = |field: fn(&Judgement) -> f64| judgement.as_ref().map_or(f64::NAN, field);
        let images = self.batches_seen * self.recipe.training.batch as u64;
        let since = std::mem::replace(&mut self.measured_at, (images, self.seconds));
        Metrics {
            step: self.step,
            images,
            seconds: self.seconds,
            d_loss: of(|judgement| judgement.d_loss),
            d_loss_real: parts[0],
            d_loss_fake: parts[1],
            g_loss: drawing.as_ref().map_or(f64::NAN, |drawing| drawing.g_loss),
            value: of(|judgement| judgement.value),
            d_real: d_real.mean,
            d_fake: d_fake.mean,
            d_real_tenths: d_real.tenths,
            d_fake_tenths: d_fake.tenths,
            d_gradient: of(|judgement| judgement.gradient),
            g_gradient: drawing.as_ref().map_or(f64::NAN, |drawing| drawing.gradient),
            d_learning_rate: self.discriminator.optimiser.learning_rate,
            g_learning_rate: self.generator.optimiser.learning_rate,
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

#[cfg(test)]
#[path = "duel_gradients.rs"]
mod gradients;
