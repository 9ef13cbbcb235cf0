//! Dropout: Srivastava et al. 2014, section 10.

use candle_core::{Result, Tensor};
use duel_models::random::Stream;
use rayon::prelude::*;

use super::{
    operation::Operation,
    pass::{Backward, Forward, Gradients, Scratch, TensorForward},
};
use crate::kernels::elementwise::{activation_gradient, scale_and_mask};

/// In training, keeps each value with probability `keep` and divides it by `keep`; the other values become 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// Probability that a value stays.
    pub keep: f64,
    /// Whether the values are pixels of an image. Pixels are first mapped from [-1, 1] to [0, 1], so that a dropped
    /// pixel is black.
    pub image: bool,
}

impl Dropout {
    /// Scale and shift of the values before the mask.
    fn range(&self) -> [f32; 2] {
        if self.image { [0.5, 0.5] } else { [1.0, 0.0] }
    }
}

impl Operation for Dropout {
    fn module(&self) -> &'static str {
        "dropout"
    }

    fn outputs(&self, inputs: usize) -> usize {
        inputs
    }

    fn mask(&self, rows: usize, size: usize, stream: Option<Stream>) -> Vec<f32> {
        let Some(stream) = stream else { return vec![1.0; rows * size] };
        let mut mask = vec![0.0; rows * size];
        mask.par_chunks_mut(size).enumerate().for_each(|(row, mask)| {
            let mut stream = stream.item(row as u64);
            mask.fill_with(|| if stream.uniform() < self.keep { (1.0 / self.keep) as f32 } else { 0.0 });
        });
        mask
    }

    fn forward(&self, pass: Forward) -> Result<()> {
        scale_and_mask(pass.input, &pass.saved.mask, pass.output, self.range());
        Ok(())
    }

    fn forward_candle(&self, pass: TensorForward) -> Result<Tensor> {
        let x = pass.input;
        let mask = Tensor::from_vec(pass.mask, x.shape(), x.device())?.to_dtype(x.dtype())?;
        (if self.image { x.affine(0.5, 0.5)? } else { x }) * mask
    }

    fn backward(&self, pass: &Backward, gradients: Gradients, _scratch: &mut Scratch) {
        if let Some(below) = gradients.input {
            let [scale, _] = self.range();
            scale_and_mask(gradients.output, &pass.saved.mask, below, [scale, 0.0]);
            activation_gradient(below, pass.input, pass.input_activation);
        }
    }
}
