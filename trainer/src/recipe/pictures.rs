//! The size, colour and background that pictures get before they are trained on.

use std::{fmt, str::FromStr};

use duel_models::{Shape, ShapeError};

/// The size that pictures are brought to: `data.size` of a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataSize {
    /// The size that all pictures have, if it is allowed; else a square that follows from their sizes.
    #[default]
    Auto,
    /// These sides, in pixels.
    Is {
        /// Rows of pixels.
        height: usize,
        /// Columns of pixels.
        width: usize,
    },
}

impl FromStr for DataSize {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, ShapeError> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let (height, width) = text.split_once('x').unwrap_or((text, text));
        let side = |text: &str| text.parse::<usize>().map_err(|_| ShapeError::Text);
        let Shape { height, width, .. } = Shape::new(1, side(height)?, side(width)?)?;
        Ok(Self::Is { height, width })
    }
}

impl fmt::Display for DataSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Is { height, width } if height == width => write!(f, "{height}"),
            Self::Is { height, width } => write!(f, "{height}x{width}"),
        }
    }
}

/// The colour that shows through transparent pixels, and that fills the rest of a fitted picture: red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Background(pub [u8; 3]);

const WHITE: Background = Background([255; 3]);
const BLACK: Background = Background([0; 3]);

impl Default for Background {
    fn default() -> Self {
        WHITE
    }
}

impl FromStr for Background {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "white" => return Ok(WHITE),
            "black" => return Ok(BLACK),
            _ => {}
        }
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii());
        let channel = |at: usize| digits.and_then(|digits| u8::from_str_radix(&digits[at..at + 2], 16).ok());
        match [channel(0), channel(2), channel(4)] {
            [Some(red), Some(green), Some(blue)] => Ok(Self([red, green, blue])),
            _ => Err("write white, black or #rrggbb"),
        }
    }
}

impl fmt::Display for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([red, green, blue]) = self;
        match *self {
            WHITE => f.write_str("white"),
            BLACK => f.write_str("black"),
            _ => write!(f, "#{red:02x}{green:02x}{blue:02x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_and_a_background_equal_their_text_parsed_again() {
        for text in ["auto", "64", "48x64"] {
            assert_eq!(text.parse::<DataSize>().expect(text).to_string(), text);
        }
        for text in ["", "x", "64x", "7", "129", "64x64x3", "-8"] {
            assert!(text.parse::<DataSize>().is_err(), "{text}");
        }
        for text in ["white", "black", "#12ab00"] {
            assert_eq!(text.parse::<Background>().expect(text).to_string(), text);
        }
        assert_eq!("#ffffff".parse(), Ok(WHITE));
        for text in ["", "red", "#12345", "#12345g", "#1234567", "#äöü"] {
            assert!(text.parse::<Background>().is_err(), "{text}");
        }
    }
}
