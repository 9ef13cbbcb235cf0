//! The sections of a recipe: each key once, with its default, its range and its meaning.

use duel_models::{LatentLaw, is_class_name};
use serde::{Deserialize, Serialize};

use super::{
    as_text,
    augment::AugmentPolicy,
    change::{Change, LEARNING_RATE, UPDATES},
    pictures::{Background, DataSize},
    range::{Range, Setting},
    source::{DataShape, Source},
    words::{
        Augment, Balance, BatchNorm, Colour, Crop, Growth, Initial, Kind, Loss, Optimizer, Order, Output, Schedule,
    },
};

/// Declares a section of the recipe: a struct, its defaults, and the table of its [`Setting`]s.
macro_rules! section {
    ($(#[doc = $about:literal])+ $section:ident as $prefix:literal {
        $($(#[doc = $doc:literal])+ $(#[serde($($serde:tt)+)])? $key:ident: $type:ty = $default:expr, $range:expr;)+
    }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $section {
            $($(#[doc = $doc])+ $(#[serde($($serde)+)])? pub $key: $type,)+
        }

        impl Default for $section {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        impl $section {
            const SETTINGS: &[Setting] = &[$(Setting {
                section: $prefix,
                key: stringify!($key),
                range: $range,
                meaning: concat!($($doc,)+),
            },)+];
        }
    };
}

/// Every setting, in the order of the file.
pub(super) fn all_settings() -> impl Iterator<Item = &'static Setting> {
    let sections = [
        Data::SETTINGS,
        Generator::SETTINGS,
        Discriminator::SETTINGS,
        Training::SETTINGS,
        Evaluation::SETTINGS,
        Record::SETTINGS,
    ];
    TOP.iter().chain(sections.into_iter().flatten())
}

const TOP: &[Setting] = &[
    Setting { section: "", key: "name", range: Range::Text(200), meaning: " The recipe's name." },
    Setting { section: "", key: "about", range: Range::Text(200), meaning: " What the recipe shows, in a line." },
    Setting {
        section: "",
        key: "derive",
        range: Range::Flag,
        meaning: " Whether stages, channels, batch, steps, labels and augmentation follow from the shape and the number of \
                  the pictures, as far as neither the recipe file nor --set gives them. The dial is generator.width.",
    },
];

/// Stages of a convolutional network at most: 128 pixels halved five times are 4.
pub(crate) const STAGES_MAX: usize = 5;

/// Hexadecimal digits of `data.fingerprint`.
pub(crate) const FINGERPRINT_DIGITS: usize = 32;
/// The value of `data.fingerprint` that takes any pictures.
pub(crate) const NO_FINGERPRINT: &str = "auto";

fn is_fingerprint(text: &str) -> bool {
    text == NO_FINGERPRINT || text.len() == FINGERPRINT_DIGITS && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

section! {
    /// The training data.
    Data as "data" {
        /// `mnist`, the bundled digits; `stacked-mnist`, three random digits as the colours of one picture; `emoji`, the
        /// bundled emoji; a folder or .zip of pictures, whose subfolders are classes; a .npy or .npz array; a directory
        /// of IDX files named as MNIST's; or the numbers of a toy distribution: `bell`, a normal distribution, or
        /// `bell-two`, two of them.
        #[serde(with = "as_text")]
        source: Source = Source::Mnist, Range::Text(4096);
        /// Channels, height and width of a picture, such as 3x32x48; `auto`: as the data have them. A run keeps the
        /// shape of its data here.
        #[serde(with = "as_text")]
        shape: DataShape = DataShape::Auto, Range::Parsed(|text| text.parse::<DataShape>().is_ok(), "auto, or channels (1 or 3) x height x width (8 to 128), such as 3x32x48");
        /// The start of a SHA-256 of the training pictures and their labels; `auto`: any pictures. A run keeps that of its
        /// data here, and is not resumed with other pictures.
        #[serde(with = "as_text")]
        fingerprint: String = NO_FINGERPRINT.to_owned(), Range::Parsed(is_fingerprint, "auto, or 32 hexadecimal digits");
        /// The size that pictures are resized to: one side, or height x width; `auto`: the size that all pictures have,
        /// or else a square of 64, 32, 16 or 8 pixels that no more than half of the pictures are smaller than.
        #[serde(with = "as_text")]
        size: DataSize = DataSize::Auto, Range::Parsed(|text| text.parse::<DataSize>().is_ok(), "auto, a side from 8 to 128, or height x width such as 48x64");
        /// The part of a picture that is kept where its aspect ratio is another: `centre`, the largest part around the
        /// centre; `fit`, the whole picture with the background beside it.
        crop: Crop = Crop::Centre, Crop::WORDS;
        /// `grey`, `colour`, or `auto`: grey if every picture is grey.
        colour: Colour = Colour::Auto, Colour::WORDS;
        /// The colour behind transparent pixels, and beside a fitted picture.
        #[serde(with = "as_text")]
        background: Background = Background::default(), Range::Parsed(|text| text.parse::<Background>().is_ok(), "white, black or #rrggbb");
        /// Whether each training picture is mirrored, left to right, in half of its batches.
        flip: bool = false, Range::Flag;
        /// The most memory that the pictures may take, in gigabytes.
        memory: f64 = 4.0, Range::Real(0.001, 1e6);
        /// Training pictures used, from the first one on; 0 for all.
        images: usize = 0, Range::Whole(0, i64::MAX);
        /// Classes of conditional networks; labels count from 0. 0: as many as the data have; labels that do not count
        /// from 0 without a gap are numbered anew.
        classes: usize = 0, Range::Whole(0, 256);
        /// Names of the classes, in the order of the labels; none for numbers. A run keeps the names that its data have.
        names: Vec<String> = Vec::new(), Range::ParsedList(is_class_name, "a list of names of 1 to 64 bytes, one for each class");
    }
}

section! {
    /// The network that draws pictures from latents.
    Generator as "generator" {
        /// Values in a latent.
        latent: usize = 64, Range::Whole(1, 4096);
        /// The distribution of a latent's values: `normal`, of mean 0 and variance 1, or `uniform` in (-√3, √3), of
        /// variance 1 too.
        #[serde(with = "as_text")]
        latent_law: LatentLaw = LatentLaw::Normal, Range::Choice(&["normal", "uniform"]);
        /// The architecture.
        kind: Kind = Kind::Mlp, Kind::WORDS;
        /// For `mlp`: widths of the hidden layers, each followed by a ReLU and a batch norm.
        hidden: Vec<usize> = vec![256, 256, 256], Range::Widths;
        /// For `conv`: channels of each stage, from the smallest picture on, each followed by a batch norm and a leaky
        /// ReLU; a stage doubles height and width. An empty list: as many stages as the shape can be halved, with
        /// `width` channels at the largest and twice as many at each smaller one, 512 at most.
        channels: Vec<usize> = Vec::new(), Range::Channels(STAGES_MAX);
        /// For `conv` with an empty list of channels: the channels of the largest stage.
        width: usize = 64, Range::Whole(1, 512);
        /// For `conv`: the upsampling of a stage.
        growth: Growth = Growth::Transposed, Growth::WORDS;
        /// The activation of the last layer.
        output: Output = Output::Tanh, Output::WORDS;
        /// The distribution of the first weights.
        initial: Initial = Initial::Glorot, Initial::WORDS;
        /// For `initial = "uniform"`: the largest first weight.
        initial_range: f64 = 0.05, Range::Real(0.0, 10.0);
        /// For `mlp`: whether the generator draws the mean training picture before the first step, by its last biases.
        begin_with_mean: bool = false, Range::Flag;
        /// The source of the mean and variance of batch norms while training.
        batch_norm: BatchNorm = BatchNorm::Batch, BatchNorm::WORDS;
        /// The share of its running statistics that a batch norm keeps at a step.
        batch_norm_momentum: f64 = 0.99, Range::Real(0.0, 1.0);
        /// The ε that batch norm adds to the variance.
        batch_norm_epsilon: f64 = 1e-3, Range::Real(1e-12, 1.0);
        /// The learning rate.
        learning_rate: f64 = 1e-4, LEARNING_RATE;
        /// Adam's decay rate of the first moment.
        beta1: f64 = 0.9, Range::Real(0.0, 0.999_999);
        /// Adam's decay rate of the second moment.
        beta2: f64 = 0.999, Range::Real(0.0, 0.999_999);
        /// The ε that Adam adds to the root of the second moment.
        epsilon: f64 = 1e-7, Range::Real(0.0, 1.0);
        /// The decay of the exponential moving average (EMA) of the generator's weights, which draws samples, is
        /// evaluated and exported; 0: no EMA.
        ema: f64 = 0.0, Range::Real(0.0, 0.999_999);
        /// A factor on latents where the generator draws samples, is evaluated and exported: below 1 more typical
        /// pictures, above 1 more variety (truncation, Brock et al. 2019).
        truncation: f64 = 1.0, Range::Real(0.0, 3.0);
    }
}

section! {
    /// The network that tells generated pictures from real ones.
    Discriminator as "discriminator" {
        /// The architecture.
        kind: Kind = Kind::Mlp, Kind::WORDS;
        /// For `mlp`: widths of the hidden layers, each followed by a ReLU.
        hidden: Vec<usize> = vec![256, 256, 256], Range::Widths;
        /// For `mlp`: above 1, each hidden value is the largest of so many, without a ReLU: maxout, Goodfellow et al.
        /// 2013.
        pieces: usize = 1, Range::Whole(1, 16);
        /// For `mlp`: the share of a picture's values that dropout keeps: Srivastava et al. 2014.
        keep_pixels: f64 = 1.0, Range::Real(0.01, 1.0);
        /// For `mlp`: the share of each hidden layer's values that dropout keeps.
        keep_hidden: f64 = 1.0, Range::Real(0.01, 1.0);
        /// For `conv`: channels of each stage, from the largest picture on, each followed by a leaky ReLU; a stage
        /// halves height and width, rounded down. An empty list: as many stages as the shape can be halved, with
        /// `width` channels at the first and twice as many at each next one, 512 at most.
        channels: Vec<usize> = Vec::new(), Range::Channels(STAGES_MAX);
        /// For `conv` with an empty list of channels: the channels of the first stage.
        width: usize = 64, Range::Whole(1, 512);
        /// The distribution of the first weights.
        initial: Initial = Initial::Glorot, Initial::WORDS;
        /// For `initial = "uniform"`: the largest first weight.
        initial_range: f64 = 0.05, Range::Real(0.0, 10.0);
        /// Whether each weight matrix is divided by its largest singular value: Miyato et al. 2018.
        spectral_norm: bool = false, Range::Flag;
        /// λ of the penalty λ mean (D(x) - D(x + σε))² on real pictures: R1 by finite difference. The γ of Mescheder et
        /// al. 2018 is 2σ²λ. 0: no penalty.
        r1: f64 = 0.0, Range::Real(0.0, 1e6);
        /// λ of the same penalty on generated pictures: R2.
        r2: f64 = 0.0, Range::Real(0.0, 1e6);
        /// σ of both penalties: the standard deviation of the noise σε.
        penalty_noise: f64 = 0.01, Range::Real(1e-6, 1.0);
        /// The learning rate.
        learning_rate: f64 = 1e-4, LEARNING_RATE;
        /// Adam's decay rate of the first moment.
        beta1: f64 = 0.9, Range::Real(0.0, 0.999_999);
        /// Adam's decay rate of the second moment.
        beta2: f64 = 0.999, Range::Real(0.0, 0.999_999);
        /// The ε that Adam adds to the root of the second moment.
        epsilon: f64 = 1e-7, Range::Real(0.0, 1.0);
    }
}

section! {
    /// The adversarial training.
    Training as "training" {
        /// The seed of all random numbers.
        seed: u64 = 1, Range::Whole(0, i64::MAX);
        /// Steps, each of `k_discriminator` updates of the discriminator and `k_generator` of the generator.
        steps: u64 = 20_000, Range::Whole(0, i64::MAX);
        /// Real pictures in an update, and as many generated ones.
        batch: usize = 32, Range::Whole(1, 65_536);
        /// What the networks minimise.
        loss: Loss = Loss::NonSaturating, Loss::WORDS;
        /// `alternating`: the generator learns from the updated discriminator, algorithm 1 of Goodfellow et al. 2014;
        /// `simultaneous`: both learn from each other before either is updated, as the code of that paper does.
        order: Order = Order::Alternating, Order::WORDS;
        /// Whether both networks are conditioned on the label: the generator by a one-hot vector behind the latent, the
        /// discriminator by projection, Miyato and Koyama 2018.
        conditional: bool = false, Range::Flag;
        /// `fixed`; or `adaptive`: the discriminator's learning rate falls while D(x) - D(G(z)) is above 0.6 (measure
        /// and target after Karras et al. 2020, equation 1), and rises again to the recipe's rate while it is not.
        balance: Balance = Balance::Fixed, Balance::WORDS;
        /// Differentiable augmentation, for small data sets: the discriminator sees real and generated pictures only
        /// transformed, and the generator learns through the transformation. `fixed`: with the same probability at each
        /// step; `adaptive`: with a probability that rises from 0 while the discriminator overfits (ADA).
        augment: Augment = Augment::Off, Augment::WORDS;
        /// The transformations: brightness, saturation and contrast (`colour`), a shift by at most an eighth of each
        /// side (`translation`), a grey rectangle of half the height and width (`cutout`): Zhao et al. 2020.
        #[serde(with = "as_text")]
        augment_policy: AugmentPolicy = AugmentPolicy::ALL, Range::Parsed(|text| text.parse::<AugmentPolicy>().is_ok(), AugmentPolicy::WORDS);
        /// The probability with which each transformation is applied to a picture; for `adaptive` its upper limit.
        augment_probability: f64 = 1.0, Range::Real(0.0, 1.0);
        /// For `adaptive`: the target of the overfitting measure r_t, the mean sign of the discriminator's logits for
        /// training pictures: Karras et al. 2020, equation 1.
        augment_target: f64 = 0.6, Range::Real(0.0, 1.0);
        /// Whether batches hold every label equally often.
        balanced: bool = false, Range::Flag;
        /// The optimiser.
        optimizer: Optimizer = Optimizer::Adam, Optimizer::WORDS;
        /// For `sgd`: the momentum at the first step.
        momentum: f64 = 0.0, Range::Real(0.0, 0.999_999);
        /// For `sgd`: the momentum after `momentum_steps`, approached linearly.
        momentum_to: f64 = 0.0, Range::Real(0.0, 0.999_999);
        /// For `sgd`: the steps over which the momentum approaches `momentum_to`; 0 for all steps.
        momentum_steps: u64 = 0, Range::Whole(0, i64::MAX);
        /// The schedule of the learning rates.
        schedule: Schedule = Schedule::Constant, Schedule::WORDS;
        /// For `linear` and `cosine`: the share of the steps after which the learning rates begin to fall.
        decay_from: f64 = 0.5, Range::Real(0.0, 1.0);
        /// The share of the learning rates that is left at the last step.
        decay_to: f64 = 0.02, Range::Real(0.0, 1.0);
        /// For `exponential`: the divisor of the learning rates at each step, until `decay_to` is left.
        decay: f64 = 1.000_004, Range::Real(1.0, 2.0);
        /// Updates of the discriminator in a step: k in algorithm 1 of Goodfellow et al. 2014.
        k_discriminator: usize = 1, UPDATES;
        /// Updates of the generator in a step.
        k_generator: usize = 1, UPDATES;
        /// Learning rates and updates that change while the networks train, each from a step on. A value that is set
        /// from the dashboard or at a resume replaces later changes of the same key; a rollback halves all later
        /// learning rates.
        changes: Vec<Change> = Vec::new(), Range::ParsedList(|text| text.parse::<Change>().is_ok(), "a list of changes, such as \"12000: generator.learning_rate = 1e-4\"");
    }
}

section! {
    /// The evaluation of the generator while it trains.
    Evaluation as "evaluation" {
        /// Steps from one evaluation to the next; 0: none. Samples are compared with held-out training pictures, in
        /// the features of the judge of the data: with the pictures after the first `data.images`, or else with the last
        /// twelfth, 16 to 5,000. The checkpoint with the least Fréchet distance is kept as best.safetensors.
        every: u64 = 0, Range::Whole(0, i64::MAX);
    }
}

section! {
    /// The contents of the run directory.
    Record as "record" {
        /// Steps from one line of metrics to the next.
        metrics_every: u64 = 50, Range::Whole(1, i64::MAX);
        /// Steps from one grid of samples to the next.
        samples_every: u64 = 500, Range::Whole(1, i64::MAX);
        /// Steps from one checkpoint to the next.
        checkpoint_every: u64 = 5_000, Range::Whole(1, i64::MAX);
        /// Checkpoints to keep; older ones are removed.
        checkpoints_kept: usize = 3, Range::Whole(1, 1_000_000);
    }
}
