//! The memory of a pass on the CPU, kept from pass to pass.

use super::layers::{Saved, Scratch};

/// Activations of a forward pass, and buffers for its backward pass.
#[derive(Debug, Default)]
pub(crate) struct PassBuffers {
    /// Rows of the pass.
    pub(super) rows: usize,
    /// Output of each layer.
    pub(super) outputs: Vec<Vec<f32>>,
    /// What the backward pass of each layer needs beside its input and output.
    pub(super) saved: Vec<Saved>,
    /// Gradient of a layer's output.
    pub(super) gradient: Vec<f32>,
    /// Gradient of a layer's input.
    pub(super) gradient_below: Vec<f32>,
    pub(super) scratch: Scratch,
}
