//! Where the training data come from, and the shape of a picture there.

use std::{
    convert::Infallible,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use duel_models::{Shape, ShapeError};

/// The source of the training data: `data.source` of a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The bundled MNIST digits.
    Mnist,
    /// Three random MNIST digits as the red, green and blue of one picture: 1,000 combinations, by which a mode collapse
    /// is counted (Srivastava et al. 2017, VEEGAN, section 4.1).
    StackedMnist,
    /// The bundled emoji.
    Emoji,
    /// Numbers drawn from a toy distribution.
    Toy(Toy),
    /// A file or directory of pictures.
    Path(PathBuf),
}

/// A distribution of numbers on an axis, so simple that figure 1 of Goodfellow et al. 2014 can show the whole training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toy {
    /// A normal distribution.
    Bell,
    /// Two normal distributions of equal weight.
    BellTwo,
}

impl Toy {
    const ALL: [Self; 2] = [Self::Bell, Self::BellTwo];

    /// The name in a recipe.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bell => "bell",
            Self::BellTwo => "bell-two",
        }
    }
}

impl Source {
    /// The toy distribution; none for pictures.
    pub fn toy(&self) -> Option<Toy> {
        match self {
            Self::Toy(toy) => Some(*toy),
            Self::Mnist | Self::StackedMnist | Self::Emoji | Self::Path(_) => None,
        }
    }

    /// The name of the data: that of the source, or the last component of a path. A file or folder with the name of bundled
    /// data is `./` and the name.
    pub fn name(&self) -> String {
        let Some(path) = self.path() else { return self.to_string() };
        let name = path.file_name().map_or("data".into(), |name| name.to_string_lossy().into_owned());
        let taken = name.parse::<Self>().is_ok_and(|source| source.path().is_none());
        if taken { format!("./{name}") } else { name }
    }

    /// The file or directory; none for bundled pictures and for toy distributions.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Mnist | Self::StackedMnist | Self::Emoji | Self::Toy(_) => None,
        }
    }
}

impl Source {
    /// The bundled pictures of this name.
    pub fn bundled(name: &str) -> Option<Self> {
        [Self::Mnist, Self::StackedMnist, Self::Emoji].into_iter().find(|source| source.to_string() == name)
    }
}

impl FromStr for Source {
    type Err = Infallible;

    /// Reads `mnist`, `stacked-mnist`, `emoji`, the name of a toy distribution, or else a path.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let toy = Toy::ALL.into_iter().find(|toy| toy.name() == text).map(Self::Toy);
        Ok(match (toy, text) {
            (Some(toy), _) => toy,
            (None, "mnist") => Self::Mnist,
            (None, "stacked-mnist") => Self::StackedMnist,
            (None, "emoji") => Self::Emoji,
            (None, path) => Self::Path(path.into()),
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mnist => f.write_str("mnist"),
            Self::StackedMnist => f.write_str("stacked-mnist"),
            Self::Emoji => f.write_str("emoji"),
            Self::Toy(toy) => f.write_str(toy.name()),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

/// The shape of a picture: `data.shape` of a recipe. A run directory holds the shape that the data had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DataShape {
    /// The shape that the data have.
    #[default]
    Auto,
    /// This shape; data of another one are an error.
    Is(Shape),
}

impl FromStr for DataShape {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, ShapeError> {
        if text == "auto" { Ok(Self::Auto) } else { text.parse().map(Self::Is) }
    }
}

impl fmt::Display for DataShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Is(shape) => shape.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_equals_its_text_parsed_again() {
        for (text, source) in [
            ("mnist", Source::Mnist),
            ("stacked-mnist", Source::StackedMnist),
            ("emoji", Source::Emoji),
            ("bell", Source::Toy(Toy::Bell)),
            ("bell-two", Source::Toy(Toy::BellTwo)),
            ("/data/mnist", Source::Path("/data/mnist".into())),
            ("bells", Source::Path("bells".into())),
        ] {
            assert_eq!(text.parse(), Ok(source.clone()));
            assert_eq!(source.to_string(), text);
        }
    }

    #[test]
    fn data_have_a_name_without_a_folder_that_is_not_the_name_of_bundled_data() {
        for (text, name) in [
            ("mnist", "mnist"),
            ("/home/me/my digits (v2)", "my digits (v2)"),
            ("/home/me/mnist", "./mnist"),
            ("/home/me/bell", "./bell"),
            ("/", "data"),
        ] {
            let source: Source = text.parse().expect("any text is a source");
            assert_eq!(source.name(), name);
            assert_eq!(name.parse().map(|named: Source| named.path().is_some()), Ok(source.path().is_some()), "{text}");
        }
    }

    #[test]
    fn a_shape_equals_its_text_parsed_again() {
        for text in ["auto", "1x28x28", "3x32x48"] {
            assert_eq!(text.parse::<DataShape>().expect(text).to_string(), text);
        }
        assert!("28x28".parse::<DataShape>().is_err());
    }
}
