//! The two networks, their optimisers, and everything else that training changes.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};

use super::balance::Balance;
use crate::{
    data::{Dataset, batches::Batches, laws::Bell},
    networks::{
        self, Network,
        optimiser::{Optimiser, Rule},
    },
    recipe::{self, Kind, Loss, Optimizer, Recipe},
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
    /// The gradient of a loss, [P].
    ///
    /// Between this and [`step`](Self::step) each gradient is one flat tensor: the place of an all-reduce.
    pub(super) fn gradient(&self, loss: &Tensor) -> Result<Tensor> {
        self.network.take_gradient(&mut loss.backward()?)
    }

    /// Moves by a step of the optimiser.
    pub(super) fn step(&mut self, gradient: &Tensor) -> Result<()> {
        self.optimiser.step(&self.network.parameters, gradient)?;
        self.network.settle(false)
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
    pub(super) data: Dataset,
    pub(super) batches: Batches,
    /// The law of the numbers that take the place of images.
    pub(super) bell: Option<Bell>,
    pub(super) device: Device,
    /// Images and seconds at the last measured step.
    pub(crate) measured_at: (u64, f64),
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
}
