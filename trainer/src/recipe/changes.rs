//! What changes while a network trains: a step, a key and its value from then on. A recipe that lists its changes trains the same run again.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Recipe, RecipeError, check, value_of};
use crate::run::history::showable;

/// A key and what sets it.
type Key = (&'static str, fn(&mut Recipe, f64));

/// What may change.
const KEYS: [Key; 4] = [
    ("generator.learning_rate", |recipe, rate| recipe.generator.learning_rate = rate),
    ("discriminator.learning_rate", |recipe, rate| recipe.discriminator.learning_rate = rate),
    ("training.k_generator", |recipe, k| recipe.training.k_generator = k as usize),
    ("training.k_discriminator", |recipe, k| recipe.training.k_discriminator = k as usize),
];

/// Changes that are made while it trains, beside those that were planned: more are no history that a person reads, nor a file that is read.
const MOST: usize = 1000;

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
    /// A change after `step` steps; the value is held against the key's range.
    pub fn new(step: u64, key: &str, value: &str) -> Result<Self, RecipeError> {
        if !Self::takes(key) {
            return Err(RecipeError::Fixed { key: showable(key), known: Self::keys().join(", ") });
        }
        let (section, name) = key.rsplit_once('.').expect("every key has a section");
        let value = value_of(value);
        check("training.changes", section, name, &value)?;
        let value = value.as_float().or(value.as_integer().map(|whole| whole as f64));
        Ok(Self { step, key: key.to_owned(), value: value.expect("the ranges of these keys are of numbers") })
    }

    /// The keys that may change.
    pub fn keys() -> [&'static str; 4] {
        KEYS.map(|(key, _)| key)
    }

    /// Whether a key may change.
    pub fn takes(key: &str) -> bool {
        Self::keys().contains(&key)
    }
}

impl Recipe {
    /// This recipe as it stands after `step` steps, with the changes until then made.
    pub fn at(&self, step: u64) -> Self {
        let mut now = self.clone();
        let mut made: Vec<&Change> = self.training.changes.iter().filter(|change| change.step <= step).collect();
        made.sort_by_key(|change| change.step);
        for change in made {
            let found = KEYS.iter().find(|(key, _)| *key == change.key);
            found.into_iter().for_each(|(_, set)| set(&mut now, change.value));
        }
        now
    }

    /// Changes it from a step on: in the place of what was to become of that key later.
    pub fn change(&mut self, change: Change) -> Result<(), RecipeError> {
        let changes = &mut self.training.changes;
        changes.retain(|other| other.key != change.key || other.step < change.step);
        if changes.len() >= MOST {
            return Err(RecipeError::Full(MOST));
        }
        changes.push(change);
        Ok(())
    }

    /// Halves both learning rates from a step on, those that they were to have later, too.
    pub(crate) fn halve_rates(&mut self, step: u64) {
        let Self { generator, discriminator, .. } = self.at(step);
        for (key, rate) in [
            ("generator.learning_rate", generator.learning_rate),
            ("discriminator.learning_rate", discriminator.learning_rate),
        ] {
            let changes = &mut self.training.changes;
            changes.retain(|change| change.key != key || change.step != step);
            let later = changes.iter_mut().filter(|change| change.key == key && change.step > step);
            later.for_each(|change| change.value *= 0.5);
            changes.push(Change { step, key: key.to_owned(), value: 0.5 * rate });
        }
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

    /// The generator's rate at some steps.
    fn rates(recipe: &Recipe) -> [f64; 6] {
        [0, 9, 10, 15, 20, 99].map(|step| recipe.at(step).generator.learning_rate)
    }

    fn planned() -> Recipe {
        let mut recipe = Recipe::default();
        recipe.generator.learning_rate = 4.0;
        for text in ["10: generator.learning_rate = 1", "20: generator.learning_rate = 2"] {
            recipe.change(text.parse().expect(text)).expect("two changes");
        }
        recipe
    }

    #[test]
    fn a_change_counts_from_its_step_on_and_takes_the_place_of_later_ones() {
        let mut recipe = planned();
        assert_eq!(rates(&recipe), [4.0, 4.0, 1.0, 1.0, 2.0, 2.0]);
        recipe.training.changes.reverse();
        assert_eq!(rates(&recipe), [4.0, 4.0, 1.0, 1.0, 2.0, 2.0], "in whatever order they stand");
        recipe.change("15: generator.learning_rate = 3".parse().expect("a change")).expect("room");
        assert_eq!(rates(&recipe), [4.0, 4.0, 1.0, 3.0, 3.0, 3.0]);
        assert_eq!(recipe.training.changes.len(), 2);
        let again = Recipe::parse(&recipe.to_toml(), "again").expect("its own text");
        assert_eq!(again, recipe);
    }

    #[test]
    fn halved_rates_are_half_of_what_was_planned() {
        let mut recipe = planned();
        recipe.halve_rates(5);
        assert_eq!(rates(&recipe), [4.0, 2.0, 0.5, 0.5, 1.0, 1.0]);
        recipe.halve_rates(10);
        assert_eq!(rates(&recipe), [4.0, 2.0, 0.25, 0.25, 0.5, 0.5]);
        recipe.halve_rates(0);
        assert_eq!(rates(&recipe), [2.0, 1.0, 0.125, 0.125, 0.25, 0.25]);
    }

    #[test]
    fn a_recipe_is_full_once() {
        let mut recipe = Recipe::default();
        for step in 0..MOST as u64 {
            recipe.change(Change::new(step, "training.k_generator", "1").expect("a change")).expect("room");
        }
        let one = |step| Change::new(step, "training.k_generator", "1").expect("a change");
        assert!(matches!(recipe.change(one(5_000)), Err(RecipeError::Full(MOST))));
        // Going back has room all the same.
        recipe.halve_rates(7);
        assert!(Recipe::parse(&recipe.to_toml(), "again").is_ok_and(|again| again == recipe));
        recipe.change(one(3)).expect("it takes the place of many");
        assert_eq!(recipe.training.changes.len(), 3 + 1 + 2);
    }
}
