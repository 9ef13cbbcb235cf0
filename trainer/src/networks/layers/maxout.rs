//! Maxout, behind a dense layer: Goodfellow et al. 2013, section 2.

use candle_core::{Result, Tensor};

use super::{
    operation::Operation,
    pass::{Backward, Forward, Gradients, Scratch, TensorForward},
};
use crate::kernels::elementwise::{activation_gradient, maxout, maxout_gradient};

/// The largest of each `pieces` successive values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Maxout {
    /// Input values for each output value.
    pub pieces: usize,
}

impl Operation for Maxout {
    fn module(&self) -> &'static str {
        "max"
    }

    fn outputs(&self, inputs: usize) -> usize {
        inputs / self.pieces
    }

    fn forward(&self, pass: Forward) -> Result<()> {
        maxout(pass.input, pass.output, self.pieces);
        Ok(())
    }

    fn forward_candle(&self, pass: TensorForward) -> Result<Tensor> {
        let (rows, inputs) = pass.input.dims2()?;
        pass.input.reshape((rows, inputs / self.pieces, self.pieces))?.max(2)
    }

    fn backward(&self, pass: &Backward, gradients: Gradients, _scratch: &mut Scratch) {
        if let Some(below) = gradients.input {
            maxout_gradient(pass.input, pass.output, gradients.output, below, self.pieces);
            activation_gradient(below, pass.input, pass.input_activation);
        }
    }
}
