//! The transformations of differentiable augmentation that a recipe asks for.

use std::{fmt, str::FromStr};

/// The transformations of differentiable augmentation: Zhao et al. 2020, section 3.2. At least one is on.
///
/// As text: names with commas between them, such as `colour,translation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AugmentPolicy {
    /// Brightness, saturation and contrast.
    pub colour: bool,
    /// A shift by at most an eighth of each side.
    pub translation: bool,
    /// A grey rectangle of half the height and half the width.
    pub cutout: bool,
}

/// The names of the transformations, in the order in which they are applied.
const NAMES: [&str; 3] = ["colour", "translation", "cutout"];

impl AugmentPolicy {
    /// The values that a recipe may have, in words.
    pub(super) const WORDS: &str =
        "colour, translation, cutout, or several of them with commas between them, such as colour,translation";

    /// All transformations.
    pub const ALL: Self = Self { colour: true, translation: true, cutout: true };
}

/// The error for a text that is no policy.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a policy; write {}", AugmentPolicy::WORDS)]
pub struct NoPolicy;

impl FromStr for AugmentPolicy {
    type Err = NoPolicy;

    fn from_str(text: &str) -> Result<Self, NoPolicy> {
        let names: Vec<&str> = text.split(',').map(str::trim).collect();
        let count = |wanted: &str| names.iter().filter(|name| **name == wanted).count();
        let counts = NAMES.map(count);
        if counts.iter().sum::<usize>() != names.len() || counts.iter().any(|&count| count > 1) {
            return Err(NoPolicy);
        }
        let [colour, translation, cutout] = counts.map(|count| count == 1);
        Ok(Self { colour, translation, cutout })
    }
}

impl fmt::Display for AugmentPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = NAMES.into_iter().zip([self.colour, self.translation, self.cutout]).filter(|(_, on)| *on);
        f.write_str(&on.map(|(name, _)| name).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_equals_its_text_parsed_again() {
        for text in ["colour,translation,cutout", "translation", "colour,cutout"] {
            assert_eq!(text.parse::<AugmentPolicy>().expect(text).to_string(), text);
        }
        assert_eq!("cutout, colour".parse::<AugmentPolicy>().expect("in any order").to_string(), "colour,cutout");
        for text in ["", "color", "colour,", "colour,colour"] {
            assert_eq!(text.parse::<AugmentPolicy>(), Err(NoPolicy), "{text:?}");
        }
    }
}
