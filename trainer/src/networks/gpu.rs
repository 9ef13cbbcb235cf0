//! A network's forward pass by candle's own operations, on any device. candle derives the backward pass.

use candle_core::{Result, Tensor};

use super::{layers::TensorForward, network::Network};
use crate::kernels::activation::{Activation, LEAK};

impl Network {
    /// Runs `x`, [N, inputs], through the network with these parameters, `[P]`, of the same precision; returns
    /// [N, outputs].
    pub(crate) fn forward_candle(&self, x: &Tensor, parameters: &Tensor, training: bool) -> Result<Tensor> {
        let mut x = x.clone();
        let masks = self.masks(x.dim(0)?, training);
        for (layer, mask) in self.layers.iter().zip(masks) {
            let [weights, biases] = layer.op.sizes();
            let pass = TensorForward {
                input: x,
                weight: parameters.narrow(0, layer.offset, weights)?,
                bias: parameters.narrow(0, layer.offset + weights, biases)?,
                training,
                running: layer.running(&self.running),
                mask,
            };
            x = activate(layer.op.forward_candle(pass)?, layer.activation)?;
        }
        Ok(x)
    }
}

fn activate(x: Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::None => Ok(x),
        Activation::Relu => x.relu(),
        Activation::LeakyRelu => (x.relu()? * f64::from(1.0 - LEAK))? + (x * f64::from(LEAK))?,
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => x.affine(0.5, 0.0)?.tanh(),
    }
}
