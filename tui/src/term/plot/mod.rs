//! Charts in characters.

mod canvas;
mod chart;
mod scale;

pub use self::{
    canvas::Canvas,
    chart::{Across, Chart, Curve, letter},
    scale::Scale,
};
