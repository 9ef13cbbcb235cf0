//! The two networks, their optimisers, and everything else that training changes.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};

use super::{balance::Balance, overfitting::Augmentation};
use crate::{
    data::{DataSet, batches::Batches, toy::Mixture},
    networks::{
        self, Network,
        optimiser::{Optimiser, Rule},
    },
    recipe::{self, Kind, Optimizer, Recipe},
};

/// A network and its optimiser.
#[derive(Debug)]
pub struct Duellist {
    /// The network.
    pub network: Arc<Network>,
    /// Its optimiser.
    pub optimiser: Optimiser,
}

impl Duellist {
    fn new(network: Network, recipe: &Recipe, rate: f64, betas: [f64; 2], epsilon: f64) -> Result<Self> {
        let rule = match recipe.training.optimizer {
            Optimizer::Adam => Rule::Adam { betas, epsilon },
            Optimizer::Sgd => Rule::Sgd { momentum: recipe.training.momentum },
        };
        Ok(Self { optimiser: Optimiser::new(&network, rule, rate)?, network: Arc::new(network) })
    }

    /// The gradient of a loss with respect to the network's parameters, [P].
    ///
    /// The gradient is one flat tensor. An all-reduce over several devices would go between this call and
    /// [`step`](Self::step).
    pub(super) fn gradient(&self, loss: &Tensor) -> Result<Tensor> {
        self.network.take_gradient(&mut loss.backward()?)
    }

    /// Updates the parameters by one step of the optimiser.
    pub(super) fn step(&mut self, gradient: &Tensor) -> Result<()> {
        self.optimiser.step(&self.network.parameters, gradient)?;
        self.network.refresh_spectral_norm(false)
    }
}

/// Where real examples come from.
#[derive(Debug)]
pub(super) enum RealData {
    /// Pictures, in the order of their batches.
    Pictures {
        /// The training pictures.
        data: Box<DataSet>,
        /// The order in which the pictures form batches.
        batches: Batches,
    },
    /// Numbers of a toy distribution.
    Toy(Mixture),
    /// No data: the networks only generate and judge pictures.
    Absent,
}

/// The best evaluation so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// The least Fréchet distance.
    pub frechet: f64,
    /// The hash of the judge that measured it: distances by another judge cannot be compared with it. None from a
    /// checkpoint of an old version, which had one judge.
    pub judge: Option<String>,
}

/// Everything that training changes, and the data that it learns from.
#[derive(Debug)]
pub struct Duel {
    /// The experiment.
    pub recipe: Recipe,
    /// The generator and its optimiser.
    pub generator: Duellist,
    /// The discriminator and its optimiser.
    pub discriminator: Duellist,
    /// The exponential moving average of the generator, if the recipe wants one.
    pub ema: Option<Arc<Network>>,
    /// The balance that slows down a discriminator that wins, if the recipe wants one.
    pub balance: Option<Balance>,
    /// The probability of augmentation, if the recipe wants augmentation.
    pub augmentation: Option<Augmentation>,
    /// Steps done.
    pub step: u64,
    /// Batches of real examples that the discriminator has seen.
    pub batches_seen: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// The least Fréchet distance of an evaluation so far.
    pub best: Option<Best>,
    pub(super) real_data: RealData,
    pub(super) device: Device,
    /// Images and seconds at the last measured step.
    pub(super) measured_at: (u64, f64),
}

impl Duel {
    /// Builds both networks before their first step. Recipe and data are those of
    /// [`load_training`](crate::data::load_training); networks that only draw and judge need no data.
    pub fn new(recipe: Recipe, data: Option<DataSet>, device: Device) -> Result<Self> {
        let (g, d) = (&recipe.generator, &recipe.discriminator);
        let generator = networks::generator(&recipe, &device)?;
        let discriminator = networks::discriminator(&recipe, &device)?;
        if let Some(data) = data.as_ref().filter(|_| g.begin_with_mean && g.kind == Kind::Mlp) {
            generator.initialise_output_bias(&data.mean())?;
        }
        let real_data = match (recipe.data.source.toy(), data) {
            (Some(toy), _) => RealData::Toy(toy.into()),
            (None, Some(data)) => RealData::Pictures {
                batches: Batches::new(&recipe.training, recipe.data.flip, &data),
                data: Box::new(data),
            },
            (None, None) => RealData::Absent,
        };
        let duel = Self {
            ema: (g.ema > 0.0).then(|| generator.fork().map(Arc::new)).transpose()?,
            generator: Duellist::new(generator, &recipe, g.learning_rate, [g.beta1, g.beta2], g.epsilon)?,
            discriminator: Duellist::new(discriminator, &recipe, d.learning_rate, [d.beta1, d.beta2], d.epsilon)?,
            balance: (recipe.training.balance == recipe::Balance::Adaptive).then(Balance::new).transpose()?,
            augmentation: Augmentation::new(&recipe.training, &device)?,
            step: 0,
            batches_seen: 0,
            seconds: 0.0,
            best: None,
            measured_at: (0, 0.0),
            recipe,
            real_data,
            device,
        };
        // On CUDA each thread has a stream of its own: a thread that trains these networks must not be ahead of the
        // copies that this thread has begun.
        duel.device.synchronize()?;
        Ok(duel)
    }

    /// Additions and multiplications of the matrix products in one step, for each image of its batch.
    pub fn operations_per_image(&self) -> usize {
        let [g, d] = [&self.generator, &self.discriminator].map(|side| side.network.multiplications());
        let [first_g, first_d] =
            [&self.generator, &self.discriminator].map(|side| side.network.first_multiplications());
        let Recipe { training, discriminator: recipe, .. } = &self.recipe;
        let judged = 2 + usize::from(recipe.r1 > 0.0) + usize::from(recipe.r2 > 0.0);
        let pairs = usize::from(training.loss.is_pairwise());
        // G forward; D forward; D backward to weights and inputs, but not to the images.
        let discriminator = g + judged * (d + d + (d - first_d));
        // G forward; D forward; D backward to inputs; G backward to weights and inputs, but not to the latents.
        let generator = g + d + pairs * d + d + g + (g - first_g);
        2 * (training.k_discriminator * discriminator + training.k_generator * generator)
    }

    /// The training pictures; none for a toy distribution, and for networks that only draw and judge.
    pub fn data(&self) -> Option<&DataSet> {
        match &self.real_data {
            RealData::Pictures { data, .. } => Some(data),
            RealData::Toy(_) | RealData::Absent => None,
        }
    }

    /// Values of one example: a picture's height × width × channels, or one number.
    pub fn example_size(&self) -> usize {
        self.discriminator.network.inputs
    }

    /// The device that trains.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The device's name: `cpu`, `cuda` or `metal`.
    pub fn device_name(&self) -> &'static str {
        match self.device {
            Device::Cpu => "cpu",
            Device::Cuda(_) => "cuda",
            Device::Metal(_) => "metal",
        }
    }
}
