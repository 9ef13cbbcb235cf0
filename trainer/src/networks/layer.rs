//! One layer of a network: what it does, how many values it gives, and where its parameters stand.

use duel_models::random::Stream;

pub use crate::kernels::activation::{Activation, LEAK};
use crate::recipe::{Growth, Initial};

/// The law of a network's first weights; of [`Initial::Uniform`] within the second figure.
pub(super) type Law = (Initial, f64);

/// A layer's operation. Images are channels-last: [N, side, side, channels].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Op {
    /// y = x W + b, with W as [inputs, outputs].
    Dense {
        /// Values in.
        inputs: usize,
        /// Values out.
        outputs: usize,
        /// The values out are an image of so many channels; `outputs` if they are no image.
        channels: usize,
    },
    /// A dense layer to one logit, and one to a value for each class, which has no bias: the projection of Miyato and Koyama 2018.
    /// W is [inputs, 1 + classes].
    Head {
        /// Values in.
        inputs: usize,
        /// The values in are an image of so many channels; `inputs` if they are no image.
        channels: usize,
        /// Classes; 0 for the logit alone.
        classes: usize,
    },
    /// γ (x - mean) / √(variance + ε) + β, channel by channel: Ioffe and Szegedy 2015.
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
    /// A 4×4 convolution of stride 2 and padding 1: [N, wide, wide, inputs] -> [N, wide / 2, wide / 2, outputs], rounded down,
    /// with W as [4, 4, inputs, outputs].
    Down {
        /// Rows and columns of the image it takes.
        wide: usize,
        /// Channels in.
        inputs: usize,
        /// Channels out.
        outputs: usize,
    },
    /// Twice the rows and columns: [N, side, side, inputs] -> [N, 2 side, 2 side, outputs], with W as [inputs, 4, 4, outputs], or
    /// [inputs, 3, 3, outputs] for [`Growth::Nearest`].
    Up {
        /// Rows and columns of the image it takes.
        side: usize,
        /// Channels in.
        inputs: usize,
        /// Channels out.
        outputs: usize,
        /// How.
        how: Growth,
    },
    /// The largest of each `pieces` values that follow each other: behind a dense layer, maxout, Goodfellow et al. 2013, section 2.
    Max {
        /// Values to one.
        pieces: usize,
    },
    /// Each value with probability `keep`, divided by it, else 0, while training: Srivastava et al. 2014, section 10.
    Dropout {
        /// The share that stays.
        keep: f64,
        /// The values are an image's, which is taken from [-1, 1] to [0, 1] first: what is dropped is black.
        image: bool,
    },
}

impl Growth {
    /// Rows and columns of the kernel.
    pub fn kernel(self) -> usize {
        match self {
            Self::Transposed => 4,
            Self::Nearest => 3,
        }
    }
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
    /// Values it gives for one input of the network.
    pub size: usize,
    pub(super) offset: usize,
    pub(super) running_offset: usize,
}

/// A tensor of a layer as PyTorch would hold it, and where its values stand.
pub(super) struct Place {
    /// As in a state dict: `dense1.weight`.
    pub name: String,
    /// Its shape there.
    pub shape: Vec<usize>,
    /// Where each of its values, row-major, stands.
    pub at: Vec<usize>,
    /// Whether that is in the network's running figures rather than in its parameters.
    pub running: bool,
}

impl Layer {
    /// Its parameters in [`Network::parameters`](super::Network::parameters): the weight, then the bias.
    pub fn span(&self) -> std::ops::Range<usize> {
        let [weight, bias] = self.sizes();
        self.offset..self.offset + weight + bias
    }

    /// Values of its weight and of its bias.
    pub fn sizes(&self) -> [usize; 2] {
        match self.op {
            Op::Dense { inputs, outputs, .. } => [inputs * outputs, outputs],
            Op::Head { inputs, classes, .. } => [inputs * (1 + classes), 1],
            Op::BatchNorm { channels, .. } => [channels, channels],
            Op::Max { .. } | Op::Dropout { .. } => [0, 0],
            Op::Down { inputs, outputs, .. } => [16 * inputs * outputs, outputs],
            Op::Up { inputs, outputs, how, .. } => [how.kernel() * how.kernel() * inputs * outputs, outputs],
        }
    }

    /// Its weight as a matrix, rows and columns as it stands in memory; none for a layer without one.
    pub fn matrix(&self) -> Option<[usize; 2]> {
        let [weights, _] = self.sizes();
        match self.op {
            Op::BatchNorm { .. } | Op::Max { .. } | Op::Dropout { .. } => None,
            Op::Dense { inputs, .. } | Op::Head { inputs, .. } | Op::Up { inputs, .. } => {
                Some([inputs, weights / inputs])
            }
            Op::Down { outputs, .. } => Some([weights / outputs, outputs]),
        }
    }

    /// Multiplications for one input. A grown image counts as the transposed convolution that gives it at the least cost.
    pub fn multiplications(&self) -> usize {
        match self.op {
            Op::BatchNorm { .. } | Op::Max { .. } | Op::Dropout { .. } => 0,
            Op::Dense { .. } | Op::Head { .. } => self.sizes()[0],
            Op::Down { wide, inputs, outputs } => (wide / 2) * (wide / 2) * 16 * inputs * outputs,
            Op::Up { side, inputs, outputs, .. } => side * side * 16 * inputs * outputs,
        }
    }

    /// Its tensors in PyTorch's layout: [outputs, inputs] for dense layers, [outputs, inputs, rows, columns] for convolutions,
    /// [inputs, outputs, rows, columns] for transposed ones, and images with their channels first.
    pub(super) fn places(&self) -> Vec<Place> {
        let [weights, biases] = self.sizes();
        let bias = self.offset + weights;
        let place = |name: &str, shape: &[usize], at: &dyn Fn([usize; 4]) -> usize| Place {
            name: format!("{}.{name}", self.name),
            shape: shape.to_vec(),
            at: indices(shape).map(at).collect(),
            running: false,
        };
        let plain = |name, offset, count| place(name, &[count], &|index| offset + index[0]);
        match self.op {
            Op::Dense { inputs, outputs, channels } => {
                let column = |output| channels_last(output, outputs, channels);
                vec![
                    place("weight", &[outputs, inputs], &|i| self.offset + i[1] * outputs + column(i[0])),
                    place("bias", &[outputs], &|i| bias + column(i[0])),
                ]
            }
            Op::Head { inputs, channels, classes } => {
                let weight = |input: usize, column: usize| {
                    self.offset + channels_last(input, inputs, channels) * (1 + classes) + column
                };
                let mut places = vec![place("weight", &[1, inputs], &|i| weight(i[1], 0)), plain("bias", bias, biases)];
                if classes > 0 {
                    let embed = place("", &[classes, inputs], &|i| weight(i[1], 1 + i[0]));
                    places.push(Place { name: "embed.weight".to_owned(), ..embed });
                }
                places
            }
            Op::BatchNorm { channels, .. } => {
                let running = |name, offset| Place { running: true, ..plain(name, offset, channels) };
                vec![
                    plain("weight", self.offset, channels),
                    plain("bias", bias, channels),
                    running("running_mean", self.running_offset),
                    running("running_var", self.running_offset + channels),
                ]
            }
            Op::Max { .. } | Op::Dropout { .. } => Vec::new(),
            Op::Down { inputs, outputs, .. } => {
                let weight = |i: [usize; 4]| self.offset + ((i[2] * 4 + i[3]) * inputs + i[1]) * outputs + i[0];
                vec![place("weight", &[outputs, inputs, 4, 4], &weight), plain("bias", bias, outputs)]
            }
            Op::Up { inputs, outputs, how, .. } => {
                let side = how.kernel();
                let at = |input: usize, output: usize, row: usize, column: usize| {
                    self.offset + ((input * side + row) * side + column) * outputs + output
                };
                let weight = match how {
                    Growth::Transposed => place("weight", &[inputs, outputs, 4, 4], &|i| at(i[0], i[1], i[2], i[3])),
                    Growth::Nearest => place("weight", &[outputs, inputs, 3, 3], &|i| at(i[1], i[0], i[2], i[3])),
                };
                vec![weight, plain("bias", bias, outputs)]
            }
        }
    }

    /// Weights by `law`; biases 0 or, as PyTorch does, by the law of the weights; batch norms the identity.
    pub(super) fn initialise(&self, (law, range): Law, mut stream: Stream, values: &mut [f32], running: &mut [f32]) {
        let [weights, _] = self.sizes();
        let (weight, bias) = values[self.span()].split_at_mut(weights);
        let Some([fan_in, fan_out]) = self.fans() else {
            weight.fill(1.0);
            running[self.running_offset + weights..][..weights].fill(1.0);
            return;
        };
        let mut uniform = |limit: f64| ((2.0 * stream.uniform() - 1.0) * limit) as f32;
        match law {
            Initial::Glorot => {
                let limit = (6.0 / (fan_in + fan_out) as f64).sqrt();
                weight.fill_with(|| uniform(limit));
            }
            Initial::FanIn => {
                let limit = 1.0 / (fan_in as f64).sqrt();
                weight.iter_mut().chain(bias).for_each(|value| *value = uniform(limit));
            }
            Initial::Uniform => weight.fill_with(|| uniform(range)),
        }
    }

    /// Values that a value of its output is made of, and values that a value of its input goes to, as PyTorch counts them: it
    /// takes a transposed convolution's the other way round. None for a layer without a matrix.
    fn fans(&self) -> Option<[usize; 2]> {
        match self.op {
            Op::BatchNorm { .. } | Op::Max { .. } | Op::Dropout { .. } => None,
            Op::Dense { inputs, outputs, .. } => Some([inputs, outputs]),
            Op::Head { inputs, .. } => Some([inputs, 1]),
            Op::Down { inputs, outputs, .. } => Some([16 * inputs, 16 * outputs]),
            Op::Up { inputs, outputs, how: Growth::Transposed, .. } => Some([16 * outputs, 16 * inputs]),
            Op::Up { inputs, outputs, how: Growth::Nearest, .. } => Some([9 * inputs, 9 * outputs]),
        }
    }
}

/// Where a value of an image stands with its channels last, from where it stands with its channels first.
fn channels_last(at: usize, size: usize, channels: usize) -> usize {
    let pixels = size / channels;
    at % pixels * channels + at / pixels
}

/// Every index of a tensor of at most four axes, row-major.
fn indices(shape: &[usize]) -> impl Iterator<Item = [usize; 4]> {
    let mut sizes = [1; 4];
    sizes[..shape.len()].copy_from_slice(shape);
    (0..shape.iter().product()).map(move |mut at: usize| {
        let mut index = [0; 4];
        for (index, size) in index.iter_mut().zip(sizes).rev() {
            *index = at % size;
            at /= size;
        }
        index
    })
}
