//! The transposed convolution that doubles an image: `torch.nn.ConvTranspose2d(…, 4, stride=2, padding=1)`.

use candle_core::{Result, Tensor};
use duel_models::onnx::CONV_TRANSPOSE;

use super::{
    fold::{ChannelAffine, Folded},
    image::{channels_first, channels_last},
    onnx_graph::OnnxGraph,
    operation::Operation,
    parameters::EntryLayout,
    pass::{Backward, Forward, Gradients, Scratch, TensorForward},
};
use crate::kernels::{
    convolution::Convolution,
    elementwise::{activate_serial, activation_gradient_serial},
    gemm::{Write, transpose},
    storage::grown,
};

/// A 4×4 transposed convolution of stride 2 and padding 1: [N, height, width, inputs] ->
/// [N, 2 height, 2 width, outputs], with W as [inputs, 4, 4, outputs].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConvTranspose {
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
}

impl ConvTranspose {
    /// The convolution that this layer transposes.
    fn kernel(&self) -> Convolution {
        let Self { height, width, inputs, outputs } = *self;
        Convolution { height: 2 * height, width: 2 * width, inputs: outputs, outputs: inputs }
    }

    /// Forward pass with a weight of [inputs, 4, 4, outputs].
    pub(super) fn forward_with(&self, weight: &[f32], pass: Forward) {
        let Forward { input, output, bias, activation, .. } = pass;
        let finish = |_, output: &mut [f32]| activate_serial(output, bias, self.outputs, activation);
        self.kernel().transposed(input, weight, output, finish);
    }

    /// Gradient of a weight of [inputs, 4, 4, outputs] and of the bias behind it.
    pub(super) fn parameter_gradient(
        &self,
        input: &[f32],
        gradient: &[f32],
        sink: &mut [f32],
        write: Write,
        scratch: &mut Scratch,
    ) {
        self.kernel().weight_gradient([input, gradient], true, sink, write, &mut scratch.sums);
    }

    /// Gradient of the input, taken through the activation of the layer below, with a weight of
    /// [inputs, 4, 4, outputs].
    pub(super) fn input_gradient(
        &self,
        weight: &[f32],
        pass: &Backward,
        gradient: &[f32],
        below: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let transposed = grown(&mut scratch.weight, weight.len());
        transpose(weight, 16 * self.outputs, transposed);
        // The activation's gradient is taken while the values are in the cache.
        let finish = |from: usize, piece: &mut [f32]| {
            activation_gradient_serial(piece, &pass.input[from..][..piece.len()], pass.input_activation);
        };
        self.kernel().forward(gradient, transposed, below, finish);
    }
}

impl Operation for ConvTranspose {
    fn module(&self) -> &'static str {
        "up"
    }

    fn outputs(&self, _inputs: usize) -> usize {
        4 * self.height * self.width * self.outputs
    }

    fn sizes(&self) -> [usize; 2] {
        [16 * self.inputs * self.outputs, self.outputs]
    }

    fn matrix(&self) -> Option<[usize; 2]> {
        Some([self.inputs, 16 * self.outputs])
    }

    /// PyTorch takes the output channels of a transposed convolution for the fan-in.
    fn fans(&self) -> Option<[usize; 2]> {
        Some([16 * self.outputs, 16 * self.inputs])
    }

    fn multiplications(&self) -> usize {
        self.height * self.width * 16 * self.inputs * self.outputs
    }

    /// Weight as [inputs, outputs, 4, 4].
    fn entries(&self, name: &str) -> Vec<EntryLayout> {
        let Self { inputs, outputs, .. } = *self;
        let weight = |i: [usize; 4]| ((i[0] * 4 + i[2]) * 4 + i[3]) * outputs + i[1];
        vec![
            EntryLayout::new(format!("{name}.weight"), &[inputs, outputs, 4, 4], weight),
            EntryLayout::vector(format!("{name}.bias"), 16 * inputs * outputs, outputs),
        ]
    }

    fn forward(&self, pass: Forward) -> Result<()> {
        self.forward_with(pass.weight, pass);
        Ok(())
    }

    fn forward_candle(&self, pass: TensorForward) -> Result<Tensor> {
        let Self { height, width, inputs, outputs } = *self;
        let weight = pass.weight.reshape((inputs, 4, 4, outputs))?.permute((0, 3, 1, 2))?.contiguous()?;
        let image = channels_first(&pass.input, [height, width, inputs])?;
        channels_last(&image.conv_transpose2d(&weight, 1, 0, 2, 1)?, &pass.bias)
    }

    fn backward(&self, pass: &Backward, gradients: Gradients, scratch: &mut Scratch) {
        let gradient = &*gradients.output;
        if let Some(sink) = gradients.parameters {
            self.parameter_gradient(pass.input, gradient, sink.values, sink.write, scratch);
        }
        if let Some(below) = gradients.input {
            self.input_gradient(pass.weight, pass, gradient, below, scratch);
        }
    }

    fn fold_behind(&self, affine: &ChannelAffine, folded: &mut Folded) -> Result<()> {
        folded.scale_channels(affine, 16, 1);
        Ok(())
    }

    fn onnx_image(&self) -> Option<[usize; 3]> {
        Some([self.inputs, self.height, self.width])
    }

    fn onnx(&self, folded: &Folded, graph: &mut OnnxGraph, input: &str) -> Result<String> {
        let [weight, bias] = ["weight", "bias"].map(|tensor| format!("{}.{tensor}", folded.name));
        graph.floats(&weight, &[self.inputs, self.outputs, 4, 4], &folded.weight);
        graph.floats(&bias, &[self.outputs], &folded.bias);
        let name = graph.push("ConvTranspose", &folded.name, &[input, &weight, &bias]);
        for (key, values) in CONV_TRANSPOSE {
            graph.integers(key, values);
        }
        Ok(name)
    }

    fn pytorch(&self) -> &'static str {
        "a `torch.nn.ConvTranspose2d(…, 4, stride=2, padding=1)`"
    }
}
