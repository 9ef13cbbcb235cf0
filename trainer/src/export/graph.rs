//! The generator as an ONNX graph, with every batch norm folded into a neighbour.

use candle_onnx::onnx::{
    self, AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType, tensor_proto::DataType,
    tensor_shape_proto, type_proto,
};
use duel_models::{Card, SIDE};

use crate::networks::{Activation, Layer, Named, Op};

/// The graph's input, [N, latent].
pub(super) const INPUT: &str = "latent";
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

/// A dense layer with the batch norms around it folded in.
struct Dense {
    name: String,
    /// [outputs, inputs], as PyTorch has it.
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

/// The dense layers of a generator, each batch norm folded into the dense layer behind it: with s = γ / √(v + ε) and
/// t = β - m s, W (s x + t) + b = (W s) x + (W t + b).
fn fold(layers: &[Layer], named: &[Named]) -> Vec<Dense> {
    let values = |layer: &Layer, what: &str| -> Vec<f64> {
        let name = format!("{}.{what}", layer.name);
        let tensor = named.iter().find(|tensor| tensor.name == name).expect("a layer's tensors are all named");
        tensor.values.iter().map(|&value| value.into()).collect()
    };
    let mut folded = Vec::new();
    let mut pending: Option<[Vec<f64>; 2]> = None;
    for layer in layers {
        let (weight, bias) = (values(layer, "weight"), values(layer, "bias"));
        match layer.op {
            Op::Dense { inputs, .. } => {
                let mut dense = Dense { name: layer.name.clone(), weight, bias, activation: layer.activation };
                if let Some([scale, shift]) = pending.take() {
                    for (row, bias) in dense.weight.chunks_exact_mut(inputs).zip(&mut dense.bias) {
                        *bias += row.iter().zip(&shift).map(|(weight, shift)| weight * shift).sum::<f64>();
                        row.iter_mut().zip(&scale).for_each(|(weight, scale)| *weight *= scale);
                    }
                }
                folded.push(dense);
            }
            Op::BatchNorm { epsilon, .. } => {
                let (mean, variance) = (values(layer, "running_mean"), values(layer, "running_var"));
                let scale: Vec<f64> =
                    weight.iter().zip(variance).map(|(gamma, v)| gamma / (v + epsilon).sqrt()).collect();
                let shift =
                    bias.iter().zip(mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale).collect();
                pending = Some([scale, shift]);
            }
        }
    }
    assert!(pending.is_none(), "a generator ends in a dense layer");
    folded
}

fn graph(layers: &[Dense], card: &Card, precision: Precision) -> GraphProto {
    let mut graph = GraphProto {
        name: card.name.clone(),
        input: vec![value(INPUT, &[card.latent])],
        output: vec![value(OUTPUT, &[1, SIDE, SIDE])],
        ..GraphProto::default()
    };
    let double = precision == Precision::Double;
    let mut last = INPUT.to_owned();
    if double {
        last = cast(&mut graph, &last, DataType::Double);
    }
    for (index, layer) in layers.iter().enumerate() {
        let ends = index + 1 == layers.len();
        if double && ends {
            last = cast(&mut graph, &last, DataType::Float);
        }
        last = dense(&mut graph, layer, &last, double && !ends);
        last = match layer.activation {
            Activation::None => last,
            Activation::Relu => push(&mut graph, "Relu", &format!("{}.relu", layer.name), &[&last]),
            Activation::Tanh => push(&mut graph, "Tanh", &format!("{}.tanh", layer.name), &[&last]),
        };
    }
    graph.initializer.push(TensorProto {
        name: "shape".to_owned(),
        dims: vec![4],
        data_type: DataType::Int64.into(),
        raw_data: [-1, 1, SIDE as i64, SIDE as i64].iter().flat_map(|n| n.to_le_bytes()).collect(),
        ..TensorProto::default()
    });
    push(&mut graph, "Reshape", OUTPUT, &[&last, "shape"]);
    graph
}

/// Adds x W + b, with the weight as [inputs, outputs]: tract runs Gemm, which would take it as PyTorch has it, in f32 alone.
fn dense(graph: &mut GraphProto, layer: &Dense, input: &str, double: bool) -> String {
    let outputs = layer.bias.len();
    let inputs = layer.weight.len() / outputs;
    let transposed: Vec<f64> =
        (0..layer.weight.len()).map(|at| layer.weight[at % outputs * inputs + at / outputs]).collect();
    let [mut weight, mut bias] = ["weight", "bias"].map(|what| format!("{}.{what}", layer.name));
    graph.initializer.push(floats(&weight, &[inputs, outputs], &transposed));
    graph.initializer.push(floats(&bias, &[outputs], &layer.bias));
    if !double {
        return push(graph, "Gemm", &layer.name, &[input, &weight, &bias]);
    }
    for name in [&mut weight, &mut bias] {
        *name = cast(graph, name, DataType::Double);
    }
    let product = push(graph, "MatMul", &format!("{}.product", layer.name), &[input, &weight]);
    push(graph, "Add", &layer.name, &[&product, &bias])
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

/// A float tensor of any batch N and the given shape behind it.
fn value(name: &str, shape: &[usize]) -> ValueInfoProto {
    use tensor_shape_proto::{Dimension, dimension::Value};
    let batch = Value::DimParam("N".to_owned());
    let dims = std::iter::once(batch).chain(shape.iter().map(|&size| Value::DimValue(size as i64)));
    let dim = dims.map(|value| Dimension { denotation: String::new(), value: Some(value) }).collect();
    let tensor = type_proto::Tensor { elem_type: DataType::Float.into(), shape: Some(TensorShapeProto { dim }) };
    let r#type = TypeProto { denotation: String::new(), value: Some(type_proto::Value::TensorType(tensor)) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(r#type), ..onnx::ValueInfoProto::default() }
}
