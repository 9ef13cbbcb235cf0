//! What changes while a network trains: a step, a key and its value from then on. A recipe that lists its changes trains the same run again.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use toml::Value;

use super::{Recipe, RecipeError, check};

/// A key that may change, and how.
type Key = (&'static str, fn(&mut Recipe, f64));

/// What may change.
const KEYS: [Key; 4] = [
    ("generator.learning_rate", |recipe, rate| recipe.generator.learning_rate = rate),
    ("discriminator.learning_rate", |recipe, rate| recipe.discriminator.learning_rate = rate),
    ("training.k_generator", |recipe, k| recipe.training.k_generator = k as usize),
    ("training.k_discriminator", |recipe, k| recipe.training.k_discriminator = k as usize),
];

/// A change, written `STEP: KEY = VALUE`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Change {
    /// The steps that were done before it.
    pub step: u64,
    /// One of the keys that may change.
    pub key: String,
    /// Its value from then on.
    pub value: f64,
}

impl Change {
    /// Changes that a recipe holds at most: more are no history that a person reads.
    pub const MOST: usize = 1000;

    /// A change after `step` steps; the value is held against the key's range.
    pub fn new(step: u64, key: &str, value: &str) -> Result<Self, RecipeError> {
        if !Self::takes(key) {
            let known = KEYS.map(|(key, _)| key).join(", ");
            return Err(RecipeError::Fixed { key: key.to_owned(), known });
        }
        let (section, name) = key.rsplit_once('.').expect("every key has a section");
        let parsed = value.parse().map(Value::Integer).or_else(|_| value.parse().map(Value::Float));
        let parsed = parsed.unwrap_or_else(|_| Value::String(value.to_owned()));
        check("a change", section, name, &parsed)?;
        let value = parsed.as_float().or(parsed.as_integer().map(|whole| whole as f64));
        Ok(Self { step, key: key.to_owned(), value: value.expect("the ranges of these keys are of numbers") })
    }

    /// Whether a key may change.
    pub fn takes(key: &str) -> bool {
        KEYS.iter().any(|(name, _)| *name == key)
    }

    /// Makes it.
    pub(super) fn apply(&self, recipe: &mut Recipe) {
        let found = KEYS.iter().find(|(name, _)| *name == self.key);
        found.into_iter().for_each(|(_, set)| set(recipe, self.value));
    }
}

impl FromStr for Change {
    type Err = RecipeError;

    fn from_str(text: &str) -> Result<Self, RecipeError> {
        let parts = text.split_once(':').and_then(|(step, setting)| {
            let (key, value) = setting.split_once('=')?;
            Some((step.trim().parse().ok()?, key.trim(), value.trim()))
        });
        let (step, key, value) = parts.ok_or_else(|| RecipeError::NotAChange(text.to_owned()))?;
        Self::new(step, key, value)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, key, value } = self;
        write!(f, "{step}: {key} = {value}")
    }
}

impl TryFrom<String> for Change {
    type Error = RecipeError;

    fn try_from(text: String) -> Result<Self, RecipeError> {
        text.parse()
    }
}

impl From<Change> for String {
    fn from(change: Change) -> Self {
        change.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_its_text() {
        for (text, step, key, value) in [
            ("1200: generator.learning_rate = 0.0001", 1200, "generator.learning_rate", 1e-4),
            ("0: training.k_discriminator = 3", 0, "training.k_discriminator", 3.0),
        ] {
            let change: Change = text.parse().expect(text);
            assert_eq!(change, Change { step, key: key.to_owned(), value });
            assert_eq!(change.to_string(), text);
        }
        for (text, expected) in [
            ("generator.learning_rate = 1", "12000: generator.learning_rate = 1e-4"),
            ("1: generator.learning_rate", "12000: generator.learning_rate = 1e-4"),
            ("-1: generator.learning_rate = 1", "12000: generator.learning_rate = 1e-4"),
            ("1: training.batch = 8", "while it trains, only generator.learning_rate, "),
            ("1: generator.learning_rate = 11", "a number from 0 to 10"),
            ("1: generator.learning_rate = nan", "a number from 0 to 10"),
            ("1: training.k_generator = 1.5", "a whole number from 0 to 100"),
        ] {
            let error = text.parse::<Change>().expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn the_newest_change_counts_from_its_step_on() {
        let rate = |changes: &[&str], step| {
            let mut recipe = Recipe::default();
            recipe.training.changes = changes.iter().map(|text| text.parse().expect(text)).collect();
            recipe.at(step).generator.learning_rate
        };
        let first = Recipe::default().generator.learning_rate;
        let forth = ["10: generator.learning_rate = 1", "20: generator.learning_rate = 2"];
        assert_eq!([0, 9, 10, 19, 20, 99].map(|step| rate(&forth, step)), [first, first, 1.0, 1.0, 2.0, 2.0]);
        // Training went back from step 20, and something else was decided.
        let back = [forth[0], forth[1], "15: generator.learning_rate = 3"];
        assert_eq!([14, 15, 20].map(|step| rate(&back, step)), [1.0, 3.0, 3.0]);
    }
}
