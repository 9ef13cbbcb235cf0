//! The shape of a picture.

use std::{fmt, str::FromStr};

/// Sides that a picture may have, in pixels.
const SIDES: std::ops::RangeInclusive<usize> = 8..=128;

/// The shortest side from which a convolutional generator may grow, in pixels.
const SMALLEST_STAGE: usize = 3;

/// Channels, height and width of a picture. Only [`Shape::new`] creates a shape, so every shape is within its bounds.
///
/// As text: `1x28x28`, `3x32x48`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Shape {
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Rows of pixels, 8 to 128.
    pub height: usize,
    /// Columns of pixels, 8 to 128.
    pub width: usize,
}

/// Reasons why three numbers are not the shape of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// The number of channels is neither 1 nor 3.
    #[error("{0} channels are not supported; use 1 (grey) or 3 (colour)")]
    Channels(usize),
    /// The height is out of range.
    #[error("a height of {0} pixels is not supported; use {first} to {last}", first = SIDES.start(), last = SIDES.end())]
    Height(usize),
    /// The width is out of range.
    #[error("a width of {0} pixels is not supported; use {first} to {last}", first = SIDES.start(), last = SIDES.end())]
    Width(usize),
    /// The text is not three numbers.
    #[error("this is not a shape; write CHANNELSxHEIGHTxWIDTH, for example 3x32x48")]
    Text,
}

impl Shape {
    /// The shape of `channels`, 1 or 3, and sides of 8 to 128 pixels; an error names the first number that is out of
    /// range.
    pub const fn new(channels: usize, height: usize, width: usize) -> Result<Self, ShapeError> {
        if channels != 1 && channels != 3 {
            return Err(ShapeError::Channels(channels));
        }
        if height < *SIDES.start() || height > *SIDES.end() {
            return Err(ShapeError::Height(height));
        }
        if width < *SIDES.start() || width > *SIDES.end() {
            return Err(ShapeError::Width(width));
        }
        Ok(Self { channels, height, width })
    }

    /// Values of a picture: channels × height × width.
    pub const fn size(self) -> usize {
        self.channels * self.pixels()
    }

    /// Pixels of a picture: height × width.
    pub const fn pixels(self) -> usize {
        self.height * self.width
    }

    /// The number of pictures in `images`, [N, height, width, channels].
    pub fn count(self, images: &[u8]) -> usize {
        images.len() / self.size()
    }

    /// The bytes of one of `images`, [height, width, channels].
    pub fn image(self, images: &[u8], index: usize) -> &[u8] {
        &images[index * self.size()..][..self.size()]
    }

    /// The most stages that a convolutional generator of such pictures may have: how often both sides can be halved
    /// exactly and stay at 3 pixels or more. 28×28 has 2 (28, 14, 7), 64×64 has 4 (64, 32, 16, 8, 4).
    pub fn halvings(self) -> usize {
        (1..).take_while(|&stages| self.halved(stages).is_some()).count()
    }

    /// `[height, width]` before `stages` doublings give this shape; none if `stages` is more than [`Shape::halvings`].
    pub fn halved(self, stages: usize) -> Option<[usize; 2]> {
        let factor = 1usize.checked_shl(u32::try_from(stages).ok()?)?;
        let sides = [self.height, self.width];
        let fits = |side: usize| side.is_multiple_of(factor) && (stages == 0 || side / factor >= SMALLEST_STAGE);
        sides.into_iter().all(fits).then(|| sides.map(|side| side / factor))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

impl FromStr for Shape {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, ShapeError> {
        let numbers: Result<Vec<usize>, _> = text.split('x').map(str::parse).collect();
        match numbers.map_err(|_| ShapeError::Text)?[..] {
            [channels, height, width] => Self::new(channels, height, width),
            _ => Err(ShapeError::Text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_survives_the_round_trip_as_text() {
        for text in ["1x28x28", "3x32x48", "3x128x8"] {
            assert_eq!(text.parse::<Shape>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn an_error_names_the_number_that_is_out_of_range() {
        for (text, error) in [
            ("2x28x28", ShapeError::Channels(2)),
            ("1x7x28", ShapeError::Height(7)),
            ("1x28x129", ShapeError::Width(129)),
            ("1x28", ShapeError::Text),
            ("1x28x28x1", ShapeError::Text),
            ("1x-28x28", ShapeError::Text),
            ("", ShapeError::Text),
        ] {
            assert_eq!(text.parse::<Shape>(), Err(error), "{text}");
        }
        assert!(ShapeError::Height(7).to_string().contains("height of 7 pixels") && SIDES.contains(&8));
    }

    #[test]
    fn sides_are_halved_down_to_three_pixels() {
        for (text, stages, smallest) in [
            ("1x28x28", 2, [7, 7]),
            ("3x32x48", 3, [4, 6]),
            ("3x64x64", 4, [4, 4]),
            ("1x128x128", 5, [4, 4]),
            ("1x24x24", 3, [3, 3]),
            ("1x8x9", 0, [8, 9]),
        ] {
            let shape: Shape = text.parse().expect(text);
            assert_eq!((shape.halvings(), shape.halved(stages)), (stages, Some(smallest)), "{text}");
            assert_eq!(shape.halved(stages + 1), None, "{text}");
            assert_eq!(shape.halved(usize::MAX), None, "{text}");
        }
    }

    #[test]
    fn sizes_count_values_and_pixels() {
        let shape = Shape::new(3, 32, 48).expect("in range");
        assert_eq!((shape.size(), shape.pixels()), (4608, 1536));
    }
}
