//! Batch norm: `torch.nn.BatchNorm1d` and `torch.nn.BatchNorm2d`.

use candle_core::{Result, Tensor};
use duel_models::random::Stream;

use super::{
    fold::ChannelAffine,
    operation::Operation,
    parameters::{EntryLayout, FirstWeights},
    pass::{Backward, Forward, Gradients, Scratch, TensorForward},
};
use crate::kernels::{
    elementwise::activation_gradient,
    gemm::Write,
    norm::{Statistics, batch_statistics, gradient_sums, input_gradient, inverse_root, normalise},
};

/// γ (x - mean) / √(variance + ε) + β for each channel: Ioffe and Szegedy 2015.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNorm {
    /// Channels, the last axis.
    pub channels: usize,
    /// Decay of the running statistics: running = momentum · running + (1 - momentum) · batch. PyTorch's momentum is 1
    /// minus this value.
    pub momentum: f64,
    /// ε.
    pub epsilon: f64,
    /// Whether training takes mean and variance from the batch, or from the running statistics.
    pub from_batch: bool,
}

impl Operation for BatchNorm {
    fn module(&self) -> &'static str {
        "norm"
    }

    fn outputs(&self, inputs: usize) -> usize {
        inputs
    }

    fn sizes(&self) -> [usize; 2] {
        [self.channels, self.channels]
    }

    /// The mean, then the variance.
    fn running_size(&self) -> usize {
        2 * self.channels
    }

    /// Sets γ = 1, β = 0, the running mean to 0 and the running variance to 1.
    fn initialise(&self, _first: FirstWeights, _stream: Stream, [weight, _]: [&mut [f32]; 2], running: &mut [f32]) {
        weight.fill(1.0);
        running[self.channels..].fill(1.0);
    }

    fn entries(&self, name: &str) -> Vec<EntryLayout> {
        let vector = |tensor: &str, first| EntryLayout::vector(format!("{name}.{tensor}"), first, self.channels);
        vec![
            vector("weight", 0),
            vector("bias", self.channels),
            vector("running_mean", 0).running(),
            vector("running_var", self.channels).running(),
        ]
    }

    fn forward(&self, pass: Forward) -> Result<()> {
        let Self { channels, momentum, epsilon, from_batch } = *self;
        let statistics = &mut pass.saved.statistics;
        if pass.training && from_batch {
            let variance = batch_statistics(pass.input, channels, epsilon as f32, statistics);
            pass.running.update(&statistics.mean, &variance, pass.input.len() / channels, momentum)?;
        } else {
            let [mean, variance] = pass.running.statistics(channels)?;
            *statistics = Statistics { mean, scale: inverse_root(&variance, epsilon as f32), from_batch: false };
        }
        normalise(pass.input, pass.output, [pass.weight, pass.bias], statistics, pass.activation);
        Ok(())
    }

    fn forward_candle(&self, pass: TensorForward) -> Result<Tensor> {
        let Self { channels, momentum, epsilon, from_batch } = *self;
        let x = pass.input.reshape(((), channels))?;
        let [mean, variance] = if pass.training && from_batch {
            let mean = x.mean(0)?;
            let variance = x.broadcast_sub(&mean)?.sqr()?.mean(0)?;
            pass.running.update_tensors([&mean, &variance], x.dim(0)?, momentum)?;
            [mean, variance]
        } else {
            pass.running.tensors(channels, x.dtype())?
        };
        let factor = (pass.weight / (variance + epsilon)?.sqrt()?)?;
        let y = x.broadcast_sub(&mean)?.broadcast_mul(&factor)?.broadcast_add(&pass.bias)?;
        y.reshape(pass.input.shape())
    }

    /// True: the kernel `gradient_sums` also multiplies the gradient by the activation's derivative.
    fn in_place(&self) -> bool {
        true
    }

    fn backward(&self, pass: &Backward, gradients: Gradients, _scratch: &mut Scratch) {
        let Backward { input, output, .. } = *pass;
        let statistics = &pass.saved.statistics;
        let gradient = gradients.output;
        let sums = gradient_sums(input, output, gradient, statistics, pass.activation);
        if let Some(sink) = gradients.parameters {
            let [beta, gamma] = &sums;
            for (value, sum) in sink.values.iter_mut().zip(gamma.iter().chain(beta)) {
                *value = if sink.write == Write::Replace { *sum } else { *value + sum };
            }
        }
        if gradients.input.is_some() {
            input_gradient(input, gradient, pass.weight, &sums, statistics);
            activation_gradient(gradient, input, pass.input_activation);
        }
    }

    fn channel_affine(&self, tensor: &dyn Fn(&str) -> Vec<f64>) -> Option<ChannelAffine> {
        let variance = tensor("running_var");
        let scale: Vec<f64> =
            tensor("weight").iter().zip(variance).map(|(gamma, v)| gamma / (v + self.epsilon).sqrt()).collect();
        let (bias, mean) = (tensor("bias"), tensor("running_mean"));
        let shift = bias.iter().zip(mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale).collect();
        Some(ChannelAffine { scale, shift })
    }
}
