//! Curves drawn in text.

mod canvas;
mod chart;
mod scale;

pub use canvas::Canvas;
pub use chart::{Chart, Curve};
pub use scale::{Scale, short};
