//! Batch norm folded into the layers beside it, for the export: s = γ / √(v + ε) and t = β - m s are a scale and a
//! shift of each channel.

use crate::kernels::activation::Activation;

/// A scale and a shift of each channel.
pub(crate) struct ChannelAffine {
    pub scale: Vec<f64>,
    pub shift: Vec<f64>,
}

/// A layer to be exported, with the batch norms beside it folded into its weight and bias.
pub(crate) struct Folded {
    pub name: String,
    /// In the layout of the ONNX node.
    pub weight: Vec<f64>,
    pub bias: Vec<f64>,
    pub activation: Activation,
}

impl Folded {
    /// Applies a scale and shift to the layer's output: s (W x + b) + t = (s W) x + (s b + t).
    ///
    /// In memory, each output channel is a run of `weights` successive values of the weight, and of `biases` successive
    /// values of the bias; the runs go through the channels in order, repeatedly.
    pub(crate) fn scale_channels(&mut self, affine: &ChannelAffine, weights: usize, biases: usize) {
        let ChannelAffine { scale, shift } = affine;
        let channel = |at: usize, run: usize| at / run % scale.len();
        self.weight.iter_mut().enumerate().for_each(|(at, weight)| *weight *= scale[channel(at, weights)]);
        for (at, bias) in self.bias.iter_mut().enumerate() {
            let channel = channel(at, biases);
            *bias = *bias * scale[channel] + shift[channel];
        }
    }
}
