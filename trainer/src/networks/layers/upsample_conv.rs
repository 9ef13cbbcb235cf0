//! Nearest-neighbour upsampling by 2, then a convolution: `torch.nn.Conv2d(…, 3, padding=1)`.

use candle_core::{Result, Tensor};

use super::{
    conv_transpose::ConvTranspose,
    fold::{ChannelAffine, Folded},
    image::{channels_first, channels_last},
    onnx_graph::OnnxGraph,
    operation::Operation,
    parameters::EntryLayout,
    pass::{Backward, Forward, GradientSink, Gradients, Scratch, TensorForward},
};
use crate::kernels::{
    gemm::Write,
    upsampling::{TAPS, add_kernel_gradient, transposed_kernel},
};

/// Repeats each pixel as 2×2 pixels, then convolves, 3×3 with padding 1: Odena et al. 2016. [N, height, width, inputs] ->
/// [N, 2 height, 2 width, outputs], with W as [inputs, 3, 3, outputs].
///
/// The kernels and the exported graph compute the equivalent transposed convolution, which needs fewer multiplications.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UpsampleConv {
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
}

impl UpsampleConv {
    /// The transposed convolution that gives the same values.
    fn equivalent(&self) -> ConvTranspose {
        let Self { height, width, inputs, outputs } = *self;
        ConvTranspose { height, width, inputs, outputs }
    }

    fn parameter_gradient(&self, input: &[f32], gradient: &[f32], sink: GradientSink, scratch: &mut Scratch) {
        let Self { inputs, outputs, .. } = *self;
        let mut transposed = vec![0.0; (16 * inputs + 1) * outputs];
        self.equivalent().parameter_gradient(input, gradient, &mut transposed, Write::Replace, scratch);
        if sink.write == Write::Replace {
            sink.values.fill(0.0);
        }
        let (weight, bias) = sink.values.split_at_mut(9 * inputs * outputs);
        let (transposed, sums) = transposed.split_at(16 * inputs * outputs);
        add_kernel_gradient(transposed, outputs, weight);
        bias.iter_mut().zip(sums).for_each(|(bias, sum)| *bias += sum);
    }
}

impl Operation for UpsampleConv {
    fn module(&self) -> &'static str {
        "up"
    }

    fn outputs(&self, inputs: usize) -> usize {
        self.equivalent().outputs(inputs)
    }

    fn sizes(&self) -> [usize; 2] {
        [9 * self.inputs * self.outputs, self.outputs]
    }

    fn matrix(&self) -> Option<[usize; 2]> {
        Some([self.inputs, 9 * self.outputs])
    }

    fn fans(&self) -> Option<[usize; 2]> {
        Some([9 * self.inputs, 9 * self.outputs])
    }

    fn multiplications(&self) -> usize {
        self.equivalent().multiplications()
    }

    /// Weight as [outputs, inputs, 3, 3].
    fn entries(&self, name: &str) -> Vec<EntryLayout> {
        let Self { inputs, outputs, .. } = *self;
        let weight = |i: [usize; 4]| ((i[1] * 3 + i[2]) * 3 + i[3]) * outputs + i[0];
        vec![
            EntryLayout::new(format!("{name}.weight"), &[outputs, inputs, 3, 3], weight),
            EntryLayout::vector(format!("{name}.bias"), 9 * inputs * outputs, outputs),
        ]
    }

    fn forward(&self, pass: Forward) -> Result<()> {
        self.equivalent().forward_with(&transposed_kernel(pass.weight, self.outputs), pass);
        Ok(())
    }

    fn forward_candle(&self, pass: TensorForward) -> Result<Tensor> {
        let Self { height, width, inputs, outputs } = *self;
        let weight = pass.weight.reshape((inputs, 3, 3, outputs))?.permute((3, 0, 1, 2))?.contiguous()?;
        let image = channels_first(&pass.input, [height, width, inputs])?;
        let image = image.upsample_nearest2d(2 * height, 2 * width)?.conv2d(&weight, 1, 1, 1, 1)?;
        channels_last(&image, &pass.bias)
    }

    fn backward(&self, pass: &Backward, gradients: Gradients, scratch: &mut Scratch) {
        let gradient = &*gradients.output;
        if let Some(sink) = gradients.parameters {
            self.parameter_gradient(pass.input, gradient, sink, scratch);
        }
        if let Some(below) = gradients.input {
            let weight = transposed_kernel(pass.weight, self.outputs);
            self.equivalent().input_gradient(&weight, pass, gradient, below, scratch);
        }
    }

    /// [outputs, inputs, 3, 3] -> [inputs, outputs, 4, 4] of the transposed convolution.
    fn onnx_weight(&self, weight: Vec<f64>) -> Vec<f64> {
        let Self { inputs, outputs, .. } = *self;
        let mut transposed = vec![0.0; inputs * outputs * 16];
        for (pair, transposed) in transposed.chunks_exact_mut(16).enumerate() {
            let (input, output) = (pair / outputs, pair % outputs);
            let kernel = &weight[(output * inputs + input) * 9..][..9];
            for (tap, value) in transposed.iter_mut().enumerate() {
                let sum = TAPS[tap / 4].iter().flat_map(|y| TAPS[tap % 4].iter().map(move |x| kernel[y * 3 + x]));
                *value = sum.sum();
            }
        }
        transposed
    }

    fn fold_behind(&self, affine: &ChannelAffine, folded: &mut Folded) -> Result<()> {
        self.equivalent().fold_behind(affine, folded)
    }

    fn onnx_image(&self) -> Option<[usize; 3]> {
        self.equivalent().onnx_image()
    }

    fn onnx(&self, folded: &Folded, graph: &mut OnnxGraph, input: &str) -> Result<String> {
        self.equivalent().onnx(folded, graph, input)
    }

    fn pytorch(&self) -> &'static str {
        "a `torch.nn.Conv2d(…, 3, padding=1)` behind a nearest-neighbour upsampling by 2"
    }
}
