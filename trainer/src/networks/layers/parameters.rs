//! A layer's parameters: initial values, and their entries in a state dict.

use duel_models::random::Stream;

use crate::recipe::Initial;

/// The distribution of a network's initial weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstWeights {
    pub law: Initial,
    /// The largest absolute value under [`Initial::Uniform`].
    pub range: f64,
}

impl FirstWeights {
    /// Fills a weight. The bias keeps its zeros, except under [`Initial::FanIn`]: there, as in PyTorch, it is drawn like the
    /// weight.
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

/// The tensor of a network that holds the values of a state-dict entry.
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
    /// An entry of at most four axes, stored in the parameters. `offset` maps an index, with 0 for missing axes, to an offset.
    pub(crate) fn new(name: String, shape: &[usize], offset: impl Fn([usize; 4]) -> usize) -> Self {
        let offsets = indices(shape).map(offset).collect();
        Self { name, shape: shape.to_vec(), offsets, stored: Stored::Parameters }
    }

    /// An entry of one axis, stored in the parameters: `count` values from offset `first` on.
    pub(crate) fn vector(name: String, first: usize, count: usize) -> Self {
        Self::new(name, &[count], |index| first + index[0])
    }

    /// The same entry, but stored in the running statistics.
    pub(crate) fn running(self) -> Self {
        Self { stored: Stored::Running, ..self }
    }
}

/// Converts an index into a channels-first image to the index of the same value in the channels-last image. `size` is the
/// number of values of the image.
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
