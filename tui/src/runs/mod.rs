//! Runs by name, their networks, and the samples that are scored.

pub mod decoding;
pub mod exam;
pub mod find;
pub mod restore;
pub mod samples;
pub mod sources;
