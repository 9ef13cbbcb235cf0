//! A network: layers, parameters and running statistics.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use candle_core::{DType, Device, Result, Tensor, Var, backprop::GradStore};
use duel_models::random::Stream;

use super::{
    engine::Engine, layer::Layer, layers::FirstWeights, pass_buffers::PassBuffers, sequential::Sequential,
    spectral_norm,
};
use crate::kernels::activation::Activation;

/// A network. Its parameters are one flat tensor, so that the optimiser, an EMA and an all-reduce are one operation
/// each.
#[derive(Debug)]
pub struct Network {
    /// Layers from the input to the output.
    pub layers: Vec<Layer>,
    /// Values in a row of the input.
    pub inputs: usize,
    /// All parameters, `[P]`.
    pub parameters: Var,
    /// Running mean and variance of each batch norm; behind them, with spectral norm, the vectors u and v of each
    /// weight, `[R]`.
    pub running: Var,
    /// With spectral norm: the parameters with each weight divided by its largest singular value, `[P]`.
    normalised: Option<Var>,
    /// The code that runs the network: kernels on a CPU, candle elsewhere.
    pub(crate) engine: Engine,
    /// Gradient of the parameters from the kernels' backward passes since [`take_gradient`](Self::take_gradient),
    /// `[P]`.
    pub(super) gradient: Tensor,
    /// Whether the next backward pass replaces that gradient instead of adding to it.
    pub(super) gradient_is_old: AtomicBool,
    /// Buffers of finished passes, for the next ones.
    pub(super) buffers: Mutex<Vec<PassBuffers>>,
    /// Random numbers of the dropout masks.
    stream: Stream,
    /// Index of the next pass in `stream`.
    next_mask: AtomicU64,
}

impl Network {
    /// A network with its first weights, drawn from `stream`.
    pub(super) fn new(
        layers: Sequential,
        first: FirstWeights,
        spectral_norm: bool,
        stream: Stream,
        device: &Device,
    ) -> Result<Self> {
        let mut values = vec![0.0; layers.parameters];
        let mut running = vec![0.0; layers.running];
        for (index, layer) in layers.list.iter().enumerate() {
            layer.initialise(first, stream.item(index as u64), &mut values, &mut running);
        }
        if spectral_norm {
            running.extend(spectral_norm::first_vectors(&layers.list, stream.item(layers.list.len() as u64)));
        }
        let normalised = spectral_norm.then(|| Var::zeros(values.len(), DType::F32, device)).transpose()?;
        let network = Self {
            gradient: Tensor::zeros(values.len(), DType::F32, device)?,
            parameters: Var::from_slice(&values, values.len(), device)?,
            running: Var::from_slice(&running, running.len(), device)?,
            normalised,
            inputs: layers.inputs,
            layers: layers.list,
            engine: if device.is_cpu() { Engine::Kernels } else { Engine::Candle },
            gradient_is_old: AtomicBool::new(true),
            buffers: Mutex::new(Vec::new()),
            stream: stream.item(u64::MAX),
            next_mask: AtomicU64::new(0),
        };
        network.refresh_spectral_norm(false)?;
        Ok(network)
    }

    /// A copy with its own parameters and running statistics.
    pub fn fork(&self) -> Result<Self> {
        let device = self.parameters.device();
        Ok(Self {
            layers: self.layers.clone(),
            inputs: self.inputs,
            parameters: Var::from_tensor(&self.parameters.copy()?)?,
            running: Var::from_tensor(&self.running.copy()?)?,
            normalised: self.normalised.as_ref().map(|n| Var::from_tensor(&n.copy()?)).transpose()?,
            engine: self.engine,
            gradient: Tensor::zeros(self.size(), DType::F32, device)?,
            gradient_is_old: AtomicBool::new(true),
            buffers: Mutex::new(Vec::new()),
            stream: self.stream,
            next_mask: AtomicU64::new(0),
        })
    }

    /// Sets the biases of the last layer, a dense layer, so that the network would output `image`, `[outputs]` in [-1,
    /// 1], if the weights of that layer were 0.
    pub fn initialise_output_bias(&self, image: &[f32]) -> Result<()> {
        // As in the code of Goodfellow et al. 2014: init_sigmoid_bias_from_marginals of pylearn2, with its bound.
        const BOUND: f32 = 1.0 - 2e-7;
        let last = self.layers.last().expect("a network has layers");
        let slope = if last.activation == Activation::Sigmoid { 2.0 } else { 1.0 };
        let mut parameters = self.parameters.to_vec1::<f32>()?;
        let biases = &mut parameters[last.span()][last.weight().len()..];
        for (bias, pixel) in biases.iter_mut().zip(image) {
            *bias = slope * pixel.clamp(-BOUND, BOUND).atanh();
        }
        self.parameters.set(&Tensor::from_vec(parameters, self.size(), self.parameters.device())?)?;
        self.refresh_spectral_norm(false)
    }

    /// Begins a training step. The dropout masks follow from the step and the number of passes since, so that a resumed
    /// run draws the same masks.
    pub fn begin_step(&self, step: u64) {
        const PASSES_MAX: u64 = 1 << 16;
        self.next_mask.store(step.wrapping_mul(PASSES_MAX), Ordering::Relaxed);
    }

    /// Factors of each layer's dropout in the next pass, [rows, size]: 1 outside training; empty for layers without
    /// dropout.
    pub(crate) fn masks(&self, rows: usize, training: bool) -> Vec<Vec<f32>> {
        let pass = self.stream.item(self.next_mask.fetch_add(1, Ordering::Relaxed));
        let mask = |(index, layer): (usize, &Layer)| {
            layer.op.mask(rows, layer.size, training.then(|| pass.item(index as u64)))
        };
        self.layers.iter().enumerate().map(mask).collect()
    }

    /// The parameters that the layers use: after spectral norm, if the network has it.
    pub(super) fn effective_parameters(&self) -> &Var {
        self.normalised.as_ref().unwrap_or(&self.parameters)
    }

    /// Computes the parameters after spectral norm; needed after each change of the parameters. With `iterate`, one
    /// step of the power iteration moves u and v first.
    pub fn refresh_spectral_norm(&self, iterate: bool) -> Result<()> {
        match &self.normalised {
            Some(normalised) => {
                spectral_norm::refresh(&self.layers, &self.parameters, &self.running, normalised, iterate)
            }
            None => Ok(()),
        }
    }

    /// Returns the gradient of the parameters after a backward pass, `[P]`; 0 if there was none. The next pass starts a
    /// new gradient.
    pub fn take_gradient(&self, store: &mut GradStore) -> Result<Tensor> {
        let found = match self.engine {
            Engine::Candle => store.remove(self.effective_parameters()),
            Engine::Kernels => (!self.gradient_is_old.swap(true, Ordering::Relaxed)).then(|| self.gradient.clone()),
        };
        let gradient = found.map_or_else(|| self.gradient.zeros_like(), Ok)?;
        match &self.normalised {
            Some(normalised) => {
                spectral_norm::gradient(&self.layers, &self.parameters, &self.running, normalised, &gradient)
            }
            None => Ok(gradient),
        }
    }

    /// Multiplications in the matrix products of a forward pass, for one row.
    pub fn multiplications(&self) -> usize {
        self.layers.iter().map(|layer| layer.op.multiplications()).sum()
    }

    /// Multiplications in the first matrix product of a forward pass, for one row.
    pub fn first_multiplications(&self) -> usize {
        let counts = self.layers.iter().map(|layer| layer.op.multiplications());
        counts.into_iter().find(|&count| count > 0).unwrap_or_default()
    }

    /// Number of parameters.
    pub fn size(&self) -> usize {
        self.parameters.elem_count()
    }
}
