//! A hyperparameter as a line of a table: what it may be and what it means.

use std::fmt;

use duel_models::text::is_hidden;
use toml::Value;

use super::Change;

/// One hyperparameter, as `duel recipes NAME` explains it.
#[derive(Debug, Clone, Copy)]
pub struct Knob {
    /// Its section in the TOML file; empty at the top.
    pub section: &'static str,
    /// Its key there.
    pub key: &'static str,
    /// What it may be.
    pub range: Range,
    /// What it does.
    pub meaning: &'static str,
}

impl Knob {
    /// As `--set` names it: `section.key`.
    pub fn path(&self) -> String {
        if self.section.is_empty() { self.key.to_owned() } else { format!("{}.{}", self.section, self.key) }
    }
}

/// The values that a hyperparameter may have.
#[derive(Debug, Clone, Copy)]
pub enum Range {
    /// A line of text, of so many bytes at most.
    Text(usize),
    /// A whole number, both ends included.
    Whole(i64, i64),
    /// A finite number, both ends included.
    Real(f64, f64),
    /// A list of layer widths, 1 to 16 of them.
    Widths,
    /// A list of channels, 1 to so many of them.
    Channels(usize),
    /// True or false.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of [`Change`]s.
    Changes,
}

impl Range {
    pub(super) fn holds(self, value: &Value) -> bool {
        match self {
            Self::Text(most) => value.as_str().is_some_and(|text| text.len() <= most && !text.chars().any(is_hidden)),
            Self::Whole(least, most) => value.as_integer().is_some_and(|n| (least..=most).contains(&n)),
            Self::Real(least, most) => {
                let number = value.as_float().or(value.as_integer().map(|n| n as f64));
                number.is_some_and(|n| (least..=most).contains(&n))
            }
            Self::Widths => value.as_array().is_some_and(|widths| {
                (1..=16).contains(&widths.len()) && widths.iter().all(|width| Self::Whole(1, 8192).holds(width))
            }),
            Self::Channels(most) => value.as_array().is_some_and(|channels| {
                (1..=most).contains(&channels.len()) && channels.iter().all(|count| Self::Whole(1, 512).holds(count))
            }),
            Self::Flag => value.is_bool(),
            Self::Choice(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Changes => value.as_array().is_some_and(|changes| {
                changes.iter().all(|change| change.as_str().is_some_and(|change| change.parse::<Change>().is_ok()))
            }),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(most) => write!(f, "a line of text of at most {most} bytes"),
            Self::Whole(least, i64::MAX) => write!(f, "a whole number from {least}"),
            Self::Whole(least, most) => write!(f, "a whole number from {least} to {most}"),
            // 1e-12 reads better than its zeros.
            Self::Real(least, most) if *least > 0.0 && *least < 1e-3 => write!(f, "a number from {least:e} to {most}"),
            Self::Real(least, most) => write!(f, "a number from {least} to {most}"),
            Self::Widths => write!(f, "a list of 1 to 16 widths from 1 to 8192"),
            Self::Channels(most) => write!(f, "a list of 1 to {most} channel counts from 1 to 512"),
            Self::Flag => write!(f, "true or false"),
            Self::Choice(words) => write!(f, "{}", words.join(" or ")),
            Self::Changes => write!(f, "a list of changes, such as \"12000: generator.learning_rate = 1e-4\""),
        }
    }
}
