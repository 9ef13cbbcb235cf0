//! The dense layer: `torch.nn.Linear`.

use candle_core::{Result, Tensor};
use candle_onnx::onnx::tensor_proto::DataType;

use super::{
    fold::{ChannelAffine, Folded},
    onnx_graph::OnnxGraph,
    operation::Operation,
    parameters::{EntryLayout, channels_last},
    pass::{Backward, Forward, Gradients, Scratch, TensorForward},
};
use crate::kernels::{dense, elementwise::activation_gradient};

/// y = x W + b, with W as [inputs, outputs].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dense {
    /// Values in.
    pub inputs: usize,
    /// Values out.
    pub outputs: usize,
    /// Channels of the output, if it is an image; else `outputs`. The values of an image stand channels-last here,
    /// channels-first in a state dict and in ONNX.
    pub channels: usize,
}

impl Operation for Dense {
    fn module(&self) -> &'static str {
        "dense"
    }

    fn outputs(&self, _inputs: usize) -> usize {
        self.outputs
    }

    fn sizes(&self) -> [usize; 2] {
        [self.inputs * self.outputs, self.outputs]
    }

    fn matrix(&self) -> Option<[usize; 2]> {
        Some([self.inputs, self.outputs])
    }

    fn fans(&self) -> Option<[usize; 2]> {
        Some([self.inputs, self.outputs])
    }

    fn multiplications(&self) -> usize {
        self.inputs * self.outputs
    }

    /// Weight as [outputs, inputs].
    fn entries(&self, name: &str) -> Vec<EntryLayout> {
        let Self { inputs, outputs, channels } = *self;
        let column = |output| channels_last(output, outputs, channels);
        vec![
            EntryLayout::new(format!("{name}.weight"), &[outputs, inputs], |i| i[1] * outputs + column(i[0])),
            EntryLayout::new(format!("{name}.bias"), &[outputs], |i| inputs * outputs + column(i[0])),
        ]
    }

    fn forward(&self, pass: Forward) -> Result<()> {
        dense::forward(pass.input, [pass.weight, pass.bias], self.outputs, pass.activation, pass.output);
        Ok(())
    }

    fn forward_candle(&self, pass: TensorForward) -> Result<Tensor> {
        pass.input.matmul(&pass.weight.reshape((self.inputs, self.outputs))?)?.broadcast_add(&pass.bias)
    }

    fn backward(&self, pass: &Backward, gradients: Gradients, _scratch: &mut Scratch) {
        if let Some(sink) = gradients.parameters {
            dense::parameter_gradient(pass.input, gradients.output, self.outputs, sink.values, sink.write);
        }
        if let Some(below) = gradients.input {
            dense::input_gradient(pass.weight, gradients.output, self.outputs, below);
            activation_gradient(below, pass.input, pass.input_activation);
        }
    }

    fn fold_behind(&self, affine: &ChannelAffine, folded: &mut Folded) -> Result<()> {
        let pixels = self.outputs / self.channels;
        folded.scale_channels(affine, pixels * self.inputs, pixels);
        Ok(())
    }

    /// W (s x + t) + b = (W s) x + (W t + b)
    fn fold_before(&self, affine: &ChannelAffine, folded: &mut Folded) -> Result<()> {
        let ChannelAffine { scale, shift } = affine;
        for (row, bias) in folded.weight.chunks_exact_mut(self.inputs).zip(&mut folded.bias) {
            *bias += row.iter().zip(shift).map(|(weight, shift)| weight * shift).sum::<f64>();
            row.iter_mut().zip(scale).for_each(|(weight, scale)| *weight *= scale);
        }
        Ok(())
    }

    /// x W + b, with the weight as [inputs, outputs]: the other layout needs a Gemm, which tract computes in f32 alone.
    ///
    /// With classes, the last inputs are the label's one-hot. Their part of the product is a row of the weight, to
    /// which the bias is added here, so that the graph adds this row instead of the bias.
    fn onnx(&self, folded: &Folded, graph: &mut OnnxGraph, input: &str) -> Result<String> {
        let Self { inputs, outputs, .. } = *self;
        let label = graph.label.take();
        let latent = inputs - label.map_or(0, |(_, classes)| classes);
        let mut transposed: Vec<f64> =
            (0..folded.weight.len()).map(|at| folded.weight[at % outputs * inputs + at / outputs]).collect();
        let mut table = transposed.split_off(latent * outputs);
        let [mut weight, mut bias] = ["weight", "bias"].map(|tensor| format!("{}.{tensor}", folded.name));
        graph.floats(&weight, &[latent, outputs], &transposed);
        if let Some((label, classes)) = label {
            for row in table.chunks_exact_mut(outputs) {
                row.iter_mut().zip(&folded.bias).for_each(|(weight, bias)| *weight += bias);
            }
            let rows = format!("{}.classes", folded.name);
            graph.floats(&rows, &[classes, outputs], &table);
            bias = graph.push("Gather", &format!("{}.class", folded.name), &[&rows, label]);
        } else {
            graph.floats(&bias, &[outputs], &folded.bias);
            if !graph.double {
                return Ok(graph.push("Gemm", &folded.name, &[input, &weight, &bias]));
            }
        }
        if graph.double {
            for name in [&mut weight, &mut bias] {
                *name = graph.cast(name, DataType::Double);
            }
        }
        let product = graph.push("MatMul", &format!("{}.product", folded.name), &[input, &weight]);
        Ok(graph.push("Add", &folded.name, &[&product, &bias]))
    }
}
