//! The generator and the discriminator: described once as layers, run on the CPU by the project's kernels and on a GPU by
//! candle's own operations.

mod build;
mod cpu;
mod gpu;
mod layer;
pub mod optimiser;
mod spectral;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use candle_core::{D, DType, Device, Result, Tensor, Var, backprop::GradStore};
use duel_models::random::Stream;
use rayon::prelude::*;

use self::{
    build::Layers,
    cpu::{Pass, Tape},
    layer::Law,
};
pub use self::{
    build::{classifier, discriminator, generator},
    layer::{Activation, LEAK, Layer, Op},
};
use crate::kernels;
pub use crate::recipe::Growth;

/// How a network takes part in a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It learns: its parameters get gradients.
    Train,
    /// It takes part in its opponent's training: as in `Train`, but its parameters get no gradient.
    Frozen,
    /// It draws or judges: batch norm uses its running figures, and nothing is tracked.
    Evaluate,
}

/// What runs a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The project's kernels, on the CPU.
    Kernels,
    /// candle's own operations and gradients, on any device: the path of a GPU, and on the CPU the kernels' oracle.
    Candle,
}

/// A network whose parameters stand in one flat tensor, so that the optimiser, an average and an all-reduce are one operation.
#[derive(Debug)]
pub struct Network {
    /// From the input to the output.
    pub layers: Vec<Layer>,
    /// Values of one input.
    pub inputs: usize,
    /// All parameters, [P].
    pub parameters: Var,
    /// The running mean and variance of each batch norm, and of spectral norm the vectors u and v of each layer, [R].
    pub running: Var,
    /// The parameters as the layers use them, where spectral norm makes them differ, [P].
    normalised: Option<Var>,
    /// The kernels on a CPU, candle elsewhere.
    pub(crate) engine: Engine,
    /// Where the CPU's kernels leave the gradient of the parameters, [P].
    pub(crate) gradient: Tensor,
    /// Whether the next backward pass writes that gradient or adds to it.
    pub(crate) fresh: AtomicBool,
    /// Buffers of passes that are over.
    pub(crate) tapes: Mutex<Vec<Tape>>,
    /// Where dropout's masks come from.
    stream: Stream,
    /// Which of them are next.
    turn: AtomicU64,
}

/// A parameter or running figure as PyTorch would hold it.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// As in a state dict: `dense1.weight`.
    pub name: String,
    /// Its shape there.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

impl Network {
    fn new(
        layers: Layers,
        inputs: usize,
        law: Law,
        spectral_norm: bool,
        stream: Stream,
        device: &Device,
    ) -> Result<Self> {
        let mut values = vec![0.0; layers.parameters];
        let mut running = vec![0.0; layers.running];
        for (index, layer) in layers.list.iter().enumerate() {
            layer.initialise(law, stream.item(index as u64), &mut values, &mut running);
        }
        if spectral_norm {
            running.extend(spectral::start(&layers.list, stream.item(layers.list.len() as u64)));
        }
        let normalised = spectral_norm.then(|| Var::zeros(values.len(), DType::F32, device)).transpose()?;
        let network = Self {
            gradient: Tensor::zeros(values.len(), DType::F32, device)?,
            parameters: Var::from_slice(&values, values.len(), device)?,
            running: Var::from_slice(&running, running.len(), device)?,
            normalised,
            layers: layers.list,
            inputs,
            engine: if device.is_cpu() { Engine::Kernels } else { Engine::Candle },
            fresh: AtomicBool::new(true),
            tapes: Mutex::new(Vec::new()),
            stream: stream.item(u64::MAX),
            turn: AtomicU64::new(0),
        };
        network.settle(false)?;
        Ok(network)
    }

    /// Sets the biases of a last dense layer so that, with its weights at 0, it would give `image`, [outputs] in [-1, 1].
    pub fn begin_with(&self, image: &[f32]) -> Result<()> {
        // As the paper's authors do: init_sigmoid_bias_from_marginals of pylearn2, with its bound.
        const BOUND: f32 = 1.0 - 2e-7;
        let last = self.layers.last().expect("a network has layers");
        let slope = if last.activation == Activation::Sigmoid { 2.0 } else { 1.0 };
        let mut parameters = self.parameters.to_vec1::<f32>()?;
        let biases = &mut parameters[last.span()][last.sizes()[0]..];
        for (bias, pixel) in biases.iter_mut().zip(image) {
            *bias = slope * pixel.clamp(-BOUND, BOUND).atanh();
        }
        self.parameters.set(&Tensor::from_vec(parameters, self.size(), self.parameters.device())?)?;
        self.settle(false)
    }

    /// A network of the same layers, parameters and running figures, which then go their own way.
    pub fn twin(&self) -> Result<Self> {
        let device = self.parameters.device();
        Ok(Self {
            layers: self.layers.clone(),
            inputs: self.inputs,
            parameters: Var::from_tensor(&self.parameters.copy()?)?,
            running: Var::from_tensor(&self.running.copy()?)?,
            normalised: self.normalised.as_ref().map(|n| Var::from_tensor(&n.copy()?)).transpose()?,
            engine: self.engine,
            gradient: Tensor::zeros(self.size(), DType::F32, device)?,
            fresh: AtomicBool::new(true),
            tapes: Mutex::new(Vec::new()),
            stream: self.stream,
            turn: AtomicU64::new(0),
        })
    }

    /// Runs `x`, [N, inputs], through the network: [N, outputs].
    pub fn forward(self: &Arc<Self>, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let used = self.used();
        let parameters = if mode == Mode::Train { used.as_tensor().clone() } else { used.detach() };
        let training = mode != Mode::Evaluate;
        let x = if training { x } else { &x.detach() };
        match self.engine {
            Engine::Kernels => x.contiguous()?.apply_op2(&parameters, Pass::new(Arc::clone(self), training, x.dim(0)?)),
            Engine::Candle => self.by_candle(x, &parameters, training),
        }
    }

    /// What the network draws or judges in double precision: what its parameters mean, without the rounding of a forward pass.
    pub(crate) fn exact(&self, x: &Tensor) -> Result<Tensor> {
        let parameters = self.used().detach().to_dtype(DType::F64)?;
        self.by_candle(&x.to_dtype(DType::F64)?, &parameters, false)
    }

    /// Begins a step: the masks of dropout are made of it and of the passes since, so that a resumed run has the same.
    pub fn begin(&self, step: u64) {
        const PASSES_MAX: u64 = 1 << 16;
        self.turn.store(step.wrapping_mul(PASSES_MAX), Ordering::Relaxed);
    }

    /// What each dropout multiplies its values with in the next pass, [rows, size], 1 unless it trains; empty for other layers.
    pub(crate) fn masks(&self, rows: usize, training: bool) -> Vec<Vec<f32>> {
        let turn = self.stream.item(self.turn.fetch_add(1, Ordering::Relaxed));
        let mask = |(index, layer): (usize, &Layer)| match layer.op {
            Op::Dropout { keep, .. } if training => {
                let mut mask = vec![0.0; rows * layer.size];
                let stream = turn.item(index as u64);
                mask.par_chunks_mut(layer.size).enumerate().for_each(|(row, mask)| {
                    let mut stream = stream.item(row as u64);
                    mask.fill_with(|| if stream.uniform() < keep { (1.0 / keep) as f32 } else { 0.0 });
                });
                mask
            }
            Op::Dropout { .. } => vec![1.0; rows * layer.size],
            _ => Vec::new(),
        };
        self.layers.iter().enumerate().map(mask).collect()
    }

    /// The parameters as the layers use them.
    fn used(&self) -> &Var {
        self.normalised.as_ref().unwrap_or(&self.parameters)
    }

    /// Makes what the layers use of new parameters; with `iterate`, spectral norm first moves u and v by a step of its power
    /// iteration.
    pub fn settle(&self, iterate: bool) -> Result<()> {
        match &self.normalised {
            Some(normalised) => spectral::normalise(self, iterate, normalised),
            None => Ok(()),
        }
    }

    /// Moves parameters and running figures towards those of a [`twin`](Self::twin), which has taken so many steps: a share
    /// `keep` of them stays, less in the first steps, so that the average does not begin with the first weights.
    pub fn approach(&self, other: &Self, keep: f64, steps: u64) -> Result<()> {
        let keep = keep.min(steps as f64 / (steps as f64 + 9.0));
        for (mine, theirs) in [(&self.parameters, &other.parameters), (&self.running, &other.running)] {
            match self.engine {
                Engine::Kernels => kernels::optimiser::approach(mine, theirs, keep as f32)?,
                Engine::Candle => mine.set(&((mine.as_tensor() * keep)? + (theirs.as_tensor() * (1.0 - keep))?)?)?,
            }
        }
        Ok(())
    }

    /// Moves a batch norm's running figures towards a batch's, whose variance is made unbiased as PyTorch does.
    pub(crate) fn update_running(
        &self,
        layer: &Layer,
        mean: &[f32],
        variance: &[f32],
        rows: usize,
        momentum: f64,
    ) -> Result<()> {
        let keep = momentum as f32;
        let unbiased = rows as f32 / (rows.max(2) - 1) as f32;
        let mut running = self.running.to_vec1::<f32>()?;
        let figures = mean.iter().copied().chain(variance.iter().map(|variance| variance * unbiased));
        for (running, figure) in running[layer.running_offset..].iter_mut().zip(figures) {
            *running = keep * *running + (1.0 - keep) * figure;
        }
        self.running.set(&Tensor::from_vec(running, self.running.shape(), self.running.device())?)
    }

    /// Calls `body` with a batch norm's running mean and variance.
    pub(crate) fn running_statistics<T>(
        &self,
        layer: &Layer,
        channels: usize,
        body: impl FnOnce(&[f32], &[f32]) -> T,
    ) -> Result<T> {
        kernels::read(&self.running, |running| {
            let (mean, variance) = running[layer.running_offset..][..2 * channels].split_at(channels);
            body(mean, variance)
        })
    }

    /// The gradient of the parameters after a backward pass; the next pass starts it afresh.
    pub fn take_gradient(&self, store: &mut GradStore) -> Result<Tensor> {
        let found = match self.engine {
            Engine::Candle => store.remove(self.used()),
            Engine::Kernels => (!self.fresh.swap(true, Ordering::Relaxed)).then(|| self.gradient.clone()),
        };
        let gradient = found.map_or_else(|| self.gradient.zeros_like(), Ok)?;
        match &self.normalised {
            Some(normalised) => spectral::gradient(self, normalised, &gradient),
            None => Ok(gradient),
        }
    }

    /// Multiplications of its matrix products for one row.
    pub fn multiplications(&self) -> usize {
        self.layers.iter().map(Layer::multiplications).sum()
    }

    /// Those of its first.
    pub fn first_multiplications(&self) -> usize {
        self.layers.iter().map(Layer::multiplications).find(|&count| count > 0).unwrap_or_default()
    }

    /// Parameters it has.
    pub fn size(&self) -> usize {
        self.parameters.elem_count()
    }

    /// Its parameters and running figures under PyTorch's names and in its layouts; weights as spectral norm leaves them.
    pub fn named(&self) -> Result<Vec<Named>> {
        let parameters = self.used().to_vec1::<f32>()?;
        let running = self.running.to_vec1::<f32>()?;
        let places = self.layers.iter().flat_map(Layer::places);
        Ok(places
            .map(|place| {
                let source = if place.running { &running } else { &parameters };
                Named { name: place.name, shape: place.shape, values: place.at.iter().map(|&at| source[at]).collect() }
            })
            .collect())
    }

    /// Takes the values of PyTorch's tensors, each of which `find` gives by its name and shape.
    pub fn set_named<E: From<candle_core::Error>>(
        &self,
        mut find: impl FnMut(&str, &[usize]) -> std::result::Result<Vec<f32>, E>,
    ) -> std::result::Result<(), E> {
        let mut parameters = self.parameters.to_vec1::<f32>()?;
        let mut running = self.running.to_vec1::<f32>()?;
        for place in self.layers.iter().flat_map(Layer::places) {
            let sink = if place.running { &mut running } else { &mut parameters };
            for (at, value) in place.at.into_iter().zip(find(&place.name, &place.shape)?) {
                sink[at] = value;
            }
        }
        let device = self.parameters.device();
        self.parameters.set(&Tensor::from_vec(parameters, self.size(), device)?)?;
        self.running.set(&Tensor::from_vec(running, self.running.shape(), device)?)?;
        Ok(self.settle(false)?)
    }
}

/// D(x) of each logit.
pub fn probability(logits: &Tensor) -> Result<Tensor> {
    candle_nn::ops::sigmoid(&logits.flatten_from(D::Minus1)?)
}
