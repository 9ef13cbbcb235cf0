//! The convolution that halves an image: `torch.nn.Conv2d(…, 4, stride=2, padding=1)`.

use candle_core::{Result, Tensor};

use super::{
    image::{channels_first, channels_last},
    operation::Operation,
    parameters::EntryLayout,
    pass::{Backward, Forward, Gradients, Scratch, TensorForward},
};
use crate::kernels::{
    convolution::Convolution,
    elementwise::{activate_serial, activation_gradient_serial},
    gemm::transpose,
    storage::grown,
};

/// A 4×4 convolution of stride 2 and padding 1: [N, height, width, inputs] -> [N, height / 2, width / 2, outputs],
/// sides rounded down, with W as [4, 4, inputs, outputs].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv {
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
}

impl Conv {
    fn kernel(&self) -> Convolution {
        let Self { height, width, inputs, outputs } = *self;
        Convolution { height, width, inputs, outputs }
    }
}

impl Operation for Conv {
    fn module(&self) -> &'static str {
        "conv"
    }

    fn outputs(&self, _inputs: usize) -> usize {
        (self.height / 2) * (self.width / 2) * self.outputs
    }

    fn sizes(&self) -> [usize; 2] {
        [16 * self.inputs * self.outputs, self.outputs]
    }

    fn matrix(&self) -> Option<[usize; 2]> {
        Some([16 * self.inputs, self.outputs])
    }

    fn fans(&self) -> Option<[usize; 2]> {
        Some([16 * self.inputs, 16 * self.outputs])
    }

    fn multiplications(&self) -> usize {
        (self.height / 2) * (self.width / 2) * 16 * self.inputs * self.outputs
    }

    /// Weight as [outputs, inputs, 4, 4].
    fn entries(&self, name: &str) -> Vec<EntryLayout> {
        let Self { inputs, outputs, .. } = *self;
        let weight = |i: [usize; 4]| ((i[2] * 4 + i[3]) * inputs + i[1]) * outputs + i[0];
        vec![
            EntryLayout::new(format!("{name}.weight"), &[outputs, inputs, 4, 4], weight),
            EntryLayout::vector(format!("{name}.bias"), 16 * inputs * outputs, outputs),
        ]
    }

    fn forward(&self, pass: Forward) -> Result<()> {
        let Forward { input, output, weight, bias, activation, .. } = pass;
        let finish = |_, output: &mut [f32]| activate_serial(output, bias, self.outputs, activation);
        self.kernel().forward(input, weight, output, finish);
        Ok(())
    }

    fn forward_candle(&self, pass: TensorForward) -> Result<Tensor> {
        let Self { height, width, inputs, outputs } = *self;
        let weight = pass.weight.reshape((4, 4, inputs, outputs))?.permute((3, 2, 0, 1))?.contiguous()?;
        let image = channels_first(&pass.input, [height, width, inputs])?;
        channels_last(&image.conv2d(&weight, 1, 2, 1, 1)?, &pass.bias)
    }

    fn backward(&self, pass: &Backward, gradients: Gradients, scratch: &mut Scratch) {
        let gradient = &*gradients.output;
        if let Some(sink) = gradients.parameters {
            let images = [gradient, pass.input];
            self.kernel().weight_gradient(images, false, sink.values, sink.write, &mut scratch.sums);
        }
        if let Some(below) = gradients.input {
            let weight = grown(&mut scratch.weight, pass.weight.len());
            transpose(pass.weight, self.outputs, weight);
            // The activation's gradient is taken while the values are in the cache.
            let finish = |from: usize, piece: &mut [f32]| {
                activation_gradient_serial(piece, &pass.input[from..][..piece.len()], pass.input_activation);
            };
            self.kernel().transposed(gradient, weight, below, finish);
        }
    }
}
