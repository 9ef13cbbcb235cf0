//! The sections of a recipe: each key once, with its default, its range and its meaning.

use duel_models::LatentLaw;
use serde::{Deserialize, Serialize};

use super::{Change, Knob, Range};

/// Declares a section of the recipe: a struct, its defaults, and the table of its [`Knob`]s.
macro_rules! section {
    ($(#[doc = $about:literal])+ $section:ident as $prefix:literal {
        $($(#[doc = $doc:literal])+ $key:ident: $type:ty = $default:expr, $range:expr;)+
    }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $section {
            $($(#[doc = $doc])+ pub $key: $type,)+
        }

        impl Default for $section {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        impl $section {
            pub(super) const KNOBS: &[Knob] = &[$(Knob {
                section: $prefix,
                key: stringify!($key),
                range: $range,
                meaning: concat!($($doc,)+),
            },)+];
        }
    };
}

/// An enum of words, as they stand in a recipe.
macro_rules! words {
    ($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $word:ident = $text:literal,)+ }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $word,)+
        }

        impl $name {
            const WORDS: Range = Range::Choice(&[$($text),+]);
        }
    };
}

words! {
    /// The law of the latents.
    Law {
        /// Mean 0, variance 1.
        Normal = "normal",
        /// Uniform in (-√3, √3), of variance 1, too: the code of Goodfellow et al. 2014.
        Uniform = "uniform",
    }
}

impl From<Law> for LatentLaw {
    fn from(law: Law) -> Self {
        match law {
            Law::Normal => Self::Normal,
            Law::Uniform => Self::Uniform,
        }
    }
}

words! {
    /// Where a batch norm takes its mean and variance from while the network trains.
    BatchNorm {
        /// From the batch: batch norm as Ioffe and Szegedy 2015 describe it.
        Batch = "batch",
        /// From the running figures, which then never move from 0 and 1: a Keras model that is called without `training=True`.
        Frozen = "frozen",
        /// No batch norm.
        Off = "off",
    }
}

words! {
    /// What the two networks minimise.
    Loss {
        /// The generator maximises log D(G(z)): Goodfellow et al. 2014, section 3.
        NonSaturating = "non-saturating",
        /// The generator minimises log(1 - D(G(z))): Goodfellow et al. 2014, equation 1. Its gradient vanishes early.
        Minimax = "minimax",
        /// Logits of real images go to 1, of drawn ones to 0: Mao et al. 2017 (LSGAN), equation 9.
        LeastSquares = "least-squares",
        /// Logits are pushed apart until they are beyond ±1: Lim and Ye 2017; Miyato et al. 2018, equations 16 and 17.
        Hinge = "hinge",
        /// Each real image against one drawn one: Jolicoeur-Martineau 2019 (RpGAN); Huang et al. 2024 (R3GAN), equation 2.
        Relativistic = "relativistic",
    }
}

words! {
    /// What follows a generator's last layer.
    Output {
        /// The hyperbolic tangent.
        Tanh = "tanh",
        /// The logistic sigmoid, from black to white: Goodfellow et al. 2014, section 5.
        Sigmoid = "sigmoid",
        /// Nothing, for numbers.
        Linear = "linear",
    }
}

words! {
    /// How a gradient moves the weights.
    Optimizer {
        /// Adam: Kingma and Ba 2015.
        Adam = "adam",
        /// Gradient descent with momentum: Sutskever et al. 2013, equations 1 and 2.
        Sgd = "sgd",
    }
}

words! {
    /// Which of the two moves first.
    Order {
        /// The generator answers to a discriminator that has moved: Goodfellow et al. 2014, algorithm 1.
        Alternating = "alternating",
        /// Both move at once, the discriminator by the last of its updates: the code of Goodfellow et al. 2014; Mescheder et al. 2017,
        /// section 2.
        Simultaneous = "simultaneous",
    }
}

words! {
    /// What a network is made of.
    Kind {
        /// Dense layers.
        Mlp = "mlp",
        /// Convolutions.
        Conv = "conv",
    }
}

words! {
    /// How an image of a convolutional generator grows to twice its side.
    Growth {
        /// By a 4×4 transposed convolution of stride 2.
        Transposed = "transposed",
        /// Each pixel four times, then a 3×3 convolution: Odena et al. 2016.
        Nearest = "nearest",
    }
}

words! {
    /// Whether the discriminator is held back when it wins.
    Balance {
        /// Rates and k as the recipe says.
        Fixed = "fixed",
        /// The discriminator's rate falls while it is sure, and rises again when it doubts.
        Adaptive = "adaptive",
    }
}

words! {
    /// The law of the first weights.
    Initial {
        /// Uniform within √(6 / (inputs + outputs)), biases 0: Glorot and Bengio 2010, equation 16; Keras' default.
        Glorot = "glorot",
        /// Uniform within 1 / √inputs, biases too: PyTorch's default.
        FanIn = "fan-in",
        /// Uniform within `initial_range`, biases 0.
        Uniform = "uniform",
    }
}

words! {
    /// What becomes of the learning rates in the course of a training.
    Schedule {
        /// They stay.
        Constant = "constant",
        /// From `decay_from` on they fall in a straight line.
        Linear = "linear",
        /// From `decay_from` on they fall along half a cosine.
        Cosine = "cosine",
        /// They are divided by `decay` at each step.
        Exponential = "exponential",
    }
}

section! {
    /// The images to learn from.
    Data as "data" {
        /// `mnist`, the bundled digits, or a directory of IDX files named as MNIST's; or numbers of a law: `bell`, a normal one, or `bell-two`, one of two peaks.
        source: String = "mnist".to_owned(), Range::Text(4096);
        /// Training images used, from the first one on; 0 for all.
        images: usize = 0, Range::Whole(0, i64::MAX);
        /// Classes, for networks that are told the label; labels count from 0.
        classes: usize = 10, Range::Whole(1, 256);
    }
}

section! {
    /// The network that draws.
    Generator as "generator" {
        /// Values of a latent.
        latent: usize = 64, Range::Whole(1, 4096);
        /// The law of a latent's values.
        latent_law: Law = Law::Normal, Law::WORDS;
        /// What it is made of.
        kind: Kind = Kind::Mlp, Kind::WORDS;
        /// Of `mlp`: widths of the hidden layers, each followed by a ReLU and a batch norm.
        hidden: Vec<usize> = vec![256, 256, 256], Range::Widths;
        /// Of `conv`: channels of each image, from the smallest on, before it grows to twice its side; each has a batch norm and a leaky ReLU.
        channels: Vec<usize> = vec![128, 64], Range::Channels(2);
        /// Of `conv`: how an image grows.
        growth: Growth = Growth::Transposed, Growth::WORDS;
        /// What follows the last layer.
        output: Output = Output::Tanh, Output::WORDS;
        /// The law of the first weights.
        initial: Initial = Initial::Glorot, Initial::WORDS;
        /// Of `uniform`: the largest first weight.
        initial_range: f64 = 0.05, Range::Real(0.0, 10.0);
        /// Of `mlp`: whether the last biases draw the mean training image before the first step, and not grey.
        begin_with_mean: bool = false, Range::Flag;
        /// Where batch norm takes its figures from while training.
        batch_norm: BatchNorm = BatchNorm::Batch, BatchNorm::WORDS;
        /// How much of its running figures batch norm keeps at a step.
        batch_norm_momentum: f64 = 0.99, Range::Real(0.0, 1.0);
        /// What batch norm adds to the variance.
        batch_norm_epsilon: f64 = 1e-3, Range::Real(1e-12, 1.0);
        /// The learning rate.
        learning_rate: f64 = 1e-4, Range::Real(0.0, 10.0);
        /// Adam's decay of the first moment.
        beta1: f64 = 0.9, Range::Real(0.0, 0.999_999);
        /// Adam's decay of the second moment.
        beta2: f64 = 0.999, Range::Real(0.0, 0.999_999);
        /// What Adam adds to the root of the second moment.
        epsilon: f64 = 1e-7, Range::Real(0.0, 1.0);
        /// How much of itself the averaged generator keeps at a step; it draws samples, is judged and exported. 0: no average.
        average: f64 = 0.0, Range::Real(0.0, 0.999_999);
        /// A factor on latents where it draws samples, is judged and exported: above 1 more variety, below 1 more typical digits (truncation, Brock et al. 2019).
        spread: f64 = 1.0, Range::Real(0.0, 3.0);
    }
}

section! {
    /// The network that tells drawn from real.
    Discriminator as "discriminator" {
        /// What it is made of.
        kind: Kind = Kind::Mlp, Kind::WORDS;
        /// Of `mlp`: widths of the hidden layers, each followed by a ReLU.
        hidden: Vec<usize> = vec![256, 256, 256], Range::Widths;
        /// Of `mlp`: with more than 1, each hidden value is the largest of so many, without a ReLU: maxout, Goodfellow et al. 2013.
        pieces: usize = 1, Range::Whole(1, 16);
        /// Of `mlp`: the share of an image's pixels that dropout keeps: Srivastava et al. 2014.
        keep_pixels: f64 = 1.0, Range::Real(0.01, 1.0);
        /// Of `mlp`: the share of each hidden layer's values that dropout keeps.
        keep_hidden: f64 = 1.0, Range::Real(0.01, 1.0);
        /// Of `conv`: channels of each image, each of half the side of the one before, with a leaky ReLU.
        channels: Vec<usize> = vec![64, 128], Range::Channels(4);
        /// The law of the first weights.
        initial: Initial = Initial::Glorot, Initial::WORDS;
        /// Of `uniform`: the largest first weight.
        initial_range: f64 = 0.05, Range::Real(0.0, 10.0);
        /// Whether each weight is divided by its largest singular value: Miyato et al. 2018.
        spectral_norm: bool = false, Range::Flag;
        /// λ of the penalty λ mean (D(x) - D(x + σε))² on real images, R1 by finite difference; γ of Mescheder et al. 2018 is 2σ²λ. 0: none.
        r1: f64 = 0.0, Range::Real(0.0, 1e6);
        /// λ of the same penalty on drawn images, R2.
        r2: f64 = 0.0, Range::Real(0.0, 1e6);
        /// σ of both, the standard deviation of the noise σε.
        penalty_noise: f64 = 0.01, Range::Real(1e-6, 1.0);
        /// The learning rate.
        learning_rate: f64 = 1e-4, Range::Real(0.0, 10.0);
        /// Adam's decay of the first moment.
        beta1: f64 = 0.9, Range::Real(0.0, 0.999_999);
        /// Adam's decay of the second moment.
        beta2: f64 = 0.999, Range::Real(0.0, 0.999_999);
        /// What Adam adds to the root of the second moment.
        epsilon: f64 = 1e-7, Range::Real(0.0, 1.0);
    }
}

section! {
    /// The duel itself.
    Training as "training" {
        /// The seed of everything random.
        seed: u64 = 1, Range::Whole(0, i64::MAX);
        /// Steps, each of `k_discriminator` updates of the discriminator and `k_generator` of the generator.
        steps: u64 = 20_000, Range::Whole(0, i64::MAX);
        /// Real images, and as many drawn ones, in an update.
        batch: usize = 32, Range::Whole(1, 65_536);
        /// What the networks minimise.
        loss: Loss = Loss::NonSaturating, Loss::WORDS;
        /// `alternating`: the generator answers to a discriminator that has moved, algorithm 1 of Goodfellow et al. 2014; `simultaneous`: both learn from each other as they were, as the code of that paper does.
        order: Order = Order::Alternating, Order::WORDS;
        /// Whether both networks are told the label: one-hot behind the latent, and by projection, Miyato and Koyama 2018.
        conditional: bool = false, Range::Flag;
        /// `fixed`, or `adaptive`: the discriminator's learning rate falls while D(x) - D(G(z)) is above 0.6 (a measure and a target after Karras et al. 2020, equation 1), and rises to what it was when it is not.
        balance: Balance = Balance::Fixed, Balance::WORDS;
        /// Whether each label is as frequent as the next.
        balanced: bool = false, Range::Flag;
        /// How a gradient moves the weights.
        optimizer: Optimizer = Optimizer::Adam, Optimizer::WORDS;
        /// Of `sgd`: the share of its last move that a weight makes again, at the first step.
        momentum: f64 = 0.0, Range::Real(0.0, 0.999_999);
        /// The momentum after `momentum_steps`; until then it goes there in a straight line.
        momentum_to: f64 = 0.0, Range::Real(0.0, 0.999_999);
        /// Of `sgd`: the steps in which the momentum goes to `momentum_to`, 0 for all steps.
        momentum_steps: u64 = 0, Range::Whole(0, i64::MAX);
        /// What becomes of the learning rates.
        schedule: Schedule = Schedule::Constant, Schedule::WORDS;
        /// The share of the steps after which they begin to fall.
        decay_from: f64 = 0.5, Range::Real(0.0, 1.0);
        /// What is left of them at the last step, as a share.
        decay_to: f64 = 0.02, Range::Real(0.0, 1.0);
        /// Of `exponential`: what the rates are divided by at each step, until `decay_to` is left.
        decay: f64 = 1.000_004, Range::Real(1.0, 2.0);
        /// Updates of the discriminator in a step: k of Goodfellow et al. 2014, algorithm 1.
        k_discriminator: usize = 1, Range::Whole(0, 100);
        /// Updates of the generator in a step.
        k_generator: usize = 1, Range::Whole(0, 100);
        /// What changes while it trains, each from a step on: learning rates and k. What a watcher or a resume sets takes the place of what was planned for that key later; a training that goes back halves all rates from there on.
        changes: Vec<Change> = Vec::new(), Range::Changes;
    }
}

impl Training {
    /// What the learning rates are multiplied with at the step after `done` steps.
    pub fn rate_at(&self, done: u64) -> f64 {
        let progress = done as f64 / self.steps.max(1) as f64;
        let fallen = ((progress - self.decay_from) / (1.0 - self.decay_from).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        let left = match self.schedule {
            Schedule::Constant => return 1.0,
            Schedule::Linear => 1.0 - fallen,
            Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * fallen).cos()),
            Schedule::Exponential => return self.decay.powf(-(done as f64)).max(self.decay_to),
        };
        self.decay_to + (1.0 - self.decay_to) * left
    }

    /// The momentum of the step after `done` steps.
    pub fn momentum_at(&self, done: u64) -> f64 {
        let steps = if self.momentum_steps == 0 { self.steps } else { self.momentum_steps };
        let progress = (done as f64 / steps.max(1) as f64).min(1.0);
        self.momentum + (self.momentum_to - self.momentum) * progress
    }
}

section! {
    /// What judges the generator while it trains.
    Evaluation as "evaluation" {
        /// Steps from one evaluation to the next, 0 for none: the generator that draws, against training images held out for it, which are those after the first `data.images`, or else the last twelfth, 5,000 at most. The checkpoint with the least Fréchet distance is kept.
        every: u64 = 0, Range::Whole(0, i64::MAX);
    }
}

section! {
    /// What the run directory gets, and when.
    Record as "record" {
        /// Steps from one line of metrics to the next.
        metrics_every: u64 = 50, Range::Whole(1, i64::MAX);
        /// Steps from one grid of samples to the next.
        samples_every: u64 = 500, Range::Whole(1, i64::MAX);
        /// Steps from one checkpoint to the next.
        checkpoint_every: u64 = 5_000, Range::Whole(1, i64::MAX);
        /// Checkpoints kept, the newest.
        checkpoints_kept: usize = 3, Range::Whole(1, 1_000_000);
    }
}
