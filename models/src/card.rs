//! What a generator file says of itself: the metadata of `generator.onnx` and `generator.safetensors`.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::{
    random::{Stream, inverse_normal},
    text::is_hidden,
};

/// Rows and columns of an image.
pub const SIDE: usize = 28;

/// Values of an image, [`SIDE`] × [`SIDE`].
pub const PIXELS: usize = SIDE * SIDE;

/// The largest latent a card may ask for, so that a stranger's file cannot ask for the machine's memory.
const LATENT_MAX: usize = 4096;

/// As above, for classes: a label is one byte.
const CLASSES_MAX: usize = 256;

/// The law that a generator's latents follow, value by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatentLaw {
    /// Mean 0, variance 1.
    Normal,
    /// Uniform in (-√3, √3), of variance 1 as the other: `Generator.get_noise` in the code of the 2014 paper,
    /// github.com/goodfeli/adversarial.
    Uniform,
}

impl LatentLaw {
    /// One value of the law.
    pub fn draw(self, stream: &mut Stream) -> f32 {
        self.quantile(stream.uniform())
    }

    /// The value that a share `p` of all, in (0, 1), lies below.
    pub fn quantile(self, p: f64) -> f32 {
        match self {
            Self::Normal => inverse_normal(p) as f32,
            Self::Uniform => ((2.0 * p - 1.0) * f64::from(self.bound())) as f32,
        }
    }

    /// What no value lies beyond.
    pub fn bound(self) -> f32 {
        match self {
            Self::Normal => f32::INFINITY,
            Self::Uniform => 3f32.sqrt(),
        }
    }
}

impl fmt::Display for LatentLaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Normal => "normal",
            Self::Uniform => "uniform",
        })
    }
}

impl FromStr for LatentLaw {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "normal" => Ok(Self::Normal),
            "uniform" => Ok(Self::Uniform),
            _ => Err("normal or uniform".to_owned()),
        }
    }
}

/// The self-description of an exported generator.
///
/// Images are [`SIDE`] × [`SIDE`] grey values in [-1, 1]; those two facts are written into the file and checked, not chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// What the model is called, as in `duel sample --model NAME`.
    pub name: String,
    /// Values of a latent, 1 to 4096.
    pub latent: usize,
    /// The law they follow.
    pub latent_law: LatentLaw,
    /// Labels the generator takes, 0 (none) to 256.
    pub classes: usize,
    /// The recipe it was trained by.
    pub recipe: String,
    /// The seed of that training.
    pub seed: u64,
    /// Training steps.
    pub steps: u64,
    /// Training images seen, repeats counted.
    pub images: u64,
    /// The data set.
    pub data: String,
    /// The program and version that wrote the file.
    pub made_by: String,
    /// What the exported graph was checked with before it was written.
    pub checked_by: String,
    /// Scores by name, as `duel eval` prints them.
    pub scores: BTreeMap<String, f64>,
}

/// Why metadata is no card.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CardError {
    /// The file has none of duel's keys.
    #[error("it has no duel card in its metadata; `duel export` writes one")]
    Missing,
    /// One key is not there.
    #[error("its card lacks `{0}`; export it again with `duel export`")]
    Lacks(&'static str),
    /// One key's value cannot be right.
    #[error("its card says {key} = {value:?}, expected {expected}")]
    Wrong {
        /// The key.
        key: String,
        /// What it says, shortened.
        value: String,
        /// What it might say.
        expected: String,
    },
}

const VERSION: &str = "1";
const IMAGE: &str = "1x28x28";
const RANGE: &str = "-1..1";
const SCORE: &str = "duel.score.";

impl Card {
    /// The card as the keys and values of a file's metadata.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let fields = [
            ("duel.card", VERSION.to_owned()),
            ("duel.name", self.name.clone()),
            ("duel.latent", self.latent.to_string()),
            ("duel.latent_law", self.latent_law.to_string()),
            ("duel.classes", self.classes.to_string()),
            ("duel.image", IMAGE.to_owned()),
            ("duel.range", RANGE.to_owned()),
            ("duel.recipe", self.recipe.clone()),
            ("duel.seed", self.seed.to_string()),
            ("duel.steps", self.steps.to_string()),
            ("duel.images", self.images.to_string()),
            ("duel.data", self.data.clone()),
            ("duel.made_by", self.made_by.clone()),
            ("duel.checked_by", self.checked_by.clone()),
        ];
        let scores = self.scores.iter().map(|(name, score)| (format!("{SCORE}{name}"), score.to_string()));
        fields.into_iter().map(|(key, value)| (key.to_owned(), value)).chain(scores).collect()
    }

    /// The card in a file's metadata, each field checked; other programs' keys are passed over.
    pub fn from_map(map: &BTreeMap<String, String>) -> Result<Self, CardError> {
        if !map.keys().any(|key| key.starts_with("duel.")) {
            return Err(CardError::Missing);
        }
        let fields = Fields(map);
        fields.exactly("duel.card", VERSION)?;
        fields.exactly("duel.image", IMAGE)?;
        fields.exactly("duel.range", RANGE)?;
        Ok(Self {
            name: fields.text("duel.name")?,
            latent: fields.number("duel.latent", 1, LATENT_MAX)?,
            latent_law: fields.parsed("duel.latent_law", "normal or uniform")?,
            classes: fields.number("duel.classes", 0, CLASSES_MAX)?,
            recipe: fields.text("duel.recipe")?,
            seed: fields.parsed("duel.seed", "an integer")?,
            steps: fields.parsed("duel.steps", "an integer")?,
            images: fields.parsed("duel.images", "an integer")?,
            data: fields.text("duel.data")?,
            made_by: fields.text("duel.made_by")?,
            checked_by: fields.text("duel.checked_by")?,
            scores: fields.scores()?,
        })
    }
}

/// Typed access to a file's metadata.
struct Fields<'a>(&'a BTreeMap<String, String>);

impl Fields<'_> {
    fn get(&self, key: &'static str) -> Result<&str, CardError> {
        self.0.get(key).map(String::as_str).ok_or(CardError::Lacks(key))
    }

    fn text(&self, key: &'static str) -> Result<String, CardError> {
        let value = self.get(key)?;
        if value.len() > 200 || value.chars().any(is_hidden) {
            return Err(wrong(key, value, "at most 200 bytes of text in one line"));
        }
        Ok(value.to_owned())
    }

    fn exactly(&self, key: &'static str, expected: &str) -> Result<(), CardError> {
        let value = self.get(key)?;
        if value == expected { Ok(()) } else { Err(wrong(key, value, expected)) }
    }

    fn parsed<T: FromStr>(&self, key: &'static str, expected: &str) -> Result<T, CardError> {
        let value = self.get(key)?;
        value.parse().map_err(|_| wrong(key, value, expected))
    }

    fn number(&self, key: &'static str, least: usize, most: usize) -> Result<usize, CardError> {
        let expected = format!("an integer from {least} to {most}");
        let number: usize = self.parsed(key, &expected)?;
        if (least..=most).contains(&number) { Ok(number) } else { Err(wrong(key, self.get(key)?, &expected)) }
    }

    fn scores(&self) -> Result<BTreeMap<String, f64>, CardError> {
        let scores = self.0.iter().filter_map(|(key, value)| Some((key, key.strip_prefix(SCORE)?, value)));
        scores
            .map(|(key, name, value)| match value.parse::<f64>() {
                Ok(score) if score.is_finite() => Ok((name.to_owned(), score)),
                _ => Err(wrong(key, value, "a finite number")),
            })
            .collect()
    }
}

fn wrong(key: &str, value: &str, expected: &str) -> CardError {
    // A score's key is the file's own.
    let key = key.chars().filter(|c| !is_hidden(*c)).take(40).collect();
    CardError::Wrong { key, value: value.chars().take(40).collect(), expected: expected.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Card {
        Card {
            name: "article".into(),
            latent: 784,
            latent_law: LatentLaw::Normal,
            classes: 0,
            recipe: "article".into(),
            seed: u64::MAX,
            steps: 78_125,
            images: 2_500_000,
            data: "mnist".into(),
            made_by: "duel 0.1.0".into(),
            checked_by: "candle-onnx, tract".into(),
            scores: BTreeMap::from([("frechet".into(), 1.25)]),
        }
    }

    #[test]
    fn a_card_survives_the_round_trip() {
        assert_eq!(Card::from_map(&card().to_map()), Ok(card()));
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (key, value) in [
            ("duel.card", "2"),
            ("duel.latent", "0"),
            ("duel.latent", "4097"),
            ("duel.latent", "-1"),
            ("duel.latent_law", "cauchy"),
            ("duel.classes", "257"),
            ("duel.image", "3x28x28"),
            ("duel.range", "0..1"),
            ("duel.name", "a\nb"),
            ("duel.seed", "one"),
            ("duel.score.frechet", "NaN"),
        ] {
            let mut map = card().to_map();
            map.insert(key.into(), value.into());
            let error = Card::from_map(&map).expect_err(key).to_string();
            assert!(error.contains(key), "{error}");
        }
        let hostile = [("duel.score.\u{1b}[2J".to_owned(), "NaN".to_owned())];
        let error =
            Card::from_map(&card().to_map().into_iter().chain(hostile).collect()).expect_err("no number").to_string();
        assert!(error.contains("duel.score.[2J") && !error.chars().any(char::is_control), "{error:?}");
        let mut map = card().to_map();
        map.remove("duel.seed");
        assert_eq!(Card::from_map(&map), Err(CardError::Lacks("duel.seed")));
        assert_eq!(Card::from_map(&BTreeMap::from([("author".into(), "x".into())])), Err(CardError::Missing));
    }
}
