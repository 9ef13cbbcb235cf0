//! The generator and the discriminator: described once as layers, run on the CPU by the project's kernels and on a GPU by
//! candle's own operations.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use candle_core::{D, DType, Device, Result, Tensor, Var, backprop::GradStore};
use duel_models::{PIXELS, random::Stream};

use crate::{
    kernels::{self, Pass, Tape},
    recipe::{self, BatchNorm},
};

/// What follows a layer's operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Activation {
    /// Nothing.
    None,
    /// max(0, x).
    Relu,
    /// The hyperbolic tangent.
    Tanh,
}

/// A layer's operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Op {
    /// y = x W + b, with W as [inputs, outputs].
    Dense {
        /// Values in.
        inputs: usize,
        /// Values out.
        outputs: usize,
    },
    /// y = γ (x - mean) / √(variance + ε) + β, channel by channel: Ioffe and Szegedy 2015.
    BatchNorm {
        /// Channels, the last axis.
        channels: usize,
        /// How much of the running figures stays at a step.
        momentum: f64,
        /// ε.
        epsilon: f64,
        /// Whether training takes mean and variance from the batch, or from the running figures.
        of_batch: bool,
    },
}

/// One layer, and where its parameters stand in its network's.
#[derive(Debug, Clone)]
pub struct Layer {
    /// As PyTorch would name the module: `dense1`, `norm1`.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// What follows.
    pub activation: Activation,
    offset: usize,
    running_offset: usize,
}

impl Layer {
    /// Values it gives a row.
    pub fn outputs(&self) -> usize {
        match self.op {
            Op::Dense { outputs, .. } => outputs,
            Op::BatchNorm { channels, .. } => channels,
        }
    }

    /// Its parameters in [`Network::parameters`]: the weight, then the bias.
    pub fn span(&self) -> std::ops::Range<usize> {
        let [weight, bias] = self.sizes();
        self.offset..self.offset + weight + bias
    }

    /// Multiplications of its matrix product for one row.
    pub fn multiplications(&self) -> usize {
        match self.op {
            Op::Dense { inputs, outputs } => inputs * outputs,
            Op::BatchNorm { .. } => 0,
        }
    }

    fn sizes(&self) -> [usize; 2] {
        match self.op {
            Op::Dense { inputs, outputs } => [inputs * outputs, outputs],
            Op::BatchNorm { channels, .. } => [channels, channels],
        }
    }
}

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
    /// All parameters, [P].
    pub parameters: Var,
    /// The running mean and variance of each batch norm, [R].
    pub running: Var,
    /// The kernels on a CPU, candle elsewhere.
    pub(crate) engine: Engine,
    /// Where the CPU's kernels leave the gradient of the parameters, [P].
    pub(crate) gradient: Tensor,
    /// Whether the next backward pass writes that gradient or adds to it.
    pub(crate) fresh: AtomicBool,
    /// Buffers of passes that are over.
    pub(crate) tapes: Mutex<Vec<Tape>>,
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

/// The article's generator: dense layers, each with ReLU and batch norm; then tanh. [N, latent] -> [N, 784]
pub fn generator(recipe: &recipe::Generator, seed: u64, device: &Device) -> Result<Network> {
    let mut layers = Layers::default();
    let mut width = recipe.latent;
    for &hidden in &recipe.hidden {
        layers.push(Op::Dense { inputs: width, outputs: hidden }, Activation::Relu);
        if recipe.batch_norm != BatchNorm::Off {
            let norm = Op::BatchNorm {
                channels: hidden,
                momentum: recipe.batch_norm_momentum,
                epsilon: recipe.batch_norm_epsilon,
                of_batch: recipe.batch_norm == BatchNorm::Batch,
            };
            layers.push(norm, Activation::None);
        }
        width = hidden;
    }
    layers.push(Op::Dense { inputs: width, outputs: PIXELS }, Activation::Tanh);
    Network::new(layers, Stream::new(seed, "generator"), device)
}

/// The article's discriminator: dense layers with ReLU, then one logit. [N, 784] -> [N, 1]
pub fn discriminator(recipe: &recipe::Discriminator, seed: u64, device: &Device) -> Result<Network> {
    let mut layers = Layers::default();
    let mut width = PIXELS;
    for &hidden in &recipe.hidden {
        layers.push(Op::Dense { inputs: width, outputs: hidden }, Activation::Relu);
        width = hidden;
    }
    layers.push(Op::Dense { inputs: width, outputs: 1 }, Activation::None);
    Network::new(layers, Stream::new(seed, "discriminator"), device)
}

/// Layers with their places, as they are added.
#[derive(Default)]
struct Layers {
    list: Vec<Layer>,
    dense: usize,
    norms: usize,
    parameters: usize,
    running: usize,
}

impl Layers {
    fn push(&mut self, op: Op, activation: Activation) {
        let name = match op {
            Op::Dense { .. } => {
                self.dense += 1;
                format!("dense{}", self.dense)
            }
            Op::BatchNorm { .. } => {
                self.norms += 1;
                format!("norm{}", self.norms)
            }
        };
        let layer = Layer { name, op, activation, offset: self.parameters, running_offset: self.running };
        self.parameters = layer.span().end;
        if let Op::BatchNorm { channels, .. } = op {
            self.running += 2 * channels;
        }
        self.list.push(layer);
    }
}

impl Network {
    fn new(layers: Layers, stream: Stream, device: &Device) -> Result<Self> {
        let mut values = vec![0.0; layers.parameters];
        let mut running = vec![0.0; layers.running];
        for (index, layer) in layers.list.iter().enumerate() {
            initialise(layer, stream.item(index as u64), &mut values, &mut running);
        }
        Ok(Self {
            gradient: Tensor::zeros(values.len(), DType::F32, device)?,
            parameters: Var::from_vec(values, layers.parameters, device)?,
            running: Var::from_vec(running, layers.running, device)?,
            layers: layers.list,
            engine: if device.is_cpu() { Engine::Kernels } else { Engine::Candle },
            fresh: AtomicBool::new(true),
            tapes: Mutex::new(Vec::new()),
        })
    }

    /// Runs `x`, [N, inputs], through the network: [N, outputs].
    pub fn forward(self: &Arc<Self>, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let parameters =
            if mode == Mode::Train { self.parameters.as_tensor().clone() } else { self.parameters.detach() };
        let training = mode != Mode::Evaluate;
        let x = if training { x } else { &x.detach() };
        match self.engine {
            Engine::Kernels => x.contiguous()?.apply_op2(&parameters, Pass::new(Arc::clone(self), training)),
            Engine::Candle => self.by_candle(x, &parameters, training),
        }
    }

    /// What the network draws or judges in double precision: what its parameters mean, without the rounding of a forward pass.
    pub(crate) fn exact(&self, x: &Tensor) -> Result<Tensor> {
        let parameters = self.parameters.detach().to_dtype(DType::F64)?;
        self.by_candle(&x.to_dtype(DType::F64)?, &parameters, false)
    }

    fn by_candle(&self, x: &Tensor, parameters: &Tensor, training: bool) -> Result<Tensor> {
        let mut x = x.clone();
        for layer in &self.layers {
            let [weights, biases] = layer.sizes();
            let weight = parameters.narrow(0, layer.offset, weights)?;
            let bias = parameters.narrow(0, layer.offset + weights, biases)?;
            x = match layer.op {
                Op::Dense { inputs, outputs } => x.matmul(&weight.reshape((inputs, outputs))?)?.broadcast_add(&bias)?,
                Op::BatchNorm { channels, momentum, epsilon, of_batch } => {
                    let (mean, variance) = if training && of_batch {
                        let mean = x.mean(0)?;
                        let variance = x.broadcast_sub(&mean)?.sqr()?.mean(0)?;
                        let figures = [&mean, &variance].map(|figure| figure.detach().to_vec1());
                        let [batch_mean, batch_variance] = figures;
                        self.follow(layer, &batch_mean?, &batch_variance?, x.dim(0)?, momentum)?;
                        (mean, variance)
                    } else {
                        let figures = self.running.detach().to_dtype(x.dtype())?;
                        let mean = figures.narrow(0, layer.running_offset, channels)?;
                        (mean, figures.narrow(0, layer.running_offset + channels, channels)?)
                    };
                    let factor = (weight / (variance + epsilon)?.sqrt()?)?;
                    x.broadcast_sub(&mean)?.broadcast_mul(&factor)?.broadcast_add(&bias)?
                }
            };
            x = match layer.activation {
                Activation::None => x,
                Activation::Relu => x.relu()?,
                Activation::Tanh => x.tanh()?,
            };
        }
        Ok(x)
    }

    /// Moves a batch norm's running figures towards a batch's, whose variance is made unbiased as PyTorch does.
    pub(crate) fn follow(
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
    pub(crate) fn running_statistics<T>(&self, layer: &Layer, body: impl FnOnce(&[f32], &[f32]) -> T) -> Result<T> {
        let channels = layer.outputs();
        kernels::read(&self.running, |running| {
            let (mean, variance) = running[layer.running_offset..][..2 * channels].split_at(channels);
            body(mean, variance)
        })
    }

    /// The gradient of the parameters after a backward pass; the next pass starts it afresh.
    pub fn take_gradient(&self, store: &mut GradStore) -> Result<Tensor> {
        let found = match self.engine {
            Engine::Candle => store.remove(&self.parameters),
            Engine::Kernels => (!self.fresh.swap(true, Ordering::Relaxed)).then(|| self.gradient.clone()),
        };
        found.map_or_else(|| self.gradient.zeros_like(), Ok)
    }

    /// Multiplications of its matrix products for one row.
    pub fn multiplications(&self) -> usize {
        self.layers.iter().map(Layer::multiplications).sum()
    }

    /// Parameters it has.
    pub fn size(&self) -> usize {
        self.parameters.elem_count()
    }

    /// Its parameters and running figures under PyTorch's names and in its layouts.
    pub fn named(&self) -> Result<Vec<Named>> {
        let parameters = self.parameters.to_device(&Device::Cpu)?;
        let running = self.running.to_device(&Device::Cpu)?;
        let mut named = Vec::new();
        for layer in &self.layers {
            let [weights, biases] = layer.sizes();
            let mut add = |what: &str, tensor: Tensor| {
                let (name, shape) = (format!("{}.{what}", layer.name), tensor.dims().to_vec());
                let values = tensor.flatten_all()?.to_vec1()?;
                named.push(Named { name, shape, values });
                Ok::<(), candle_core::Error>(())
            };
            let weight = parameters.narrow(0, layer.offset, weights)?;
            match layer.op {
                Op::Dense { inputs, outputs } => {
                    add("weight", weight.reshape((inputs, outputs))?.t()?.contiguous()?)?;
                }
                Op::BatchNorm { channels, .. } => {
                    add("weight", weight)?;
                    add("running_mean", running.narrow(0, layer.running_offset, channels)?)?;
                    add("running_var", running.narrow(0, layer.running_offset + channels, channels)?)?;
                }
            }
            add("bias", parameters.narrow(0, layer.offset + weights, biases)?)?;
        }
        Ok(named)
    }
}

/// Dense weights uniform within √(6 / (inputs + outputs)), Glorot and Bengio 2010, equation 16, which is Keras' default;
/// biases 0; batch norms the identity.
fn initialise(layer: &Layer, mut stream: Stream, values: &mut [f32], running: &mut [f32]) {
    let [weights, _] = layer.sizes();
    let weights = &mut values[layer.offset..][..weights];
    match layer.op {
        Op::Dense { inputs, outputs } => {
            let limit = (6.0 / (inputs + outputs) as f64).sqrt();
            weights.fill_with(|| ((2.0 * stream.uniform() - 1.0) * limit) as f32);
        }
        Op::BatchNorm { channels, .. } => {
            weights.fill(1.0);
            running[layer.running_offset + channels..][..channels].fill(1.0);
        }
    }
}

/// D(x) of each logit.
pub fn probability(logits: &Tensor) -> Result<Tensor> {
    candle_nn::ops::sigmoid(&logits.flatten_from(D::Minus1)?)
}
