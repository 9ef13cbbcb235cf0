//! A setting that changes while a network trains: a step, a key, and the value from then on. A recipe that lists its
//! changes trains the same run again.

use std::{fmt, str::FromStr};

use duel_models::text::showable;
use serde::{Deserialize, Serialize};

use super::{error::RecipeError, range::Range};

/// The range of both learning rates.
pub(super) const LEARNING_RATE: Range = Range::Real(0.0, 10.0);
/// The range of the updates in a step of either network.
pub(super) const UPDATES: Range = Range::Whole(0, 100);

/// The settings that can change while a run trains, with their ranges.
pub const LIVE_SETTINGS: [(&str, Range); 4] = [
    ("generator.learning_rate", LEARNING_RATE),
    ("discriminator.learning_rate", LEARNING_RATE),
    ("training.k_generator", UPDATES),
    ("training.k_discriminator", UPDATES),
];

/// A change, written `STEP: KEY = VALUE`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Change {
    /// The number of steps done before the change.
    pub step: u64,
    /// One of [`LIVE_SETTINGS`].
    pub key: String,
    /// The value from then on.
    pub value: f64,
}

impl Change {
    /// Builds a change after `step` steps; the value is checked against the key's range.
    pub fn new(step: u64, key: &str, value: &str) -> Result<Self, RecipeError> {
        let Some((_, range)) = LIVE_SETTINGS.iter().find(|(live, _)| *live == key) else {
            return Err(RecipeError::NotLive { key: showable(key), known: Self::keys().join(", ") });
        };
        let number = value.trim().parse::<toml::Value>().ok().filter(|number| range.contains(number));
        let number = number.and_then(|number| number.as_float().or(number.as_integer().map(|whole| whole as f64)));
        number.map(|value| Self { step, key: key.to_owned(), value }).ok_or_else(|| RecipeError::OutOfRange {
            origin: "training.changes".to_owned(),
            key: key.to_owned(),
            value: showable(value).chars().take(60).collect(),
            range: *range,
        })
    }

    /// The keys that can change while a run trains.
    pub fn keys() -> [&'static str; 4] {
        LIVE_SETTINGS.map(|(key, _)| key)
    }

    /// Whether the key can change while a run trains.
    pub fn is_live(key: &str) -> bool {
        Self::keys().contains(&key)
    }
}

impl FromStr for Change {
    type Err = RecipeError;

    fn from_str(text: &str) -> Result<Self, RecipeError> {
        let parts = text.split_once(':').and_then(|(step, setting)| {
            let (key, value) = setting.split_once('=')?;
            Some((step.trim().parse().ok()?, key.trim(), value.trim()))
        });
        let (step, key, value) = parts.ok_or_else(|| RecipeError::NotAChange(showable(text)))?;
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
    fn a_change_equals_its_text_parsed_again() {
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
            ("1: training.batch = 8", "while a run trains; only generator.learning_rate, "),
            ("1: generator.learning_rate = 11", "a number from 0 to 10"),
            ("1: generator.learning_rate = nan", "a number from 0 to 10"),
            ("1: training.k_generator = 1.5", "a whole number from 0 to 100"),
        ] {
            let error = text.parse::<Change>().expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
