//! The head of a discriminator: a logit, and what each class adds to the logit.

use candle_core::{Result, Tensor};

use super::{
    operation::Operation,
    parameters::{EntryLayout, channels_last},
    pass::{Backward, Forward, Gradients, Scratch, TensorForward},
};
use crate::kernels::{dense, elementwise::activation_gradient};

/// A dense layer to one logit, and a dense layer without a bias to one value for each class: the projection of Miyato
/// and Koyama 2018. W is [inputs, 1 + classes].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProjectionHead {
    /// Values in.
    pub inputs: usize,
    /// Channels of the input, if it is an image; else `inputs`.
    pub channels: usize,
    /// Classes; 0 for the logit alone.
    pub classes: usize,
}

impl Operation for ProjectionHead {
    fn module(&self) -> &'static str {
        "head"
    }

    fn outputs(&self, _inputs: usize) -> usize {
        1 + self.classes
    }

    fn sizes(&self) -> [usize; 2] {
        [self.inputs * (1 + self.classes), 1]
    }

    fn matrix(&self) -> Option<[usize; 2]> {
        Some([self.inputs, 1 + self.classes])
    }

    fn fans(&self) -> Option<[usize; 2]> {
        Some([self.inputs, 1])
    }

    fn multiplications(&self) -> usize {
        self.inputs * (1 + self.classes)
    }

    /// Weight of the logit as [1, inputs], and the classes' as `embed.weight`, [classes, inputs], of a
    /// `torch.nn.Embedding`.
    fn entries(&self, name: &str) -> Vec<EntryLayout> {
        let Self { inputs, channels, classes } = *self;
        let weight = |input: usize, column: usize| channels_last(input, inputs, channels) * (1 + classes) + column;
        let mut entries = vec![
            EntryLayout::new(format!("{name}.weight"), &[1, inputs], |i| weight(i[1], 0)),
            EntryLayout::vector(format!("{name}.bias"), inputs * (1 + classes), 1),
        ];
        if classes > 0 {
            let embed = |i: [usize; 4]| weight(i[1], 1 + i[0]);
            entries.push(EntryLayout::new("embed.weight".to_owned(), &[classes, inputs], embed));
        }
        entries
    }

    fn forward(&self, pass: Forward) -> Result<()> {
        dense::forward(pass.input, [pass.weight, pass.bias], 1 + self.classes, pass.activation, pass.output);
        Ok(())
    }

    fn forward_candle(&self, pass: TensorForward) -> Result<Tensor> {
        let bias = pass.bias.pad_with_zeros(0, 0, self.classes)?;
        pass.input.matmul(&pass.weight.reshape((self.inputs, 1 + self.classes))?)?.broadcast_add(&bias)
    }

    fn backward(&self, pass: &Backward, gradients: Gradients, _scratch: &mut Scratch) {
        let outputs = 1 + self.classes;
        if let Some(sink) = gradients.parameters {
            dense::parameter_gradient(pass.input, gradients.output, outputs, sink.values, sink.write);
        }
        if let Some(below) = gradients.input {
            dense::input_gradient(pass.weight, gradients.output, outputs, below);
            activation_gradient(below, pass.input, pass.input_activation);
        }
    }
}
