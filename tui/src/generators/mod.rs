//! Generators by name or file, and interpolation between their latents.

pub mod by_name;
pub mod interpolation;
