//! Parts of hand-made ONNX models. The tests of `duel-runtime` include this file, too.

use std::collections::BTreeMap;

use duel_models::{
    Card, LatentLaw, Shape,
    onnx::{BATCH, CONV_TRANSPOSE, IMAGE, LABEL, LATENT},
};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension::Value},
    type_proto,
};

/// A card for a generator of pictures of `shape`; `classes` is 0 for a generator without labels.
pub fn card(name: &str, shape: Shape, latent: usize, classes: usize) -> Card {
    Card {
        name: name.into(),
        shape,
        latent,
        latent_law: LatentLaw::Normal,
        classes,
        class_names: Vec::new(),
        recipe: "none".into(),
        seed: 0,
        steps: 0,
        images: 0,
        data: "none".into(),
        made_by: "a test".into(),
        checked_by: "nobody".into(),
        judge: String::new(),
        scores: BTreeMap::new(),
        real: BTreeMap::new(),
    }
}

/// A model of these nodes and weights, whose inputs and output are those that the card names.
pub fn model(card: &Card, node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> ModelProto {
    let Shape { channels, height, width, .. } = card.shape;
    let mut input = vec![value(LATENT, DataType::Float, &[card.latent])];
    if card.classes > 0 {
        input.push(value(LABEL, DataType::Int64, &[]));
    }
    let graph = GraphProto {
        name: card.name.clone(),
        node,
        initializer,
        input,
        output: vec![value(IMAGE, DataType::Float, &[channels, height, width])],
        ..Default::default()
    };
    ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
        graph: Some(graph),
        metadata_props: card.to_map().into_iter().map(|(key, value)| StringStringEntryProto { key, value }).collect(),
        ..Default::default()
    }
}

/// A node without attributes, which has the name of its output.
pub fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: output.into(),
        input: inputs.iter().map(|&input| input.into()).collect(),
        output: vec![output.into()],
        ..Default::default()
    }
}

/// A transposed convolution of 4×4, stride 2 and padding 1.
pub fn conv_transpose(inputs: &[&str], output: &str) -> NodeProto {
    let attribute =
        |(name, ints): (&str, &[i64])| AttributeProto { name: name.into(), ints: ints.to_vec(), ..Default::default() };
    NodeProto { attribute: CONV_TRANSPOSE.map(attribute).to_vec(), ..node("ConvTranspose", inputs, output) }
}

/// A weight tensor in single precision.
pub fn floats(name: &str, dims: &[usize], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.iter().map(|&size| size as i64).collect(),
        data_type: DataType::Float.into(),
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..Default::default()
    }
}

/// The second input of a `Reshape` to [N, channels, height, width].
pub fn target_shape(name: &str, shape: [usize; 3]) -> TensorProto {
    let sizes = std::iter::once(-1).chain(shape.map(|size| size as i64));
    TensorProto {
        name: name.into(),
        dims: vec![4],
        data_type: DataType::Int64.into(),
        raw_data: sizes.flat_map(i64::to_le_bytes).collect(),
        ..Default::default()
    }
}

/// An input or output of shape [N, sizes...].
pub fn value(name: &str, kind: DataType, sizes: &[usize]) -> ValueInfoProto {
    let batch = Value::DimParam(BATCH.into());
    let dims = std::iter::once(batch).chain(sizes.iter().map(|&size| Value::DimValue(size as i64)));
    let dim = dims.map(|value| Dimension { value: Some(value), ..Default::default() }).collect();
    let tensor = type_proto::Tensor { elem_type: kind.into(), shape: Some(TensorShapeProto { dim }) };
    let r#type = Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() });
    ValueInfoProto { name: name.into(), r#type, ..Default::default() }
}
