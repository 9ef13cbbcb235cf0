//! A network's forward pass, by either engine.

use std::sync::Arc;

use candle_core::{D, DType, Result, Tensor};

use super::{
    cpu::Pass,
    engine::{Engine, Mode},
    network::Network,
};

impl Network {
    /// Runs `x`, [N, inputs], through the network; returns [N, outputs].
    pub fn forward(self: &Arc<Self>, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let parameters = self.effective_parameters();
        let parameters = if mode == Mode::Train { parameters.as_tensor().clone() } else { parameters.detach() };
        let training = mode != Mode::Evaluate;
        let x = if training { x } else { &x.detach() };
        match self.engine {
            Engine::Kernels => x.contiguous()?.apply_op2(&parameters, Pass::new(Arc::clone(self), training, x.dim(0)?)),
            Engine::Candle => self.forward_candle(x, &parameters, training),
        }
    }

    /// Like [`forward`](Self::forward) with [`Mode::Evaluate`], in double precision: nearly free of rounding errors,
    /// for comparisons.
    pub(crate) fn forward_f64(&self, x: &Tensor) -> Result<Tensor> {
        let parameters = self.effective_parameters().detach().to_dtype(DType::F64)?;
        self.forward_candle(&x.to_dtype(DType::F64)?, &parameters, false)
    }
}

/// D(x) from each logit.
pub fn probability(logits: &Tensor) -> Result<Tensor> {
    candle_nn::ops::sigmoid(&logits.flatten_from(D::Minus1)?)
}
