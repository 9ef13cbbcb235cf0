//! The contract between the trainer and the runtime, without tensors:
//!
//! - [`Shape`] of a picture, and [`Card`], the description that a generator file carries;
//! - [`latent`]: latents and labels from a seed; [`random`]: the streams of random numbers behind them;
//! - [`picture`]: the values of a network as bytes, grids of pictures, PNG files;
//! - [`onnx`]: the names in an exported graph;
//! - [`files`] and [`text`]: files that are whole or absent, untrusted files and texts; [`places`]: paths that are wrong;
//! - [`SHIPPED`]: the generators that ship with duel.

mod card;
pub mod files;
mod json;
pub mod latent;
pub mod onnx;
pub mod picture;
pub mod places;
pub mod random;
mod shape;
mod shipped;
pub mod text;

pub use card::{CLASS_NAME_MAX, CLASSES_MAX, Card, CardError, is_class_name, score_digits};
pub use latent::{LatentLaw, Latents};
pub use shape::{Shape, ShapeError};
pub use shipped::{SHIPPED, Shipped, shipped};
