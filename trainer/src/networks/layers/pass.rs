//! What a layer is given in a forward or backward pass.

use std::ops::Range;

use candle_core::{DType, Result, Tensor, Var};

use crate::kernels::{self, activation::Activation, gemm::Write, norm::Statistics};

/// Results of a layer's forward pass that its backward pass needs.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    /// Mean and scale of a batch norm; empty for other layers.
    pub statistics: Statistics,
    /// Factors of a dropout; empty for other layers.
    pub mask: Vec<f32>,
}

/// A layer's forward pass on the CPU.
pub(crate) struct Forward<'a> {
    /// [N, inputs]
    pub input: &'a [f32],
    /// [N, outputs], to be overwritten.
    pub output: &'a mut [f32],
    pub weight: &'a [f32],
    pub bias: &'a [f32],
    pub activation: Activation,
    /// Whether batch norm takes its statistics from the batch.
    pub training: bool,
    pub running: Running<'a>,
    pub saved: &'a mut Saved,
}

/// A layer's forward pass by candle's operations.
pub(crate) struct TensorForward<'a> {
    /// [N, inputs]
    pub input: Tensor,
    /// The weight, flat.
    pub weight: Tensor,
    pub bias: Tensor,
    /// Whether batch norm takes its statistics from the batch.
    pub training: bool,
    pub running: Running<'a>,
    /// Factors of a dropout; empty for other layers.
    pub mask: Vec<f32>,
}

/// A layer's backward pass on the CPU.
pub(crate) struct Backward<'a> {
    pub weight: &'a [f32],
    /// [N, inputs], the output of the layer below.
    pub input: &'a [f32],
    /// [N, outputs]
    pub output: &'a [f32],
    pub saved: &'a Saved,
    pub activation: Activation,
    /// Activation of the layer below; `None` if that layer takes the gradient through its activation itself.
    pub input_activation: Activation,
}

/// The gradients of a backward pass: of the output, which is given, and of the input and the parameters, which are
/// computed.
pub(crate) struct Gradients<'a> {
    /// [N, outputs]
    pub output: &'a mut [f32],
    /// [N, inputs], to be overwritten; `None` if nobody needs it.
    pub input: Option<&'a mut [f32]>,
    /// `None` for a network that takes part in its opponent's training.
    pub parameters: Option<GradientSink<'a>>,
}

/// Destination of the gradient of a layer's parameters.
pub(crate) struct GradientSink<'a> {
    pub values: &'a mut [f32],
    /// Whether this gradient replaces that of an earlier step or is added to that of an earlier pass.
    pub write: Write,
}

impl GradientSink<'_> {
    /// The sink of some of the parameters.
    pub(crate) fn part(&mut self, span: Range<usize>) -> GradientSink<'_> {
        GradientSink { values: &mut self.values[span], write: self.write }
    }
}

/// Buffers for a backward pass, kept from layer to layer.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// A transposed weight.
    pub weight: Vec<f32>,
    /// Partial sums of a weight's gradient.
    pub sums: Vec<f32>,
}

/// The running statistics of one layer, inside its network's tensor.
#[derive(Clone, Copy)]
pub(crate) struct Running<'a> {
    tensor: &'a Var,
    offset: usize,
}

impl<'a> Running<'a> {
    pub(crate) fn new(tensor: &'a Var, offset: usize) -> Self {
        Self { tensor, offset }
    }

    /// Running mean and variance of `channels` channels.
    pub(crate) fn statistics(self, channels: usize) -> Result<[Vec<f32>; 2]> {
        let values = kernels::values(self.tensor)?;
        let (mean, variance) = values[self.offset..][..2 * channels].split_at(channels);
        Ok([mean.to_vec(), variance.to_vec()])
    }

    /// Running mean and variance of `channels` channels as tensors.
    pub(crate) fn tensors(self, channels: usize, kind: DType) -> Result<[Tensor; 2]> {
        let values = self.tensor.detach().to_dtype(kind)?;
        Ok([values.narrow(0, self.offset, channels)?, values.narrow(0, self.offset + channels, channels)?])
    }

    /// Updates mean and variance with those of a batch of `rows`: running = momentum · running + (1 - momentum) ·
    /// batch. The variance is made unbiased first, as in PyTorch.
    pub(crate) fn update(self, mean: &[f32], variance: &[f32], rows: usize, momentum: f64) -> Result<()> {
        let keep = momentum as f32;
        let unbiased = rows as f32 / (rows.max(2) - 1) as f32;
        let mut running = self.tensor.to_vec1::<f32>()?;
        let batch = mean.iter().copied().chain(variance.iter().map(|variance| variance * unbiased));
        for (running, batch) in running[self.offset..].iter_mut().zip(batch) {
            *running = keep * *running + (1.0 - keep) * batch;
        }
        self.tensor.set(&Tensor::from_vec(running, self.tensor.shape(), self.tensor.device())?)
    }

    /// Does the same as [`update`](Self::update) with mean and variance as tensors, `[channels]` each. Nothing is read
    /// back, so that a GPU does not wait for the CPU.
    pub(crate) fn update_tensors(self, [mean, variance]: [&Tensor; 2], rows: usize, momentum: f64) -> Result<()> {
        let keep = momentum as f32;
        let unbiased = rows as f32 / (rows.max(2) - 1) as f32;
        let values = |tensor: &Tensor| tensor.detach().to_dtype(DType::F32);
        let batch = Tensor::cat(&[values(mean)?, (values(variance)? * f64::from(unbiased))?], 0)?;
        let running = self.tensor.as_detached_tensor();
        let old = running.narrow(0, self.offset, batch.elem_count())?;
        let new = ((old * f64::from(keep))? + (batch * f64::from(1.0 - keep))?)?;
        self.tensor.set(&running.slice_scatter(&new, 0, self.offset)?)
    }
}
