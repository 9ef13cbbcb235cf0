//! Reads the chain of layers that a generator's graph is: dense layers, then 4×4 transposed convolutions, as `duel export` writes them.

use std::collections::HashMap;

use duel_models::{Card, PIXELS};
use tract_onnx::{
    pb::{AttributeProto, GraphProto, NodeProto, TensorProto, tensor_proto::DataType},
    prelude::f16,
};

use crate::door::{LABEL, LATENT, short};

/// Values of the largest tensor between two layers, for a sample: more than the 512 channels of 14×14 pixels that a recipe may ask for.
const VALUES_MAX: usize = 1 << 17;
/// Values of all weights as products read them, in single precision: 48 MB, as much as a file's most in half precision. A product's columns
/// are filled up to whole vectors, so that a weight of one column takes sixteen times its size.
const PACKED_MAX: usize = 12 << 20;
/// Values of the widest vector.
const LANES: usize = 16;

/// A layer and the activation behind it.
#[derive(Debug)]
pub(crate) struct Layer {
    pub op: Op,
    pub activation: Activation,
    /// Output channels, and pixels of each.
    pub shape: [usize; 2],
}

/// What follows a layer's sums.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Activation {
    None,
    /// max(y, slope y), with a slope from 0, which is ReLU, to 1.
    Leaky(f32),
    Tanh,
}

/// What a layer computes.
#[derive(Debug)]
pub(crate) enum Op {
    /// y = x W + b, or + the row of b that the label picks.
    Dense {
        /// [inputs, outputs].
        weight: Weight,
        /// [1, outputs], or [classes, outputs] with a label.
        bias: Option<Weight>,
        /// Whether it computes in double precision.
        double: bool,
    },
    /// A transposed convolution, 4×4, of stride 2 and padding 1: twice as many rows and columns.
    Up {
        /// [inputs, outputs, 4, 4].
        weight: Weight,
        /// [outputs].
        bias: Weight,
    },
}

/// A tensor of the file.
#[derive(Debug)]
pub(crate) struct Weight {
    pub dims: Vec<usize>,
    kind: DataType,
    /// Little-endian.
    bytes: Vec<u8>,
}

impl Weight {
    fn new(tensor: TensorProto) -> Self {
        Self {
            kind: tensor.data_type(),
            dims: tensor.dims.iter().map(|&size| size as usize).collect(),
            bytes: tensor.raw_data,
        }
    }

    /// Value `at`, in the order of the file.
    pub fn value(&self, at: usize) -> f32 {
        match self.kind {
            DataType::Float16 => f16::from_le_bytes(self.bytes.as_chunks().0[at]).to_f32(),
            _ => f32::from_le_bytes(self.bytes.as_chunks().0[at]),
        }
    }

    fn is_real(&self) -> bool {
        matches!(self.kind, DataType::Float | DataType::Float16)
    }

    /// The values of a tensor of whole numbers.
    fn whole(&self) -> Option<Vec<i64>> {
        let values = self.bytes.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes));
        (self.kind == DataType::Int64).then(|| values.collect())
    }
}

/// What stands under a name of the graph.
enum Value {
    Weight(Weight),
    /// What the layers before give.
    Flow,
    /// The row of a table that the label picks.
    Picked(Weight),
}

/// The layers of a graph, in its order. An error says what is not as `duel export` writes it.
pub(crate) fn read(graph: GraphProto, card: &Card) -> Result<Vec<Layer>, String> {
    let weights = graph.initializer.into_iter();
    let mut reader = Reader {
        values: weights
            .map(|mut tensor| (std::mem::take(&mut tensor.name), Value::Weight(Weight::new(tensor))))
            .collect(),
        layers: Vec::new(),
        shape: [card.latent, 1],
        classes: card.classes,
        double: false,
        packed: 0,
    };
    reader.values.insert(LATENT.to_owned(), Value::Flow);
    for node in &graph.node {
        reader.node(node).map_err(|why| {
            format!("its operation {:?} {why}; duel runs what `duel export` writes", short(&node.op_type))
        })?;
    }
    if reader.shape != [1, PIXELS] {
        let [channels, pixels] = reader.shape;
        return Err(format!("it ends with {channels} channels of {pixels} pixels, not an image of 28×28"));
    }
    Ok(reader.layers)
}

struct Reader {
    values: HashMap<String, Value>,
    layers: Vec<Layer>,
    /// Channels, and pixels of each, of what flows.
    shape: [usize; 2],
    /// Labels that there may be.
    classes: usize,
    /// Whether what flows is in double precision.
    double: bool,
    /// Values of the weights so far, as products read them.
    packed: usize,
}

impl Reader {
    /// Reads a node: what it takes is gone from the names, since a chain has no forks, and what it gives is there.
    fn node(&mut self, node: &NodeProto) -> Result<(), &'static str> {
        let mut inputs = Vec::new();
        for name in node.input.iter().filter(|&name| name != LABEL) {
            inputs.push(self.values.remove(name).ok_or("takes what nothing gives, or what another took")?);
        }
        let [output] = &node.output[..] else { return Err("has not one output") };
        let picks = node.input.get(1).is_some_and(|name| name == LABEL);
        let value = match (node.op_type.as_str(), <[Value; 1]>::try_from(inputs)) {
            ("Relu", Ok([Value::Flow])) => self.slope(0.0)?,
            ("LeakyRelu", Ok([Value::Flow])) => self.slope(attribute(node, "alpha").map_or(0.01, |alpha| alpha.f))?,
            ("Tanh", Ok([Value::Flow])) => self.tanh()?,
            ("Cast", Ok([Value::Flow])) => self.cast(attribute(node, "to").map_or(0, |to| to.i))?,
            // A weight's values are the same in a wider type.
            ("Cast", Ok([value])) => value,
            ("Gather", Ok([Value::Weight(table)])) if picks && table.dims.first() == Some(&self.classes) => {
                Value::Picked(table)
            }
            (operation, Err(inputs)) => {
                let mut inputs = inputs.into_iter();
                match (operation, inputs.next(), inputs.next(), inputs.next()) {
                    ("MatMul", Some(Value::Flow), Some(Value::Weight(weight)), None) => self.dense(weight)?,
                    ("Gemm", Some(Value::Flow), Some(Value::Weight(weight)), Some(Value::Weight(bias)))
                        if node.attribute.is_empty() =>
                    {
                        self.dense(weight)?;
                        self.bias(bias, None)?
                    }
                    ("Add", Some(Value::Flow), Some(Value::Weight(bias)), None) => self.bias(bias, None)?,
                    ("Add", Some(Value::Flow), Some(Value::Picked(bias)), None)
                    | ("Add", Some(Value::Picked(bias)), Some(Value::Flow), None) => {
                        self.bias(bias, Some(self.classes))?
                    }
                    ("Reshape", Some(Value::Flow), Some(Value::Weight(shape)), None) => self.reshape(&shape)?,
                    ("ConvTranspose", Some(Value::Flow), Some(Value::Weight(weight)), Some(Value::Weight(bias))) => {
                        self.up(node, weight, bias)?
                    }
                    _ => return Err(INPUTS),
                }
            }
            _ => return Err(INPUTS),
        };
        self.values.insert(output.clone(), value);
        Ok(())
    }

    fn dense(&mut self, weight: Weight) -> Result<Value, &'static str> {
        let [inputs, outputs] = weight.dims[..] else { return Err("has a weight that is no matrix") };
        if self.shape != [inputs, 1] || outputs == 0 || !weight.is_real() {
            return Err("has a weight that does not fit what comes before it");
        }
        self.push(Op::Dense { weight, bias: None, double: self.double }, [outputs, 1])
    }

    fn bias(&mut self, bias: Weight, classes: Option<usize>) -> Result<Value, &'static str> {
        let [outputs, pixels] = self.shape;
        if pixels != 1 {
            return Err("adds to an image");
        }
        let fits = if let Some(classes) = classes { bias.dims == [classes, outputs] } else { bias.dims == [outputs] };
        match self.bare()?.op {
            Op::Dense { bias: ref mut place @ None, .. } if fits && bias.is_real() => *place = Some(bias),
            _ => return Err("adds what does not fit"),
        }
        Ok(Value::Flow)
    }

    fn up(&mut self, node: &NodeProto, weight: Weight, bias: Weight) -> Result<Value, &'static str> {
        let ints = |name| attribute(node, name).map(|attribute| &attribute.ints[..]);
        let known = ["kernel_shape", "pads", "strides"];
        if known.map(ints) != [Some(&[4, 4][..]), Some(&[1; 4]), Some(&[2, 2])] || node.attribute.len() != known.len() {
            return Err("is not 4×4, of stride 2 and padding 1");
        }
        let [channels, pixels] = self.shape;
        let [inputs, outputs, 4, 4] = weight.dims[..] else { return Err("has a weight of another shape") };
        let fits = inputs == channels && bias.dims == [outputs] && weight.is_real() && bias.is_real();
        if !fits || outputs == 0 || pixels.isqrt().pow(2) != pixels || self.double {
            return Err("has a weight that does not fit what comes before it");
        }
        self.push(Op::Up { weight, bias }, [outputs, 4 * pixels])
    }

    /// A dense layer's values as channels of a square image.
    fn reshape(&mut self, shape: &Weight) -> Result<Value, &'static str> {
        let [channels, pixels] = self.shape;
        let shape = shape.whole().ok_or("has a shape that is no list of whole numbers")?;
        let Ok([-1, wanted, rows, columns]) = <[i64; 4]>::try_from(shape) else {
            return Err("has not the shape [-1, C, H, W]");
        };
        let image = [wanted, rows, columns].map(|size| usize::try_from(size).unwrap_or_default());
        let values = image.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        if values != Some(channels * pixels) || rows != columns {
            return Err("has a shape that does not fit what comes before it");
        }
        self.shape = [image[0], image[1] * image[2]];
        match self.layers.last_mut() {
            Some(layer @ Layer { op: Op::Dense { .. }, .. }) => layer.shape = self.shape,
            _ => return Err("follows no dense layer"),
        }
        Ok(Value::Flow)
    }

    fn cast(&mut self, to: i64) -> Result<Value, &'static str> {
        self.double = match i32::try_from(to).ok().and_then(|to| DataType::try_from(to).ok()) {
            Some(DataType::Double) => true,
            Some(DataType::Float) => false,
            _ => return Err("makes values that are neither f32 nor f64"),
        };
        Ok(Value::Flow)
    }

    fn slope(&mut self, slope: f32) -> Result<Value, &'static str> {
        if !(0.0..=1.0).contains(&slope) {
            return Err("has a slope that is not from 0 to 1");
        }
        self.bare()?.activation = Activation::Leaky(slope);
        Ok(Value::Flow)
    }

    fn tanh(&mut self) -> Result<Value, &'static str> {
        if self.double {
            return Err("is in double precision");
        }
        self.bare()?.activation = Activation::Tanh;
        Ok(Value::Flow)
    }

    fn push(&mut self, op: Op, shape: [usize; 2]) -> Result<Value, &'static str> {
        if shape[0].checked_mul(shape[1]).is_none_or(|values| values > VALUES_MAX) {
            return Err("makes more values than a generator of digits needs");
        }
        self.packed += match &op {
            Op::Dense { weight, .. } => weight.dims[0] * weight.dims[1].next_multiple_of(LANES),
            Op::Up { weight, .. } if weight.dims[1] == 1 => 16 * weight.dims[0],
            Op::Up { weight, .. } => 16 * weight.dims[0] * weight.dims[1].next_multiple_of(LANES),
        };
        if self.packed > PACKED_MAX {
            return Err("needs more memory than a generator of digits");
        }
        self.shape = shape;
        self.layers.push(Layer { op, activation: Activation::None, shape });
        Ok(Value::Flow)
    }

    /// The last layer, as long as it has no activation.
    fn bare(&mut self) -> Result<&mut Layer, &'static str> {
        self.layers.last_mut().filter(|layer| layer.activation == Activation::None).ok_or("follows no layer")
    }
}

const INPUTS: &str = "has inputs that a generator's has not";

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}
