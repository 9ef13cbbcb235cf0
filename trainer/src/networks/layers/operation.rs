//! What the program needs to know about a layer.

use candle_core::{Error, Result, Tensor};
use duel_models::random::Stream;

use super::{
    fold::{ChannelAffine, Folded},
    onnx_graph::OnnxGraph,
    parameters::{EntryLayout, FirstWeights},
    pass::{Backward, Forward, Gradients, Scratch, TensorForward},
};

/// A layer's sizes, parameters, passes and exported form. The defaults are those of a layer without parameters that is
/// not exported.
///
/// A layer stores its parameters as one slice: the weight, then the bias.
pub(crate) trait Operation {
    /// Name of the layer's module in a state dict, to which the network adds a number: `dense` becomes `dense1`.
    fn module(&self) -> &'static str;

    /// Values in a row of the output, for a row of `inputs` values.
    fn outputs(&self, inputs: usize) -> usize;

    /// Values of the weight and of the bias.
    fn sizes(&self) -> [usize; 2] {
        [0, 0]
    }

    /// Values of the running statistics.
    fn running_size(&self) -> usize {
        0
    }

    /// The weight as a matrix for spectral norm, [rows, columns] as in memory.
    fn matrix(&self) -> Option<[usize; 2]> {
        None
    }

    /// Fan-in and fan-out of the layer as PyTorch counts them.
    fn fans(&self) -> Option<[usize; 2]> {
        None
    }

    /// Multiplications in the matrix products of a forward pass, for one row.
    fn multiplications(&self) -> usize {
        0
    }

    /// Writes the first weights, biases and running statistics.
    fn initialise(&self, first: FirstWeights, stream: Stream, [weight, bias]: [&mut [f32]; 2], _running: &mut [f32]) {
        if let Some(fans) = self.fans() {
            first.fill(fans, stream, weight, bias);
        }
    }

    /// The layer's tensors in a state dict, for a layer of this name.
    fn entries(&self, _name: &str) -> Vec<EntryLayout> {
        Vec::new()
    }

    /// Factors of a dropout for one pass, [rows, size]; all are 1 without a `stream`, that is, outside training.
    fn mask(&self, _rows: usize, _size: usize, _stream: Option<Stream>) -> Vec<f32> {
        Vec::new()
    }

    /// Forward pass by the CPU kernels, with the activation.
    fn forward(&self, pass: Forward) -> Result<()>;

    /// Forward pass by candle's operations on any device, without the activation.
    fn forward_candle(&self, pass: TensorForward) -> Result<Tensor>;

    /// Whether [`backward`](Self::backward) itself takes the gradient through the layer's own activation, and leaves
    /// the gradient of the input in place of the gradient of the output.
    fn in_place(&self) -> bool {
        false
    }

    /// Backward pass by the CPU kernels: from the gradient of the layer's output, before the activation, to the
    /// gradient of the layer's parameters and to that of the layer below, before its activation.
    fn backward(&self, pass: &Backward, gradients: Gradients, scratch: &mut Scratch);

    /// Scale and shift of each channel, for a layer that does nothing else outside training, computed from its state
    /// dict; `None` for other layers.
    fn channel_affine(&self, _tensor: &dyn Fn(&str) -> Vec<f64>) -> Option<ChannelAffine> {
        None
    }

    /// The weight in the layout of the layer's ONNX node, from the layout of the state dict.
    fn onnx_weight(&self, weight: Vec<f64>) -> Vec<f64> {
        weight
    }

    /// Folds a scale and shift of the layer's output channels into its weight and bias.
    fn fold_behind(&self, _affine: &ChannelAffine, folded: &mut Folded) -> Result<()> {
        Err(not_exported(&folded.name))
    }

    /// Folds a scale and shift of the layer's input values into its weight and bias.
    fn fold_before(&self, _affine: &ChannelAffine, folded: &mut Folded) -> Result<()> {
        Err(not_exported(&folded.name))
    }

    /// Channels, height and width of the image that the layer's ONNX node takes; `None` for a node that takes rows of
    /// values.
    fn onnx_image(&self) -> Option<[usize; 3]> {
        None
    }

    /// Adds the layer's ONNX nodes behind `input`, without the activation, and returns the name of their output.
    fn onnx(&self, folded: &Folded, _graph: &mut OnnxGraph, _input: &str) -> Result<String> {
        Err(not_exported(&folded.name))
    }

    /// The module in PyTorch that loads the tensors of a layer that doubles an image, as Markdown; empty for other
    /// layers.
    fn pytorch(&self) -> &'static str {
        ""
    }
}

fn not_exported(name: &str) -> Error {
    Error::Msg(format!(
        "the layer {name} has no ONNX form: a network with it cannot be exported, scored or put in a report"
    ))
}
