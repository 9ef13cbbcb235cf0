//! The description that a generator file carries: the metadata of `generator.onnx` and `generator.safetensors`.

use std::{collections::BTreeMap, str::FromStr};

use crate::{LatentLaw, Shape, json, text::is_hidden};

/// The largest latent of a card. Bounds the memory that an untrusted file can ask for.
const LATENT_MAX: usize = 4096;

/// The most classes of a card: a label is one byte.
pub const CLASSES_MAX: usize = 256;

/// The longest name of a class, in bytes.
pub const CLASS_NAME_MAX: usize = 64;

/// Digits behind the point with which the score `name` is shown: the KID of good samples is some thousandths.
pub fn score_digits(name: &str) -> usize {
    if name.starts_with("kid") { 5 } else { 3 }
}

/// Whether a text can be the name of a class: 1 to 64 bytes, no hidden characters.
pub fn is_class_name(text: &str) -> bool {
    (1..=CLASS_NAME_MAX).contains(&text.len()) && !text.chars().any(is_hidden)
}

/// The description of an exported generator. Its pictures have `shape` and values in [-1, 1].
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// Name of the model, as in `duel sample --model NAME`.
    pub name: String,
    /// Shape of its pictures.
    pub shape: Shape,
    /// Values of a latent, 1 to 4096.
    pub latent: usize,
    /// Distribution of those values.
    pub latent_law: LatentLaw,
    /// Number of classes, 0 (none) to 256.
    pub classes: usize,
    /// The name of each class, 1 to 64 bytes without hidden characters; empty if the classes have numbers only.
    pub class_names: Vec<String>,
    /// Name of the recipe that trained it.
    pub recipe: String,
    /// Seed of the training.
    pub seed: u64,
    /// Training steps.
    pub steps: u64,
    /// Training pictures that the discriminator saw, repeats included.
    pub images: u64,
    /// Name of the data set.
    pub data: String,
    /// Program and version that wrote the file.
    pub made_by: String,
    /// Programs that checked the graph before it was written.
    pub checked_by: String,
    /// The judge of the scores, its name and the start of its hash: scores of two judges cannot be compared. Empty without
    /// scores.
    pub judge: String,
    /// Scores by name, as `duel eval` prints them.
    pub scores: BTreeMap<String, f64>,
    /// The same scores of real pictures, as many as were scored; empty in cards of old versions.
    pub real: BTreeMap<String, f64>,
}

/// Reasons why metadata is not a card. Each message follows the name of a file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CardError {
    /// The metadata has none of duel's keys.
    #[error("it has no duel card in its metadata; `duel export` writes one")]
    Missing,
    /// One key is absent.
    #[error("its card lacks `{0}`; export it again with `duel export`")]
    Lacks(&'static str),
    /// The value of one key is not allowed.
    #[error("its card says {key} = {value:?}, expected {expected}")]
    Wrong {
        /// The key.
        key: String,
        /// Its value, shortened.
        value: String,
        /// The values that are allowed.
        expected: String,
    },
}

/// The version that is written. Version 1 is read too: it differs only in that every picture is [`SHAPE_1`].
const VERSION: &str = "2";
/// The shape of every picture of version 1.
const SHAPE_1: &str = "1x28x28";
const RANGE: &str = "-1..1";
const SCORE: &str = "duel.score.";
const REAL: &str = "duel.real.";
/// Absent in cards without scores, and in cards of old versions, whose judge is [`FIRST_JUDGE`].
const JUDGE: &str = "duel.judge";
/// The classifier of MNIST's digits, once the only judge.
const FIRST_JUDGE: &str = "digits";
/// A JSON list; absent if the classes have no names. Older programs ignore it.
const CLASS_NAMES: &str = "duel.class_names";

impl Card {
    /// The card as keys and values for the metadata of a file.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let fields = [
            ("duel.card", VERSION.to_owned()),
            ("duel.name", self.name.clone()),
            ("duel.latent", self.latent.to_string()),
            ("duel.latent_law", self.latent_law.to_string()),
            ("duel.classes", self.classes.to_string()),
            ("duel.image", self.shape.to_string()),
            ("duel.range", RANGE.to_owned()),
            ("duel.recipe", self.recipe.clone()),
            ("duel.seed", self.seed.to_string()),
            ("duel.steps", self.steps.to_string()),
            ("duel.images", self.images.to_string()),
            ("duel.data", self.data.clone()),
            ("duel.made_by", self.made_by.clone()),
            ("duel.checked_by", self.checked_by.clone()),
        ];
        let names = (!self.class_names.is_empty()).then(|| (CLASS_NAMES, json::write_list(&self.class_names)));
        let judge = (!self.judge.is_empty()).then(|| (JUDGE, self.judge.clone()));
        let scores = [(SCORE, &self.scores), (REAL, &self.real)].into_iter().flat_map(|(prefix, scores)| {
            scores.iter().map(move |(name, score)| (format!("{prefix}{name}"), score.to_string()))
        });
        let fields = fields.into_iter().chain(names).chain(judge);
        fields.map(|(key, value)| (key.to_owned(), value)).chain(scores).collect()
    }

    /// The name of a class, or its number if the classes have no names.
    pub fn class_name(&self, class: u8) -> String {
        self.class_names.get(usize::from(class)).cloned().unwrap_or_else(|| class.to_string())
    }

    /// Reads the card in the metadata of an untrusted file, and checks each field. Keys of other programs are ignored.
    pub fn from_map(map: &BTreeMap<String, String>) -> Result<Self, CardError> {
        if !map.keys().any(|key| key.starts_with("duel.")) {
            return Err(CardError::Missing);
        }
        let fields = Fields(map);
        match fields.get("duel.card")? {
            "1" => fields.exactly("duel.image", SHAPE_1)?,
            VERSION => {}
            other => return Err(wrong("duel.card", other, "1 or 2")),
        }
        fields.exactly("duel.range", RANGE)?;
        let classes = fields.number("duel.classes", 0, CLASSES_MAX)?;
        let scores = fields.scores(SCORE)?;
        Ok(Self {
            name: fields.text("duel.name")?,
            shape: fields.parsed("duel.image", "CHANNELSxHEIGHTxWIDTH, 1 or 3 channels and sides of 8 to 128")?,
            latent: fields.number("duel.latent", 1, LATENT_MAX)?,
            latent_law: fields.parsed("duel.latent_law", "normal or uniform")?,
            classes,
            class_names: fields.class_names(classes)?,
            recipe: fields.text("duel.recipe")?,
            seed: fields.parsed("duel.seed", "an integer")?,
            steps: fields.parsed("duel.steps", "an integer")?,
            images: fields.parsed("duel.images", "an integer")?,
            data: fields.text("duel.data")?,
            made_by: fields.text("duel.made_by")?,
            checked_by: fields.text("duel.checked_by")?,
            judge: match map.contains_key(JUDGE) {
                true => fields.text(JUDGE)?,
                false if scores.is_empty() => String::new(),
                false => FIRST_JUDGE.to_owned(),
            },
            scores,
            real: fields.scores(REAL)?,
        })
    }
}

/// Typed access to the metadata of a file.
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

    fn class_names(&self, classes: usize) -> Result<Vec<String>, CardError> {
        let Some(value) = self.0.get(CLASS_NAMES) else { return Ok(Vec::new()) };
        let good = |name: &String| is_class_name(name);
        let names = json::read_list(value, classes).filter(|names| names.len() == classes && names.iter().all(good));
        names.ok_or_else(|| {
            let expected =
                format!("a JSON list of {classes} names, each 1 to {CLASS_NAME_MAX} bytes of text in one line");
            wrong(CLASS_NAMES, value, &expected)
        })
    }

    fn scores(&self, prefix: &str) -> Result<BTreeMap<String, f64>, CardError> {
        let scores = self.0.iter().filter_map(|(key, value)| Some((key, key.strip_prefix(prefix)?, value)));
        scores
            .map(|(key, name, value)| match value.parse::<f64>() {
                Ok(score) if score.is_finite() => Ok((name.to_owned(), score)),
                _ => Err(wrong(key, value, "a finite number")),
            })
            .collect()
    }
}

fn wrong(key: &str, value: &str, expected: &str) -> CardError {
    // The key of a score comes from the file, so it may hold anything.
    let key = key.chars().filter(|c| !is_hidden(*c)).take(40).collect();
    CardError::Wrong { key, value: value.chars().take(40).collect(), expected: expected.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Card {
        Card {
            name: "article".into(),
            shape: Shape::new(3, 32, 48).expect("in range"),
            latent: 784,
            latent_law: LatentLaw::Normal,
            classes: 0,
            class_names: Vec::new(),
            recipe: "article".into(),
            seed: u64::MAX,
            steps: 78_125,
            images: 2_500_000,
            data: "mnist".into(),
            made_by: "duel 0.1.0".into(),
            checked_by: "candle-onnx, tract".into(),
            judge: "classifier of garments 0123456789abcdef".into(),
            scores: BTreeMap::from([("frechet".into(), 1.25)]),
            real: BTreeMap::from([("frechet".into(), 0.75)]),
        }
    }

    #[test]
    fn scores_of_an_old_card_are_by_the_digits_classifier() {
        let mut map = card().to_map();
        map.retain(|key, _| key != "duel.judge" && key != "duel.real.frechet");
        let old = Card::from_map(&map).expect("a card of an old version");
        assert_eq!((&*old.judge, old.scores, old.real.len()), ("digits", card().scores, 0));
        map.remove("duel.score.frechet");
        assert_eq!(Card::from_map(&map).expect("a card without scores").judge, "");
    }

    #[test]
    fn a_card_survives_the_round_trip() {
        assert_eq!(Card::from_map(&card().to_map()), Ok(card()));
    }

    #[test]
    fn names_of_classes_survive_the_round_trip() {
        let class_names: Vec<String> = ["cat", "\"dog\"", "é"].map(str::to_owned).into();
        let named = Card { classes: 3, class_names, ..card() };
        let map = named.to_map();
        assert_eq!(map["duel.class_names"], r#"["cat", "\"dog\"", "é"]"#);
        assert_eq!(Card::from_map(&map), Ok(named.clone()));
        assert_eq!([named.class_name(1), named.class_name(3), card().class_name(7)], ["\"dog\"", "3", "7"]);
        assert!(!card().to_map().contains_key("duel.class_names"), "a card without names is as before");
        let long = format!(r#"["{}", "b", "c"]"#, "a".repeat(65));
        for names in [
            r#"["cat", "dog"]"#,
            r#"["a", "b", "c", "d"]"#,
            r#"["a", "", "c"]"#,
            r#"["a\u001b", "b", "c"]"#,
            "cat",
            &long,
        ] {
            let mut map = map.clone();
            map.insert("duel.class_names".into(), names.into());
            let error = Card::from_map(&map).expect_err(names).to_string();
            assert!(error.contains("duel.class_names") && error.contains("3 names"), "{error}");
        }
    }

    #[test]
    fn version_1_is_read_as_pictures_of_28_by_28() {
        let mut map = card().to_map();
        map.insert("duel.card".into(), "1".into());
        let error = Card::from_map(&map).expect_err("version 1 has no colours").to_string();
        assert!(error.contains("duel.image = \"3x32x48\", expected 1x28x28"), "{error}");
        map.insert("duel.image".into(), SHAPE_1.into());
        let shape = SHAPE_1.parse().expect("in range");
        assert_eq!(Card::from_map(&map), Ok(Card { shape, ..card() }));
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (key, value) in [
            ("duel.card", "3"),
            ("duel.latent", "0"),
            ("duel.latent", "4097"),
            ("duel.latent", "-1"),
            ("duel.latent_law", "cauchy"),
            ("duel.classes", "257"),
            ("duel.image", "2x28x28"),
            ("duel.image", "1x28x129"),
            ("duel.range", "0..1"),
            ("duel.name", "a\nb"),
            ("duel.seed", "one"),
            ("duel.score.frechet", "NaN"),
            ("duel.real.frechet", "NaN"),
            ("duel.judge", "a\nb"),
        ] {
            let mut map = card().to_map();
            map.insert(key.into(), value.into());
            let error = Card::from_map(&map).expect_err(key).to_string();
            assert!(error.contains(key), "{error}");
        }
        let hostile = [("duel.score.\u{1b}[2J".to_owned(), "NaN".to_owned())];
        let error = Card::from_map(&card().to_map().into_iter().chain(hostile).collect())
            .expect_err("not a number")
            .to_string();
        assert!(error.contains("duel.score.[2J") && !error.chars().any(char::is_control), "{error:?}");
        let mut map = card().to_map();
        map.remove("duel.seed");
        assert_eq!(Card::from_map(&map), Err(CardError::Lacks("duel.seed")));
        assert_eq!(Card::from_map(&BTreeMap::from([("author".into(), "x".into())])), Err(CardError::Missing));
    }
}
