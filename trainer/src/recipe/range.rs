//! A setting as a row of a table: its key, the values it may have, and its meaning.

use std::fmt;

use duel_models::text::is_hidden;
use toml::Value;

use super::as_text;

/// One setting, as `duel recipes NAME` explains it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The section of the TOML file; empty at the top.
    pub section: &'static str,
    /// The key in the section.
    pub key: &'static str,
    /// The allowed values.
    pub range: Range,
    /// The effect.
    pub meaning: &'static str,
}

impl Setting {
    /// The name that `--set` takes: `section.key`.
    pub fn path(&self) -> String {
        if self.section.is_empty() { self.key.to_owned() } else { format!("{}.{}", self.section, self.key) }
    }
}

/// The values that a setting may have.
#[derive(Debug, Clone, Copy)]
pub enum Range {
    /// A line of text of at most so many bytes.
    Text(usize),
    /// A whole number, both ends included.
    Whole(i64, i64),
    /// A finite number, both ends included.
    Real(f64, f64),
    /// 1 to 16 widths of layers.
    Widths,
    /// A list of at most so many channel counts. If the list is empty, the channels are derived from the width.
    Channels(usize),
    /// True or false.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A text that a parser accepts, and the description of such a text.
    Parsed(fn(&str) -> bool, &'static str),
    /// A list of texts that a parser accepts, and the description of such a list.
    ParsedList(fn(&str) -> bool, &'static str),
}

impl Range {
    /// Whether the value is allowed.
    pub(super) fn contains(self, value: &Value) -> bool {
        let list = |most: usize, least: usize, element: Self| {
            value.as_array().is_some_and(|list| {
                (least..=most).contains(&list.len()) && list.iter().all(|value| element.contains(value))
            })
        };
        match self {
            Self::Text(most) => value.as_str().is_some_and(|text| text.len() <= most && !text.chars().any(is_hidden)),
            Self::Whole(least, most) => value.as_integer().is_some_and(|n| (least..=most).contains(&n)),
            Self::Real(least, most) => {
                let number = value.as_float().or(value.as_integer().map(|n| n as f64));
                number.is_some_and(|n| (least..=most).contains(&n))
            }
            Self::Widths => list(16, 1, Self::Whole(1, 8192)),
            Self::Channels(most) => list(most, 0, Self::Whole(1, 512)),
            Self::Flag => value.is_bool(),
            Self::Choice(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Parsed(parses, _) => parses(&as_text::text(value)),
            Self::ParsedList(parses, text) => list(usize::MAX, 0, Self::Parsed(parses, text)),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(most) => write!(f, "a line of text of at most {most} bytes"),
            Self::Whole(least, i64::MAX) => write!(f, "a whole number from {least}"),
            Self::Whole(least, most) => write!(f, "a whole number from {least} to {most}"),
            // 1e-12 is easier to read than 0.000000000001.
            Self::Real(least, most) if *least > 0.0 && *least < 1e-3 => write!(f, "a number from {least:e} to {most}"),
            Self::Real(least, most) => write!(f, "a number from {least} to {most}"),
            Self::Widths => write!(f, "a list of 1 to 16 widths from 1 to 8192"),
            Self::Channels(most) => {
                write!(f, "a list of at most {most} channel counts from 1 to 512, or empty: derived from the width")
            }
            Self::Flag => write!(f, "true or false"),
            Self::Choice(words) => write!(f, "{}", words.join(" or ")),
            Self::Parsed(_, text) | Self::ParsedList(_, text) => f.write_str(text),
        }
    }
}
