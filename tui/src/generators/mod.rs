//! The classes of generators, and interpolation between their latents.

pub mod classes;
pub mod interpolation;
