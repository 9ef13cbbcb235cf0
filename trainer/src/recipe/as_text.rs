//! Values that stand in a recipe as text: `#[serde(with = "as_text")]`.

use std::{fmt::Display, str::FromStr};

use serde::{Deserialize, Deserializer, Serializer, de::Error};
use toml::Value;

pub(super) fn serialize<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    text(&Value::deserialize(deserializer)?).parse().map_err(D::Error::custom)
}

/// The text of a TOML value: a string without its quotes; any other value as it is written, so that `data.size = 64` and
/// `data.size = "64"` are the same.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
