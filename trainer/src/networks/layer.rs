//! A layer inside a network.

use std::ops::Range;

use super::layers::{EntryLayout, FirstWeights, Op, Running, Stored};
use crate::kernels::activation::Activation;
use candle_core::Var;
use duel_models::random::Stream;

/// A layer of a network, and the places of its parameters in those of the network.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Name of the module in a state dict: `dense1`, `norm1`.
    pub name: String,
    /// The layer's operation.
    pub op: Op,
    /// The activation behind the operation.
    pub activation: Activation,
    /// Values in a row of the output.
    pub size: usize,
    /// Start of the layer's parameters in those of the network.
    pub(super) offset: usize,
    /// Start of the layer's running statistics in those of the network.
    pub(super) running_offset: usize,
}

impl Layer {
    /// The layer's part of [`Network::parameters`](super::Network::parameters): the weight, then the bias.
    pub fn span(&self) -> Range<usize> {
        let [weight, bias] = self.op.sizes();
        self.offset..self.offset + weight + bias
    }

    /// The weight's part of [`Network::parameters`](super::Network::parameters).
    pub(crate) fn weight(&self) -> Range<usize> {
        let [weight, _] = self.op.sizes();
        self.offset..self.offset + weight
    }

    /// Weight and bias in a slice of the network's parameters.
    pub(super) fn parameters<'a>(&self, all: &'a [f32]) -> [&'a [f32]; 2] {
        let (weight, bias) = all[self.span()].split_at(self.weight().len());
        [weight, bias]
    }

    /// The layer's running statistics in those of the network.
    pub(super) fn running<'a>(&self, all: &'a Var) -> Running<'a> {
        Running::new(all, self.running_offset)
    }

    /// Writes the layer's first values into the network's parameters and running statistics.
    pub(super) fn initialise(&self, first: FirstWeights, stream: Stream, parameters: &mut [f32], running: &mut [f32]) {
        let (weight, bias) = parameters[self.span()].split_at_mut(self.weight().len());
        let running = &mut running[self.running_offset..][..self.op.running_size()];
        self.op.initialise(first, stream, [weight, bias], running);
    }

    /// The layer's entries of the state dict, with offsets in the network's tensors.
    pub(super) fn entries(&self) -> impl Iterator<Item = EntryLayout> {
        self.op.entries(&self.name).into_iter().map(|mut entry| {
            let offset = match entry.stored {
                Stored::Parameters => self.offset,
                Stored::Running => self.running_offset,
            };
            entry.offsets.iter_mut().for_each(|at| *at += offset);
            entry
        })
    }
}
