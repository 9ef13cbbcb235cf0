//! A layer's parameters: first values, and their places in a state dict.

use duel_models::random::Stream;

use crate::recipe::Initial;

/// The distribution of a network's first weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstWeights {
    pub law: Initial,
    /// The largest absolute value under [`Initial::Uniform`].
    pub range: f64,
}

impl FirstWeights {
    /// Fills a weight; biases stay 0 or, as in PyTorch, follow the distribution of the weights.
    pub(crate) fn fill(self, [fan_in, fan_out]: [usize; 2], mut stream: Stream, weight: &mut [f32], bias: &mut [f32]) {
        let mut uniform = |limit: f64| ((2.0 * stream.uniform() - 1.0) * limit) as f32;
        match self.law {
            Initial::Glorot => {
                let limit = (6.0 / (fan_in + fan_out) as f64).sqrt();
                weight.fill_with(|| uniform(limit));
            }
            Initial::FanIn => {
                let limit = 1.0 / (fan_in as f64).sqrt();
                weight.iter_mut().chain(bias).for_each(|value| *value = uniform(limit));
            }
            Initial::Uniform => weight.fill_with(|| uniform(self.range)),
        }
    }
}

/// Which of a network's tensors an entry of the state dict is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    /// The parameters.
    Parameters,
    /// The running statistics.
    Running,
}

/// An entry of a state dict, and where its values are stored.
pub(crate) struct EntryLayout {
    /// Name in the state dict: `dense1.weight`.
    pub name: String,
    /// Shape in PyTorch.
    pub shape: Vec<usize>,
    /// Offset of each value, row-major, from the start of the layer's parameters or running statistics.
    pub offsets: Vec<usize>,
    pub stored: Stored,
}

impl EntryLayout {
    /// A tensor of at most four axes among the parameters; `offset` takes an index, with 0 for missing axes.
    pub(crate) fn new(name: String, shape: &[usize], offset: impl Fn([usize; 4]) -> usize) -> Self {
        let offsets = indices(shape).map(offset).collect();
        Self { name, shape: shape.to_vec(), offsets, stored: Stored::Parameters }
    }

    /// `count` successive values from `first` on.
    pub(crate) fn vector(name: String, first: usize, count: usize) -> Self {
        Self::new(name, &[count], |index| first + index[0])
    }

    /// The same among the running statistics.
    pub(crate) fn running(self) -> Self {
        Self { stored: Stored::Running, ..self }
    }
}

/// Index of a value of an image of `size` values with its channels last, from its index with the channels first.
pub(crate) fn channels_last(at: usize, size: usize, channels: usize) -> usize {
    let pixels = size / channels;
    at % pixels * channels + at / pixels
}

/// Every index of a tensor of at most four axes, row-major.
fn indices(shape: &[usize]) -> impl Iterator<Item = [usize; 4]> {
    let mut sizes = [1; 4];
    sizes[..shape.len()].copy_from_slice(shape);
    let axes = shape.len();
    (0..shape.iter().product()).map(move |mut at: usize| {
        let mut index = [0; 4];
        for axis in (0..axes).rev() {
            index[axis] = at % sizes[axis];
            at /= sizes[axis];
        }
        index
    })
}
