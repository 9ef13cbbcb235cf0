//! The one door for ONNX bytes: what a file holds is held against what a generator of digits may be, before tract sees it.

use std::collections::BTreeMap;

use duel_models::{Card, CardError, SIDE, text::is_hidden};
use prost::Message;
use tract_onnx::{
    pb::{
        AttributeProto, GraphProto, ModelProto, TensorProto, ValueInfoProto,
        tensor_proto::{DataLocation, DataType},
        tensor_shape_proto::dimension::Value,
        type_proto,
    },
    prelude::f16,
};

/// The input of every generator, f32 [N, latent].
pub(crate) const LATENT: &str = "latent";
/// The second input of a generator with classes, i64 [N].
pub(crate) const LABEL: &str = "label";
/// The output, f32 [N, 1, 28, 28].
const IMAGE: &str = "image";

/// Eight times the generator that ships, and more than twice the 2014 paper's. A file, its decoded weights and the packed ones are in
/// memory for a moment: a stranger's file cannot ask for 100 MB.
const BYTES_MAX: usize = 24 << 20;
const NODES_MAX: usize = 256;
/// No kernel, stride, padding or axis of a generator of 28×28 pixels is larger.
const ATTRIBUTE_MAX: u64 = 32;

/// Why a file is no generator that duel runs. Each message is a line that follows the file's name.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are no ONNX model.
    #[error("it is no ONNX file; `duel export` writes one")]
    NotOnnx,
    /// It is too large.
    #[error("it has {0} bytes; a generator of digits has at most {BYTES_MAX}")]
    TooLarge(usize),
    /// Its card is missing or wrong.
    #[error(transparent)]
    Card(#[from] CardError),
    /// Its graph is not one that a generator has.
    #[error("its graph is no generator of digits: {0}")]
    Graph(String),
    /// It has weights, or draws pixels, that are not finite.
    #[error("it has weights that are not finite; export an earlier checkpoint")]
    NotFinite,
}

/// The graph and the card, if the bytes are what they should be.
pub(crate) fn check(onnx: &[u8]) -> Result<(GraphProto, Card), LoadError> {
    if onnx.len() > BYTES_MAX {
        return Err(LoadError::TooLarge(onnx.len()));
    }
    let proto = ModelProto::decode(onnx).map_err(|_| LoadError::NotOnnx)?;
    let graph = proto.graph.ok_or(LoadError::NotOnnx)?;
    let metadata: BTreeMap<String, String> =
        proto.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
    let card = Card::from_map(&metadata)?;
    nodes(&graph).map_err(LoadError::Graph)?;
    ends(&graph, &card).map_err(LoadError::Graph)?;
    for tensor in &graph.initializer {
        initialiser(tensor)?;
    }
    Ok((graph, card))
}

fn nodes(graph: &GraphProto) -> Result<(), String> {
    if graph.node.is_empty() || graph.node.len() > NODES_MAX {
        return Err(format!("it has {} operations, expected 1 to {NODES_MAX}", graph.node.len()));
    }
    if !graph.sparse_initializer.is_empty() {
        return Err("it has sparse weights".to_owned());
    }
    for node in &graph.node {
        if !node.domain.is_empty() {
            return Err("it has operations that are not ONNX's own".to_owned());
        }
        if !node.attribute.iter().all(plain) {
            return Err(format!("an attribute of its {} is out of range", short(&node.op_type)));
        }
    }
    Ok(())
}

/// Whether an attribute holds nothing but small numbers.
fn plain(attribute: &AttributeProto) -> bool {
    let small = |value: &i64| value.unsigned_abs() <= ATTRIBUTE_MAX;
    let nested = attribute.t.is_some() || attribute.g.is_some() || attribute.sparse_tensor.is_some();
    let lists = attribute.tensors.len() + attribute.graphs.len() + attribute.sparse_tensors.len();
    !nested && lists == 0 && small(&attribute.i) && attribute.ints.iter().all(small) && attribute.f.is_finite()
}

/// A name of a stranger's as it stands in an error.
pub(crate) fn short(name: &str) -> String {
    name.chars().filter(|c| !is_hidden(*c)).take(40).collect()
}

/// Inputs and outputs, by the card.
fn ends(graph: &GraphProto, card: &Card) -> Result<(), String> {
    let is_weight = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    let inputs: Vec<&ValueInfoProto> = graph.input.iter().filter(|input| !is_weight(&input.name)).collect();
    let expected: &[&str] = if card.classes > 0 { &[LATENT, LABEL] } else { &[LATENT] };
    if !inputs.iter().map(|input| input.name.as_str()).eq(expected.iter().copied()) {
        let names: Vec<String> = inputs.iter().take(3).map(|input| short(&input.name)).collect();
        return Err(format!("its inputs are {names:?}, expected {expected:?}"));
    }
    let [output] = &graph.output[..] else {
        return Err(format!("it has {} outputs, expected one", graph.output.len()));
    };
    if output.name != IMAGE {
        return Err(format!("its output is {:?}, expected {IMAGE:?}", short(&output.name)));
    }
    if !graph.node.iter().any(|node| node.output.contains(&output.name)) {
        return Err(format!("no operation gives its output {IMAGE:?}"));
    }
    shape(inputs[0], &[card.latent])?;
    shape(output, &[1, SIDE, SIDE])
}

/// Holds the sizes behind the batch against `expected`.
fn shape(value: &ValueInfoProto, expected: &[usize]) -> Result<(), String> {
    let tensor = match value.r#type.as_ref().and_then(|kind| kind.value.as_ref()) {
        Some(type_proto::Value::TensorType(tensor)) => tensor,
        None => return Err(format!("{} has no type", value.name)),
    };
    let dims = tensor.shape.as_ref().map_or(&[][..], |shape| &shape.dim);
    let sizes = dims.iter().skip(1).map(|dim| match &dim.value {
        Some(Value::DimValue(size)) => usize::try_from(*size).ok(),
        _ => None,
    });
    if !dims.is_empty() && sizes.eq(expected.iter().map(|&size| Some(size))) {
        return Ok(());
    }
    Err(format!("its card says that {} has the shape [N, {expected:?}], and the graph does not", value.name))
}

/// A weight's values must be there, as many as its shape says, and finite.
fn initialiser(tensor: &TensorProto) -> Result<(), LoadError> {
    let graph = |why: &str| LoadError::Graph(format!("its weight {:?} {why}", short(&tensor.name)));
    if tensor.data_location == Some(DataLocation::External.into()) || !tensor.external_data.is_empty() {
        return Err(graph("stands in another file"));
    }
    let size = |&size: &i64| usize::try_from(size).ok().filter(|&size| size <= BYTES_MAX);
    let count = tensor.dims.iter().try_fold(1usize, |product, dim| product.checked_mul(size(dim)?));
    let bytes = match tensor.data_type() {
        DataType::Float => 4,
        DataType::Float16 => 2,
        DataType::Int64 => 8,
        _ => return Err(graph("is neither f32, f16 nor i64")),
    };
    if count.and_then(|count| count.checked_mul(bytes)) != Some(tensor.raw_data.len()) {
        return Err(graph("has not as many values as its shape says"));
    }
    let finite = match bytes {
        4 => tensor.raw_data.as_chunks().0.iter().all(|&value| f32::from_le_bytes(value).is_finite()),
        2 => tensor.raw_data.as_chunks().0.iter().all(|&value| f16::from_le_bytes(value).is_finite()),
        _ => true,
    };
    if finite { Ok(()) } else { Err(LoadError::NotFinite) }
}
