//! Reads the layers of a generator from its graph: a chain of dense layers, then of 4×4 transposed convolutions, as
//! `duel export` writes it.

use std::collections::HashMap;

use duel_models::{
    Card,
    onnx::{CONV_TRANSPOSE, LABEL, LATENT},
};
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, tensor_proto::DataType};

use crate::{
    door::shortened,
    layer::{Activation, Layer, Op, Weight, scatters},
};

/// The most output values of a layer for one sample, 4 MB: 256 channels of 64×64 pixels.
const VALUES_MAX: usize = 1 << 20;
/// The most values of all packed weights, 64 MB in single precision. Packing pads the number of columns of a matrix to a
/// multiple of 16, so a matrix of one column grows to sixteen times its size.
const PACKED_MAX: usize = 16 << 20;
/// Values of the widest vector register, AVX-512.
const LANES: usize = 16;

/// Meaning of a name in the graph.
enum Value<'a> {
    Weight(Weight<'a>),
    /// Output of the layers so far.
    Output,
    /// Row of a table that the label picks.
    ClassRow(Weight<'a>),
}

/// Reads the layers of a graph in its order; `values` are those of its initializers. An error says where the graph differs from what `duel export` writes.
pub(crate) fn read<'a>(graph: GraphProto, values: &[&'a [u8]], card: &Card) -> Result<Vec<Layer<'a>>, String> {
    let weights = graph.initializer.iter().zip(values);
    let mut reader = Reader {
        values: weights
            .map(|(tensor, values)| (tensor.name.clone(), Value::Weight(Weight::new(tensor, values))))
            .collect(),
        layers: Vec::new(),
        shape: [card.latent, 1, 1],
        classes: card.classes,
        double: false,
        packed: 0,
    };
    reader.values.insert(LATENT.to_owned(), Value::Output);
    for node in &graph.node {
        reader.node(node).map_err(|why| {
            format!("its operation {:?} {why}; duel runs what `duel export` writes", shortened(&node.op_type))
        })?;
    }
    if reader.shape != [card.shape.channels, card.shape.height, card.shape.width] {
        let [channels, height, width] = reader.shape;
        return Err(format!("it ends with the shape {channels}x{height}x{width}, but its card says {}", card.shape));
    }
    Ok(reader.layers)
}

struct Reader<'a> {
    /// Values that no operation has used yet, by name.
    values: HashMap<String, Value<'a>>,
    layers: Vec<Layer<'a>>,
    /// Channels, height and width of the output so far.
    shape: [usize; 3],
    classes: usize,
    /// Whether the output so far is in double precision.
    double: bool,
    /// Values of the packed weights so far.
    packed: usize,
}

impl<'a> Reader<'a> {
    /// Reads one operation. Each value is used once, because a chain has no forks.
    fn node(&mut self, node: &NodeProto) -> Result<(), &'static str> {
        let mut inputs = Vec::new();
        for name in node.input.iter().filter(|&name| name != LABEL) {
            inputs.push(self.values.remove(name).ok_or("has an input that is missing or already used")?);
        }
        let [output] = &node.output[..] else { return Err("has not exactly one output") };
        let picks = node.input.get(1).is_some_and(|name| name == LABEL);
        let value = match (node.op_type.as_str(), <[Value<'a>; 1]>::try_from(inputs)) {
            ("Relu", Ok([Value::Output])) => self.leaky(0.0)?,
            ("LeakyRelu", Ok([Value::Output])) => self.leaky(attribute(node, "alpha").map_or(0.01, |alpha| alpha.f))?,
            ("Tanh", Ok([Value::Output])) => self.tanh()?,
            ("Cast", Ok([Value::Output])) => self.cast(attribute(node, "to").map_or(0, |to| to.i))?,
            // A cast to a wider type does not change a weight's values.
            ("Cast", Ok([value])) => value,
            ("Gather", Ok([Value::Weight(table)])) if picks && table.dims.first() == Some(&self.classes) => {
                Value::ClassRow(table)
            }
            (operation, Err(inputs)) => {
                let mut inputs = inputs.into_iter();
                match (operation, inputs.next(), inputs.next(), inputs.next()) {
                    ("MatMul", Some(Value::Output), Some(Value::Weight(weight)), None) => self.dense(weight)?,
                    ("Gemm", Some(Value::Output), Some(Value::Weight(weight)), Some(Value::Weight(bias)))
                        if node.attribute.is_empty() =>
                    {
                        self.dense(weight)?;
                        self.bias(bias, None)?
                    }
                    ("Add", Some(Value::Output), Some(Value::Weight(bias)), None) => self.bias(bias, None)?,
                    ("Add", Some(Value::Output), Some(Value::ClassRow(bias)), None)
                    | ("Add", Some(Value::ClassRow(bias)), Some(Value::Output), None) => {
                        self.bias(bias, Some(self.classes))?
                    }
                    ("Reshape", Some(Value::Output), Some(Value::Weight(shape)), None) => self.reshape(&shape)?,
                    ("ConvTranspose", Some(Value::Output), Some(Value::Weight(weight)), Some(Value::Weight(bias))) => {
                        self.conv_transpose(node, weight, bias)?
                    }
                    _ => return Err(UNKNOWN),
                }
            }
            _ => return Err(UNKNOWN),
        };
        self.values.insert(output.clone(), value);
        Ok(())
    }

    fn dense(&mut self, weight: Weight<'a>) -> Result<Value<'a>, &'static str> {
        let [inputs, outputs] = weight.dims[..] else { return Err("has a weight that is not a matrix") };
        if self.shape != [inputs, 1, 1] || outputs == 0 || !weight.is_float() {
            return Err("has a weight that does not fit the layer before it");
        }
        self.push(Op::Dense { weight, bias: None, double: self.double }, [outputs, 1, 1])
    }

    fn bias(&mut self, bias: Weight<'a>, classes: Option<usize>) -> Result<Value<'a>, &'static str> {
        let [outputs, 1, 1] = self.shape else { return Err("adds to a picture") };
        let fits = if let Some(classes) = classes { bias.dims == [classes, outputs] } else { bias.dims == [outputs] };
        match self.last_layer()?.op {
            Op::Dense { bias: ref mut place @ None, .. } if fits && bias.is_float() => *place = Some(bias),
            _ => return Err("adds values that do not fit the layer before it"),
        }
        Ok(Value::Output)
    }

    fn conv_transpose(
        &mut self,
        node: &NodeProto,
        weight: Weight<'a>,
        bias: Weight<'a>,
    ) -> Result<Value<'a>, &'static str> {
        let has = |(name, ints): (&str, &[i64])| attribute(node, name).is_some_and(|found| found.ints == ints);
        if !CONV_TRANSPOSE.into_iter().all(has) || node.attribute.len() != CONV_TRANSPOSE.len() {
            return Err("is not of 4×4, stride 2 and padding 1");
        }
        let [channels, height, width] = self.shape;
        let [inputs, outputs, 4, 4] = weight.dims[..] else { return Err("has a weight that is not [I, O, 4, 4]") };
        let fits = inputs == channels && bias.dims == [outputs] && weight.is_float() && bias.is_float();
        if !fits || outputs == 0 || self.double {
            return Err("has a weight that does not fit the layer before it");
        }
        self.push(Op::ConvTranspose { weight, bias }, [outputs, 2 * height, 2 * width])
    }

    /// Reads the output of a dense layer as an image of [channels, height, width].
    fn reshape(&mut self, shape: &Weight) -> Result<Value<'a>, &'static str> {
        let shape = shape.integers().ok_or("has a shape that is not a list of integers")?;
        let Ok([-1, channels, height, width]) = <[i64; 4]>::try_from(shape) else {
            return Err("has a shape that is not [-1, C, H, W]");
        };
        let shape = [channels, height, width].map(|size| usize::try_from(size).unwrap_or_default());
        let values = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        if values != Some(self.shape.iter().product()) {
            return Err("has a shape that does not fit the layer before it");
        }
        match self.layers.last_mut() {
            Some(layer @ Layer { op: Op::Dense { .. }, .. }) => layer.shape = shape,
            _ => return Err("does not follow a dense layer"),
        }
        self.shape = shape;
        Ok(Value::Output)
    }

    fn cast(&mut self, to: i64) -> Result<Value<'a>, &'static str> {
        self.double = match i32::try_from(to).ok().and_then(|to| DataType::try_from(to).ok()) {
            Some(DataType::Double) => true,
            Some(DataType::Float) => false,
            _ => return Err("converts to a type that is neither f32 nor f64"),
        };
        Ok(Value::Output)
    }

    fn leaky(&mut self, slope: f32) -> Result<Value<'a>, &'static str> {
        if !(0.0..=1.0).contains(&slope) {
            return Err("has a slope outside 0 to 1");
        }
        self.last_layer()?.activation = Activation::Leaky(slope);
        Ok(Value::Output)
    }

    fn tanh(&mut self) -> Result<Value<'a>, &'static str> {
        if self.double {
            return Err("is in double precision");
        }
        self.last_layer()?.activation = Activation::Tanh;
        Ok(Value::Output)
    }

    fn push(&mut self, op: Op<'a>, shape: [usize; 3]) -> Result<Value<'a>, &'static str> {
        let values = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        if values.is_none_or(|values| values > VALUES_MAX) {
            return Err("has more output values than a generator of pictures needs");
        }
        self.packed += match &op {
            Op::Dense { weight, .. } => weight.dims[0] * weight.dims[1].next_multiple_of(LANES),
            Op::ConvTranspose { weight, .. } if scatters(weight.dims[1]) => 16 * weight.dims[0] * weight.dims[1],
            Op::ConvTranspose { weight, .. } => 16 * weight.dims[0] * weight.dims[1].next_multiple_of(LANES),
        };
        if self.packed > PACKED_MAX {
            return Err("needs more memory than a generator of pictures");
        }
        self.shape = shape;
        self.layers.push(Layer { op, activation: Activation::None, shape });
        Ok(Value::Output)
    }

    /// The last layer, if no activation follows it yet.
    fn last_layer(&mut self) -> Result<&mut Layer<'a>, &'static str> {
        let last = self.layers.last_mut().filter(|layer| layer.activation == Activation::None);
        last.ok_or("does not follow a layer")
    }
}

const UNKNOWN: &str = "is unknown or has other inputs than in a generator";

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}
