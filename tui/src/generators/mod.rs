//! Generators by name or file, their classes, and interpolation between their latents.

pub mod classes;
pub mod interpolation;
