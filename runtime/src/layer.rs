//! A layer of a generator, as it is read from the file and passed to the operations.

use tract_onnx::{
    pb::{TensorProto, tensor_proto::DataType},
    prelude::f16,
};

use crate::kernels::tanh;

/// One layer with the activation behind it.
#[derive(Debug)]
pub(crate) struct Layer<'a> {
    pub op: Op<'a>,
    pub activation: Activation,
    /// Output channels, height and width: [outputs, 1, 1] for a dense layer that is not reshaped to a picture.
    pub shape: [usize; 3],
}

impl Layer<'_> {
    /// Output values for one sample.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Activation function behind a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Activation {
    None,
    /// max(y, slope y), with a slope in [0, 1]: ReLU for 0.
    Leaky(f32),
    Tanh,
}

/// Linear part of a layer.
#[derive(Debug)]
pub(crate) enum Op<'a> {
    /// y = x W + b. With classes, b is a row of a table, and the label selects the row.
    Dense {
        /// [inputs, outputs].
        weight: Weight<'a>,
        /// [outputs], or [classes, outputs] with classes.
        bias: Option<Weight<'a>>,
        /// Whether it computes in double precision.
        double: bool,
    },
    /// Transposed convolution of 4×4, stride 2 and padding 1, which doubles height and width.
    ConvTranspose {
        /// [inputs, outputs, 4, 4].
        weight: Weight<'a>,
        /// [outputs].
        bias: Weight<'a>,
    },
}

/// A tensor of the file.
#[derive(Debug)]
pub(crate) struct Weight<'a> {
    pub dims: Vec<usize>,
    kind: DataType,
    /// Little-endian.
    bytes: &'a [u8],
}

impl<'a> Weight<'a> {
    /// The tensor of the file with these values.
    pub(crate) fn new(tensor: &TensorProto, bytes: &'a [u8]) -> Self {
        Self { kind: tensor.data_type(), dims: tensor.dims.iter().map(|&size| size as usize).collect(), bytes }
    }

    /// Value `at`, in the order of the file.
    pub fn value(&self, at: usize) -> f32 {
        match self.kind {
            DataType::Float16 => f16::from_le_bytes(self.bytes.as_chunks().0[at]).to_f32(),
            _ => f32::from_le_bytes(self.bytes.as_chunks().0[at]),
        }
    }

    pub(crate) fn is_float(&self) -> bool {
        matches!(self.kind, DataType::Float | DataType::Float16)
    }

    /// The values of a tensor of integers; none for another type.
    pub(crate) fn integers(&self) -> Option<Vec<i64>> {
        let values = self.bytes.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes));
        (self.kind == DataType::Int64).then(|| values.collect())
    }
}

impl Activation {
    /// Slope of the activation max(y, slope y) that a matrix product applies to its results.
    pub(crate) fn slope(self) -> f32 {
        match self {
            Self::Leaky(slope) => slope,
            Self::None | Self::Tanh => 1.0,
        }
    }

    /// Applies the activations that a matrix product cannot apply: tanh.
    pub(crate) fn finish(self, values: &mut [f32]) {
        if self == Self::Tanh {
            tanh(values);
        }
    }
}

/// Whether a transposed convolution with this number of output channels is computed as one matrix product whose results
/// are scattered, rather than as four products of gathered rows: see `conv_transpose.rs`.
pub(crate) fn scatters(outputs: usize) -> bool {
    matches!(outputs, 1 | 3)
}

/// Equality of operations, which tract asks for: two are equal if they share their weights.
macro_rules! equal_if_same {
    ($op:ty) => {
        impl PartialEq for $op {
            fn eq(&self, other: &Self) -> bool {
                std::sync::Arc::ptr_eq(&self.0, &other.0)
            }
        }

        impl Eq for $op {}
    };
}

pub(crate) use equal_if_same;
