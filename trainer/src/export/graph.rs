//! The generator as an ONNX graph, with every batch norm folded into a neighbour.

use candle_onnx::onnx::{
    self, AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType,
    tensor_shape_proto, type_proto,
};
use duel_models::{Card, SIDE};
use half::f16;

use crate::{
    kernels::convolution::FOLD,
    networks::{Activation, Growth, LEAK, Layer, Named, Op},
};

/// The graph's input, [N, latent].
pub(super) const INPUT: &str = "latent";
/// The second input of a generator with classes, [N].
pub(super) const LABEL: &str = "label";
/// The graph's output, [N, 1, 28, 28].
pub(super) const OUTPUT: &str = "image";

const OPSET: i64 = 17;
/// The IR version that came with opset 17: ONNX 1.12.
const IR_VERSION: i64 = 8;

/// In what the graph computes. Its weights are f32 in either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    /// f32 throughout.
    Single,
    /// f64 but for the last layer, for a network that amplifies the rounding of its first layers: the article's, trained
    /// to its end, draws pixels up to 2e-5 apart in two runtimes that add up in another order, and 2e-6 apart in this.
    Double,
}

/// What is left of a layer when the batch norms around it are folded in.
struct Folded {
    name: String,
    op: Op,
    /// In PyTorch's layout: [outputs, inputs]; [inputs, outputs, 4, 4].
    weight: Vec<f64>,
    bias: Vec<f64>,
    activation: Activation,
}

/// The model of a generator whose tensors are `named`.
pub(super) fn model(layers: &[Layer], named: &[Named], card: &Card, precision: Precision) -> ModelProto {
    let metadata = card.to_map().into_iter().map(|(key, value)| StringStringEntryProto { key, value }).collect();
    ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        producer_name: "duel".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph(&fold(layers, named), card, precision)),
        metadata_props: metadata,
        ..ModelProto::default()
    }
}

/// The model with its weights in half precision, cast as they are used: half the bytes.
pub(super) fn halved(mut model: ModelProto) -> ModelProto {
    let graph = model.graph.as_mut().expect("a graph of ours");
    let mut casts = GraphProto::default();
    for tensor in graph.initializer.iter_mut().filter(|tensor| tensor.data_type == i32::from(DataType::Float)) {
        let values = tensor.raw_data.as_chunks().0.iter().map(|&value| f16::from_f32(f32::from_le_bytes(value)));
        tensor.raw_data = values.flat_map(f16::to_le_bytes).collect();
        tensor.data_type = DataType::Float16.into();
        let name = tensor.name.clone();
        tensor.name = format!("{name}.half");
        cast(&mut casts, &tensor.name, DataType::Float);
        casts.node.last_mut().expect("just pushed").output = vec![name];
    }
    graph.node.splice(..0, casts.node);
    model
}

/// The layers of a generator with each batch norm folded away, where s = γ / √(v + ε) and t = β - m s: into the layer before it
/// if nothing stands between, s (W x + b) + t = (s W) x + (s b + t), else into the dense layer behind it,
/// W (s x + t) + b = (W s) x + (W t + b).
fn fold(layers: &[Layer], named: &[Named]) -> Vec<Folded> {
    let values = |layer: &Layer, what: &str| -> Vec<f64> {
        let name = format!("{}.{what}", layer.name);
        let tensor = named.iter().find(|tensor| tensor.name == name).expect("a layer's tensors are all named");
        tensor.values.iter().map(|&value| value.into()).collect()
    };
    let mut folded: Vec<Folded> = Vec::new();
    let mut pending: Option<[Vec<f64>; 2]> = None;
    for layer in layers {
        let (weight, bias) = (values(layer, "weight"), values(layer, "bias"));
        if let Op::BatchNorm { epsilon, .. } = layer.op {
            let (mean, variance) = (values(layer, "running_mean"), values(layer, "running_var"));
            let scale: Vec<f64> = weight.iter().zip(variance).map(|(gamma, v)| gamma / (v + epsilon).sqrt()).collect();
            let shift = bias.iter().zip(mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale).collect();
            match folded.last_mut().filter(|before| before.activation == Activation::None) {
                Some(before) => {
                    before.scale_outputs(&scale, shift);
                    before.activation = layer.activation;
                }
                None => pending = Some([scale, shift]),
            }
            continue;
        }
        let mut here = Folded { name: layer.name.clone(), op: layer.op, weight, bias, activation: layer.activation };
        if let Op::Up { inputs, outputs, how: Growth::Nearest, .. } = layer.op {
            here.weight = transposed_convolution(&here.weight, inputs, outputs);
        }
        if let (Some([scale, shift]), Op::Dense { inputs, .. }) = (pending.take(), layer.op) {
            for (row, bias) in here.weight.chunks_exact_mut(inputs).zip(&mut here.bias) {
                *bias += row.iter().zip(&shift).map(|(weight, shift)| weight * shift).sum::<f64>();
                row.iter_mut().zip(&scale).for_each(|(weight, scale)| *weight *= scale);
            }
        }
        if here.activation == Activation::Sigmoid {
            here.weight.iter_mut().chain(&mut here.bias).for_each(|value| *value *= 0.5);
            here.activation = Activation::Tanh;
        }
        folded.push(here);
    }
    assert!(pending.is_none(), "a batch norm behind an activation has a dense layer behind it");
    folded
}

impl Folded {
    /// Multiplies each output channel by its scale, and adds its shift.
    fn scale_outputs(&mut self, scale: &[f64], shift: Vec<f64>) {
        // Values of an output channel that stand together, and what the channel is: [outputs, inputs] where an image's pixels
        // share a channel, or [inputs, outputs, 4, 4].
        let channel = |at: usize, run: usize| at / run % scale.len();
        let (run, bias_run) = match self.op {
            Op::Dense { inputs, outputs, channels } => (outputs / channels * inputs, outputs / channels),
            _ => (16, 1),
        };
        self.weight.iter_mut().enumerate().for_each(|(at, weight)| *weight *= scale[channel(at, run)]);
        for (at, bias) in self.bias.iter_mut().enumerate() {
            let channel = channel(at, bias_run);
            *bias = *bias * scale[channel] + shift[channel];
        }
    }
}

/// The 4×4 transposed convolution that equals "each pixel four times, then a 3×3 convolution", with 2.25 times fewer
/// multiplications: [outputs, inputs, 3, 3] -> [inputs, outputs, 4, 4].
fn transposed_convolution(weight: &[f64], inputs: usize, outputs: usize) -> Vec<f64> {
    let mut folded = vec![0.0; inputs * outputs * 16];
    for (pair, folded) in folded.chunks_exact_mut(16).enumerate() {
        let (input, output) = (pair / outputs, pair % outputs);
        let kernel = &weight[(output * inputs + input) * 9..][..9];
        for (tap, value) in folded.iter_mut().enumerate() {
            let sum = FOLD[tap / 4].iter().flat_map(|y| FOLD[tap % 4].iter().map(move |x| kernel[y * 3 + x]));
            *value = sum.sum();
        }
    }
    folded
}

fn graph(layers: &[Folded], card: &Card, precision: Precision) -> GraphProto {
    let mut graph = GraphProto {
        name: card.name.clone(),
        input: vec![value(INPUT, DataType::Float, &[card.latent])],
        output: vec![value(OUTPUT, DataType::Float, &[1, SIDE, SIDE])],
        ..GraphProto::default()
    };
    if card.classes > 0 {
        graph.input.push(value(LABEL, DataType::Int64, &[]));
    }
    let double = precision == Precision::Double;
    let mut last = INPUT.to_owned();
    if double {
        last = cast(&mut graph, &last, DataType::Double);
    }
    let mut pixels = None;
    for (index, layer) in layers.iter().enumerate() {
        let ends = index + 1 == layers.len();
        if double && ends {
            last = cast(&mut graph, &last, DataType::Float);
        }
        last = match layer.op {
            Op::Up { side, inputs, outputs, .. } => {
                if pixels.is_none() {
                    last = reshape(&mut graph, &last, &format!("{}.image", layer.name), [inputs, side, side]);
                }
                pixels = Some(2 * side);
                grow(&mut graph, layer, &last, inputs, outputs)
            }
            _ => dense(&mut graph, layer, &last, if index == 0 { card.classes } else { 0 }, double && !ends),
        };
        let then = |graph: &mut GraphProto, op: &str| {
            push(graph, op, &format!("{}.{}", layer.name, op.to_lowercase()), &[&last])
        };
        last = match layer.activation {
            Activation::None => last,
            Activation::Relu => then(&mut graph, "Relu"),
            Activation::LeakyRelu => {
                let name = then(&mut graph, "LeakyRelu");
                attribute(&mut graph, "alpha", LEAK);
                name
            }
            Activation::Tanh => then(&mut graph, "Tanh"),
            Activation::Sigmoid => unreachable!("folded into a tanh"),
        };
    }
    match pixels {
        // What a growing generator ends with has the shape already: its last operation gets the output's name.
        Some(_) => graph.node.last_mut().expect("layers").output = vec![OUTPUT.to_owned()],
        None => {
            reshape(&mut graph, &last, OUTPUT, [1, SIDE, SIDE]);
        }
    }
    graph
}

/// Adds x W + b, with the weight as [inputs, outputs]: tract runs Gemm, which would take it as PyTorch has it, in f32 alone.
///
/// With classes, the last inputs are the label's one-hot: their part of the product is a row of the weight, to which the bias is
/// added here, so that the graph picks a row where it would have added the bias.
fn dense(graph: &mut GraphProto, layer: &Folded, input: &str, classes: usize, double: bool) -> String {
    let outputs = layer.bias.len();
    let inputs = layer.weight.len() / outputs;
    let mut transposed: Vec<f64> =
        (0..layer.weight.len()).map(|at| layer.weight[at % outputs * inputs + at / outputs]).collect();
    let mut table = transposed.split_off((inputs - classes) * outputs);
    let [mut weight, mut bias] = ["weight", "bias"].map(|what| format!("{}.{what}", layer.name));
    graph.initializer.push(floats(&weight, &[inputs - classes, outputs], &transposed));
    if classes > 0 {
        for row in table.chunks_exact_mut(outputs) {
            row.iter_mut().zip(&layer.bias).for_each(|(weight, bias)| *weight += bias);
        }
        let rows = format!("{}.classes", layer.name);
        graph.initializer.push(floats(&rows, &[classes, outputs], &table));
        bias = push(graph, "Gather", &format!("{}.class", layer.name), &[&rows, LABEL]);
    } else {
        graph.initializer.push(floats(&bias, &[outputs], &layer.bias));
        if !double {
            return push(graph, "Gemm", &layer.name, &[input, &weight, &bias]);
        }
    }
    if double {
        for name in [&mut weight, &mut bias] {
            *name = cast(graph, name, DataType::Double);
        }
    }
    let product = push(graph, "MatMul", &format!("{}.product", layer.name), &[input, &weight]);
    push(graph, "Add", &layer.name, &[&product, &bias])
}

/// Adds a 4×4 transposed convolution of stride 2 and padding 1.
fn grow(graph: &mut GraphProto, layer: &Folded, input: &str, inputs: usize, outputs: usize) -> String {
    let [weight, bias] = ["weight", "bias"].map(|what| format!("{}.{what}", layer.name));
    graph.initializer.push(floats(&weight, &[inputs, outputs, 4, 4], &layer.weight));
    graph.initializer.push(floats(&bias, &[outputs], &layer.bias));
    let name = push(graph, "ConvTranspose", &layer.name, &[input, &weight, &bias]);
    for (key, values) in [("kernel_shape", &[4, 4][..]), ("pads", &[1, 1, 1, 1]), ("strides", &[2, 2])] {
        let node = graph.node.last_mut().expect("just pushed");
        node.attribute.push(AttributeProto {
            name: key.to_owned(),
            r#type: AttributeType::Ints.into(),
            ints: values.to_vec(),
            ..AttributeProto::default()
        });
    }
    name
}

/// Adds a view of [N, …] as [N, channels, rows, columns].
fn reshape(graph: &mut GraphProto, input: &str, name: &str, [channels, rows, columns]: [usize; 3]) -> String {
    let shape = format!("{name}.shape");
    graph.initializer.push(TensorProto {
        name: shape.clone(),
        dims: vec![4],
        data_type: DataType::Int64.into(),
        raw_data: [-1, channels as i64, rows as i64, columns as i64].iter().flat_map(|n| n.to_le_bytes()).collect(),
        ..TensorProto::default()
    });
    push(graph, "Reshape", name, &[input, &shape])
}

/// Gives the last node a number.
fn attribute(graph: &mut GraphProto, name: &str, value: f32) {
    let node = graph.node.last_mut().expect("just pushed");
    node.attribute.push(AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Float.into(),
        f: value,
        ..AttributeProto::default()
    });
}

fn cast(graph: &mut GraphProto, input: &str, to: DataType) -> String {
    let name = push(graph, "Cast", &format!("{input}.{}", to.as_str_name().to_lowercase()), &[input]);
    let node = graph.node.last_mut().expect("just pushed");
    node.attribute.push(AttributeProto {
        name: "to".to_owned(),
        r#type: AttributeType::Int.into(),
        i: i32::from(to).into(),
        ..AttributeProto::default()
    });
    name
}

/// Adds a node of one output, which has the node's name; returns it.
fn push(graph: &mut GraphProto, op: &str, name: &str, inputs: &[&str]) -> String {
    graph.node.push(NodeProto {
        op_type: op.to_owned(),
        name: name.to_owned(),
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: vec![name.to_owned()],
        ..NodeProto::default()
    });
    name.to_owned()
}

fn floats(name: &str, shape: &[usize], values: &[f64]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: shape.iter().map(|&size| size as i64).collect(),
        data_type: DataType::Float.into(),
        raw_data: values.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

/// A tensor of any batch N and the given shape behind it.
fn value(name: &str, kind: DataType, shape: &[usize]) -> ValueInfoProto {
    use tensor_shape_proto::{Dimension, dimension::Value};
    let batch = Value::DimParam("N".to_owned());
    let dims = std::iter::once(batch).chain(shape.iter().map(|&size| Value::DimValue(size as i64)));
    let dim = dims.map(|value| Dimension { denotation: String::new(), value: Some(value) }).collect();
    let tensor = type_proto::Tensor { elem_type: kind.into(), shape: Some(TensorShapeProto { dim }) };
    let r#type = TypeProto { denotation: String::new(), value: Some(type_proto::Value::TensorType(tensor)) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(r#type), ..onnx::ValueInfoProto::default() }
}
