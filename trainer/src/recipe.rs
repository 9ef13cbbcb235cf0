//! Every hyperparameter, once: its default, its range and its meaning. An experiment is a TOML file that says what differs.

mod knob;

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use duel_models::LatentLaw;

pub use knob::{Knob, Range};

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
            const KNOBS: &[Knob] = &[$(Knob {
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
        /// Uniform in (-1, 1).
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
    /// The law of the first weights.
    Initial {
        /// Uniform within √(6 / (inputs + outputs)), biases 0: Glorot and Bengio 2010, equation 16; Keras' default.
        Glorot = "glorot",
        /// Uniform within 1 / √inputs, biases too: PyTorch's default.
        FanIn = "fan-in",
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
    }
}

section! {
    /// The images to learn from.
    Data as "data" {
        /// `mnist`, the bundled digits, or a directory of IDX files named as MNIST's.
        source: String = "mnist".to_owned(), Range::Text;
        /// Training images used, from the first one on; 0 for all.
        images: usize = 0, Range::Whole(0, i64::MAX);
        /// Labels there are, for networks that are told them: 0 to one less.
        classes: usize = 10, Range::Whole(1, 256);
    }
}

section! {
    /// The network that draws.
    Generator as "generator" {
        /// Values of a latent.
        latent: usize = 64, Range::Whole(1, 4096);
        /// The law they follow.
        latent_law: Law = Law::Normal, Law::WORDS;
        /// What it is made of.
        kind: Kind = Kind::Mlp, Kind::WORDS;
        /// Of `mlp`: widths of the hidden layers, each followed by a ReLU and a batch norm.
        hidden: Vec<usize> = vec![256, 256, 256], Range::Widths;
        /// Of `conv`: channels of each image, from the smallest on, before it grows to twice its side; each has a batch norm and a leaky ReLU.
        channels: Vec<usize> = vec![128, 64], Range::Channels(2);
        /// Of `conv`: how an image grows.
        growth: Growth = Growth::Transposed, Growth::WORDS;
        /// The law of the first weights.
        initial: Initial = Initial::Glorot, Initial::WORDS;
        /// Where batch norm takes its figures from while training.
        batch_norm: BatchNorm = BatchNorm::Batch, BatchNorm::WORDS;
        /// How much of its running figures batch norm keeps at a step.
        batch_norm_momentum: f64 = 0.99, Range::Real(0.0, 1.0);
        /// What batch norm adds to the variance.
        batch_norm_epsilon: f64 = 1e-3, Range::Real(1e-12, 1.0);
        /// Adam's learning rate.
        learning_rate: f64 = 1e-4, Range::Real(0.0, 10.0);
        /// Adam's decay of the first moment.
        beta1: f64 = 0.9, Range::Real(0.0, 0.999_999);
        /// Adam's decay of the second moment.
        beta2: f64 = 0.999, Range::Real(0.0, 0.999_999);
        /// What Adam adds to the root of the second moment.
        epsilon: f64 = 1e-7, Range::Real(0.0, 1.0);
        /// How much of itself the averaged generator keeps at a step; it draws samples, is judged and exported. 0: no average.
        average: f64 = 0.0, Range::Real(0.0, 0.999_999);
        /// How much wider than in training the latents are that it draws samples and exports with: above 1 more variety, below 1 more typical digits (truncation, Brock et al. 2019).
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
        /// Of `conv`: channels of each image, each of half the side of the one before, with a leaky ReLU.
        channels: Vec<usize> = vec![64, 128], Range::Channels(4);
        /// The law of the first weights.
        initial: Initial = Initial::Glorot, Initial::WORDS;
        /// Whether each weight is divided by its largest singular value: Miyato et al. 2018.
        spectral_norm: bool = false, Range::Flag;
        /// λ of the penalty λ mean (D(x) - D(x + σε))² on real images, R1 by finite difference; γ of Mescheder et al. 2018 is 2σ²λ. 0: none.
        r1: f64 = 0.0, Range::Real(0.0, 1e6);
        /// λ of the same penalty on drawn images, R2.
        r2: f64 = 0.0, Range::Real(0.0, 1e6);
        /// σ of both, the standard deviation of the noise σε.
        penalty_noise: f64 = 0.01, Range::Real(1e-6, 1.0);
        /// Adam's learning rate.
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
        /// Whether both networks are told the label: one-hot behind the latent, and by projection, Miyato and Koyama 2018.
        conditional: bool = false, Range::Flag;
        /// Whether each label is as frequent as the next.
        balanced: bool = false, Range::Flag;
        /// What becomes of the learning rates.
        schedule: Schedule = Schedule::Constant, Schedule::WORDS;
        /// The share of the steps after which they begin to fall.
        decay_from: f64 = 0.5, Range::Real(0.0, 1.0);
        /// What is left of them at the last step, as a share.
        decay_to: f64 = 0.02, Range::Real(0.0, 1.0);
        /// Updates of the discriminator in a step: k of Goodfellow et al. 2014, algorithm 1.
        k_discriminator: usize = 1, Range::Whole(0, 100);
        /// Updates of the generator in a step.
        k_generator: usize = 1, Range::Whole(0, 100);
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
        };
        self.decay_to + (1.0 - self.decay_to) * left
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

/// A whole experiment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Its name.
    pub name: String,
    /// What it shows, in a line.
    pub about: String,
    /// The images to learn from.
    pub data: Data,
    /// The network that draws.
    pub generator: Generator,
    /// The network that tells drawn from real.
    pub discriminator: Discriminator,
    /// The duel itself.
    pub training: Training,
    /// What the run directory gets, and when.
    pub record: Record,
}

const TOP: &[Knob] = &[
    Knob { section: "", key: "name", range: Range::Text, meaning: " The recipe's name." },
    Knob { section: "", key: "about", range: Range::Text, meaning: " What it shows, in a line." },
];

/// The recipes that ship with duel, the default first: name and text.
pub const SHIPPED: &[(&str, &str)] =
    &[("digits", include_str!("../recipes/digits.toml")), ("article", include_str!("../recipes/article.toml"))];

/// Why there is no recipe.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// Neither a shipped name nor a file.
    #[error("no recipe {name:?}: give a TOML file, or one of {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The shipped ones.
        known: String,
    },
    /// The file cannot be read.
    #[error("cannot read {file}: {why}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        why: std::io::Error,
    },
    /// The text is not TOML.
    #[error("{origin} is not TOML: {why}")]
    NotToml {
        /// Where the text came from.
        origin: String,
        /// What the parser says, in a line.
        why: String,
    },
    /// There is no such hyperparameter.
    #[error("{origin} has no key {key:?}; the keys there are {known}")]
    UnknownKey {
        /// Where the key stands.
        origin: String,
        /// The key.
        key: String,
        /// Those that exist in its section.
        known: String,
    },
    /// A hyperparameter cannot have that value.
    #[error("{origin}: {key} = {value} cannot be; expected {range}")]
    OutOfRange {
        /// Where it stands.
        origin: String,
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// What it may be.
        range: Range,
    },
    /// `--set` without an equals sign.
    #[error("--set {0:?}: expected key=value, such as training.batch=64")]
    NotASetting(String),
}

impl Recipe {
    /// The shipped recipe of that name, or the one in that file; then each `key=value` of `settings` over it.
    pub fn load(name_or_file: &str, settings: &[String]) -> Result<Self, RecipeError> {
        let shipped = SHIPPED.iter().find(|(name, _)| *name == name_or_file);
        let text = match shipped {
            Some((_, text)) => (*text).to_owned(),
            None if name_or_file.contains(['.', '/', '\\']) => read(Path::new(name_or_file))
                .map_err(|why| RecipeError::Unreadable { file: name_or_file.to_owned(), why })?,
            None => {
                let known: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
                return Err(RecipeError::Unknown { name: name_or_file.to_owned(), known: known.join(", ") });
            }
        };
        Self::parse(&text, name_or_file)?.with(settings)
    }

    /// The recipe of a TOML text; `origin` names the text in errors.
    pub fn parse(text: &str, origin: &str) -> Result<Self, RecipeError> {
        Self::default().merge(table(text, origin)?, origin)
    }

    /// This recipe with each `key=value` over it.
    pub fn with(self, settings: &[String]) -> Result<Self, RecipeError> {
        settings.iter().try_fold(self, |recipe, setting| recipe.set(setting))
    }

    fn set(self, setting: &str) -> Result<Self, RecipeError> {
        let not_a_setting = || RecipeError::NotASetting(setting.to_owned());
        let (path, text) = setting.split_once('=').ok_or_else(not_a_setting)?;
        // A word needs no quotes: what is no TOML value is text.
        let value = table(&format!("value = {}", text.trim()), "--set")
            .ok()
            .and_then(|mut parsed| if parsed.len() == 1 { parsed.remove("value") } else { None })
            .unwrap_or_else(|| Value::String(text.trim().to_owned()));
        let (section, key) = path.trim().rsplit_once('.').unwrap_or(("", path.trim()));
        let mut overlay = Table::from_iter([(key.to_owned(), value)]);
        if !section.is_empty() {
            overlay = Table::from_iter([(section.to_owned(), Value::Table(overlay))]);
        }
        self.merge(overlay, "--set")
    }

    /// The one door for what a user wrote: each key must exist, each value lie in its range.
    fn merge(self, overlay: Table, origin: &str) -> Result<Self, RecipeError> {
        let mut table = Table::try_from(&self).expect("a recipe is a TOML table");
        for (key, value) in overlay {
            match (table.get_mut(&key), value) {
                (Some(Value::Table(section)), Value::Table(changes)) => {
                    for (inner, value) in changes {
                        check(origin, &key, &inner, &value)?;
                        section.insert(inner, value);
                    }
                }
                (_, value) => {
                    check(origin, "", &key, &value)?;
                    table.insert(key, value);
                }
            }
        }
        Ok(table.try_into().expect("each key and value was checked"))
    }

    /// Labels that the networks are told; 0 if they are not.
    pub fn classes(&self) -> usize {
        if self.training.conditional { self.data.classes } else { 0 }
    }

    /// Every hyperparameter, in the order of the file.
    pub fn knobs() -> impl Iterator<Item = &'static Knob> {
        let sections = [Data::KNOBS, Generator::KNOBS, Discriminator::KNOBS, Training::KNOBS, Record::KNOBS];
        TOP.iter().chain(sections.into_iter().flatten())
    }

    /// The whole recipe as TOML: enough to run it again.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe is TOML")
    }

    /// The whole recipe as TOML, above each key its meaning and range.
    pub fn explained(&self) -> String {
        let table = Table::try_from(self).expect("a recipe is a TOML table");
        let mut text = String::new();
        let mut section = "";
        for knob in Self::knobs() {
            if knob.section != section {
                section = knob.section;
                text += &format!("[{section}]\n");
            }
            let scope = if section.is_empty() { Some(&table) } else { table[section].as_table() };
            let value = &scope.expect("a section is a table")[knob.key];
            text += &format!("#{} Range: {}.\n{} = {value}\n\n", knob.meaning, knob.range, knob.key);
        }
        text
    }
}

/// The text of a file, of which no recipe has as much as is read.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(1 << 20).read_to_string(&mut text)?;
    Ok(text)
}

fn table(text: &str, origin: &str) -> Result<Table, RecipeError> {
    text.parse::<Table>().map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        let message = error.message().lines().next().unwrap_or_default();
        RecipeError::NotToml { origin: origin.to_owned(), why: format!("line {line}: {message}") }
    })
}

fn check(origin: &str, section: &str, key: &str, value: &Value) -> Result<(), RecipeError> {
    let Some(knob) = Recipe::knobs().find(|knob| knob.section == section && knob.key == key) else {
        let path = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
        let here: Vec<String> = Recipe::knobs().filter(|k| k.section == section).map(Knob::path).collect();
        let all = || Recipe::knobs().map(Knob::path).collect();
        let known = if here.is_empty() || section.is_empty() { all() } else { here };
        return Err(RecipeError::UnknownKey { origin: origin.to_owned(), key: path, known: known.join(", ") });
    };
    if knob.range.holds(value) {
        return Ok(());
    }
    let shown: String = value.to_string().chars().take(60).collect();
    Err(RecipeError::OutOfRange { origin: origin.to_owned(), key: knob.path(), value: shown, range: knob.range })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_recipes_are_whole_and_survive_the_round_trip() {
        for (name, _) in SHIPPED {
            let recipe = Recipe::load(name, &[]).expect(name);
            assert_eq!(recipe.name, *name);
            assert!(!recipe.about.is_empty());
            for text in [recipe.to_toml(), recipe.explained()] {
                assert_eq!(Recipe::parse(&text, name).expect(name), recipe);
            }
        }
    }

    #[test]
    fn defaults_lie_in_their_ranges() {
        let text = Recipe::default().to_toml();
        assert_eq!(Recipe::parse(&text, "defaults").expect("the defaults"), Recipe::default());
    }

    #[test]
    fn rates_stay_and_then_fall_to_their_end() {
        let mut training = Training { steps: 100, ..Training::default() };
        assert_eq!((training.rate_at(0), training.rate_at(100)), (1.0, 1.0));
        for (schedule, between) in [(Schedule::Linear, 0.265), (Schedule::Cosine, 0.02 + 0.98 * 0.146_446_6)] {
            training.schedule = schedule;
            for (step, expected) in [(0, 1.0), (50, 1.0), (75, 0.51), (100, 0.02), (200, 0.02)] {
                assert!((training.rate_at(step) - expected).abs() < 1e-9, "{schedule:?} {step}");
            }
            training.decay_from = 0.0;
            assert!((training.rate_at(75) - between).abs() < 1e-6, "{schedule:?} {}", training.rate_at(75));
            training.decay_from = 0.5;
        }
    }

    #[test]
    fn settings_override() {
        let settings = ["training.batch=64", "training.loss=minimax", "generator.hidden=[8, 8]", "name=mine"];
        let recipe = Recipe::load("article", &settings.map(str::to_owned)).expect("good settings");
        assert_eq!((recipe.training.batch, recipe.training.loss), (64, Loss::Minimax));
        assert_eq!((recipe.generator.hidden, recipe.name.as_str()), (vec![8, 8], "mine"));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        for (setting, expected) in [
            ("training.batches=64", r#""training.batches"; the keys there are training.seed"#),
            ("trainin.batch=64", r#"no key "trainin"; the keys there are name, about, data.source"#),
            ("batch=64", "training.batch"),
            ("training=3", r#"no key "training""#),
            ("training.batch=0", "a whole number from 1 to 65536"),
            ("training.batch=1.5", "a whole number"),
            ("training.batch=many", "a whole number"),
            ("generator.learning_rate=-1", "a number from 0 to 10"),
            ("generator.learning_rate=nan", "a number from 0 to 10"),
            ("generator.hidden=[]", "widths"),
            ("training.loss=wasserstein", "non-saturating or minimax"),
            ("training.conditional=1", "true or false"),
            ("generator.channels=[8, 8, 8]", "1 to 2 widths"),
            ("training.seed=-1", "a whole number from 0"),
            ("training.batch", "key=value"),
            ("name=1", "a line of text"),
        ] {
            let error = Recipe::load("article", &[setting.to_owned()]).expect_err(setting).to_string();
            assert!(error.contains(expected), "{setting}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        let error = Recipe::parse("[training]\nbatch = 3\nbatch 4\n", "mine.toml").expect_err("no TOML").to_string();
        assert!(error.contains("line 3"), "{error}");
        for text in ["training = [", "[training]\nbatch = \"\"", "[nothing]\nx = 1"] {
            let error = Recipe::parse(text, "mine.toml").expect_err(text).to_string();
            assert!(error.starts_with("mine.toml"), "{error}");
        }
        assert!(Recipe::load("artcle", &[]).expect_err("no such").to_string().contains("one of digits, article"));
    }
}
