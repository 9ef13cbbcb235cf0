//! A generator small enough to write by hand: the digit of the label, as on a clock, slightly blurred by the latent.

use std::collections::BTreeMap;

use candle_onnx::onnx::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension::Value},
    type_proto,
};
use duel_models::{Card, LatentLaw, PIXELS};
use prost::Message;

use crate::recorded::digit;

/// Values of its latent.
const LATENT: usize = 4;

/// image = reshape(tanh(table[label] + latent W)), as the bytes of an ONNX file with its card.
pub fn onnx() -> Vec<u8> {
    let table = (0..10).flat_map(|label| digit(label).map(|grey| f32::from(grey) / 64.0 - 2.0)).collect();
    let weights = (0..LATENT * PIXELS).map(|at| (at * 7919 % 13) as f32 * 0.02 - 0.12).collect();
    let graph = GraphProto {
        name: "clock".into(),
        node: vec![
            node("Gather", &["table", "label"], "digit"),
            node("MatMul", &["latent", "w"], "blur"),
            node("Add", &["digit", "blur"], "sum"),
            node("Tanh", &["sum"], "tanh"),
            node("Reshape", &["tanh", "shape"], "image"),
        ],
        initializer: vec![
            floats("table", &[10, PIXELS as i64], table),
            floats("w", &[LATENT as i64, PIXELS as i64], weights),
            TensorProto {
                name: "shape".into(),
                dims: vec![4],
                data_type: DataType::Int64.into(),
                raw_data: [-1, 1, 28, 28].into_iter().flat_map(i64::to_le_bytes).collect(),
                ..Default::default()
            },
        ],
        input: vec![value("latent", DataType::Float, &[LATENT]), value("label", DataType::Int64, &[])],
        output: vec![value("image", DataType::Float, &[1, 28, 28])],
        ..Default::default()
    };
    let model = ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
        graph: Some(graph),
        metadata_props: card().to_map().into_iter().map(|(key, value)| StringStringEntryProto { key, value }).collect(),
        ..Default::default()
    };
    model.encode_to_vec()
}

fn card() -> Card {
    Card {
        name: "segments".into(),
        latent: LATENT,
        latent_law: LatentLaw::Normal,
        classes: 10,
        recipe: "none".into(),
        seed: 0,
        steps: 0,
        images: 0,
        data: "none".into(),
        made_by: "a test".into(),
        checked_by: "nobody".into(),
        scores: BTreeMap::new(),
    }
}

fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: output.into(),
        input: inputs.iter().map(|&input| input.into()).collect(),
        output: vec![output.into()],
        ..Default::default()
    }
}

fn floats(name: &str, dims: &[i64], values: Vec<f32>) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: DataType::Float.into(),
        raw_data: values.into_iter().flat_map(f32::to_le_bytes).collect(),
        ..Default::default()
    }
}

/// A tensor of those sizes for each of N samples.
fn value(name: &str, kind: DataType, sizes: &[usize]) -> ValueInfoProto {
    let batch = Value::DimParam("N".into());
    let dims = std::iter::once(batch).chain(sizes.iter().map(|&size| Value::DimValue(size as i64)));
    let dim = dims.map(|value| Dimension { value: Some(value), ..Default::default() }).collect();
    let tensor = type_proto::Tensor { elem_type: kind.into(), shape: Some(TensorShapeProto { dim }) };
    let r#type = Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() });
    ValueInfoProto { name: name.into(), r#type, ..Default::default() }
}
