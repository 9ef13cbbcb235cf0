//! The reasons why a recipe cannot be loaded, or a setting is refused.

use std::io;

use duel_models::Shape;

use super::range::Range;

/// The reasons why a recipe cannot be loaded, or a setting is refused.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// Neither a shipped name nor a file.
    #[error("no recipe {name:?}: give a TOML file, or one of {known}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The shipped recipes.
        known: String,
    },
    /// The recipe begins with another one, which is not shipped.
    #[error("{origin}, key base: give the name of a shipped recipe, one of {known}")]
    Base {
        /// The file.
        origin: String,
        /// The shipped recipes.
        known: String,
    },
    /// The file cannot be read.
    #[error("cannot read {file}: {why}")]
    Unreadable {
        /// The file.
        file: String,
        /// The operating system's reason.
        why: io::Error,
    },
    /// The text is not TOML.
    #[error("{origin} is not TOML: {why}")]
    NotToml {
        /// The file or flag.
        origin: String,
        /// The parser's message, in a line.
        why: String,
    },
    /// There is no such key.
    #[error("{origin} has no key {key:?}: {}`duel recipes digits` prints every key", similar(.similar_keys))]
    UnknownKey {
        /// The file or flag that names the key.
        origin: String,
        /// The key.
        key: String,
        /// Keys of a similar spelling, the most similar first.
        similar_keys: Vec<String>,
    },
    /// The key cannot have that value.
    #[error("{origin}, key {key}: {value} is not allowed; use {range}")]
    OutOfRange {
        /// The file or flag.
        origin: String,
        /// The key.
        key: String,
        /// The refused value.
        value: String,
        /// The allowed values.
        range: Range,
    },
    /// The key cannot change while a network trains.
    #[error("\"{key}\" cannot change while a run trains; only {known} can")]
    NotLive {
        /// The key.
        key: String,
        /// The keys that can change.
        known: String,
    },
    /// The text of a change has no step, or no setting.
    #[error("\"{0}\" is no change: give a step and a setting, such as \"12000: generator.learning_rate = 1e-4\"")]
    NotAChange(String),
    /// The list of changes is full.
    #[error("training.changes is full ({0} entries): the change was not applied; start a new run with this setting")]
    Full(usize),
    /// An entry of the list of changes is wrong.
    #[error("{origin}, key training.changes: {why}")]
    Changes {
        /// The file or flag.
        origin: String,
        /// Why the first wrong entry is refused.
        why: Box<RecipeError>,
    },
    /// `--set` without an equals sign.
    #[error("--set {0:?}: give key=value, such as training.batch=64")]
    NotASetting(String),
    /// The recipe names other classes than the data have.
    #[error(
        "{names} classes have names, but data.classes = {classes}: give one name for each class in data.names, or set data.classes=0"
    )]
    Names {
        /// Names in the recipe, or of the data.
        names: usize,
        /// The recipe's classes, or those of the data.
        classes: usize,
    },
    /// Two classes have one name.
    #[error("two classes are called {0:?}: give each class a name of its own in data.names")]
    NameTwice(String),
    /// The recipe asks for pictures of another shape than the data have.
    #[error(
        "data.shape = {wanted}, but the pictures of the data are {shape}: leave data.shape out, or give other data"
    )]
    Shape {
        /// The recipe's shape.
        wanted: Shape,
        /// The shape of the data.
        shape: Shape,
    },
}

fn similar(keys: &[String]) -> String {
    if keys.is_empty() { String::new() } else { format!("is it {}? ", keys.join(" or ")) }
}
