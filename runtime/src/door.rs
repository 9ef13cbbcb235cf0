//! The one entry for the bytes of ONNX files: checks that a file can be a generator of pictures before anything is
//! computed.

use std::collections::BTreeMap;

use duel_models::{
    Card, CardError,
    onnx::{IMAGE, LABEL, LATENT},
    text::is_hidden,
};
use prost::{
    Message,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field},
};
use tract_onnx::{
    pb::{
        AttributeProto, GraphProto, ModelProto, TensorProto, ValueInfoProto,
        tensor_proto::{DataLocation, DataType},
        tensor_shape_proto::dimension::Value,
        type_proto,
    },
    prelude::f16,
};

/// The most bytes of an ONNX file, 64 MB: a DCGAN of 128×128 pixels that begins with 1,024 channels has 51 MB. While a
/// file is loaded, its bytes and the packed weights are in memory together, 128 MB at most.
pub const BYTES_MAX: usize = 64 << 20;
/// The most bytes of a file besides the values of its weights: names, operations, the card. Decoded, they take up to a
/// hundred times as much memory.
const STRUCTURE_MAX: usize = 256 << 10;
const NODES_MAX: usize = 256;
/// The largest number in an attribute: no kernel, stride, padding or data type needs a larger one.
const ATTRIBUTE_MAX: u64 = 32;

/// Reasons why a file is not loaded. Each message follows the name of the file.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not an ONNX model.
    #[error("it is not an ONNX file; `duel export` writes one")]
    NotOnnx,
    /// The file is too large.
    #[error("it has {0} bytes; a generator may have at most {BYTES_MAX}")]
    TooLarge(usize),
    /// The card is missing or wrong.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The graph is not one that `duel export` writes.
    #[error("its graph is not a generator of pictures: {0}")]
    Graph(String),
    /// A weight or a drawn value is NaN or infinite.
    #[error("it has weights that are not finite; export an earlier checkpoint")]
    NotFinite,
}

/// A file that can be a generator of pictures.
#[derive(Debug)]
pub(crate) struct Checked<'a> {
    /// The graph; its initializers are without their values.
    pub graph: GraphProto,
    /// The values of each initializer, where they stand in the file: decoded, they would take the memory once more.
    pub values: Vec<&'a [u8]>,
    pub card: Card,
}

/// Decodes the graph and the card of an untrusted file, and checks both.
pub(crate) fn check(onnx: &[u8]) -> Result<Checked<'_>, LoadError> {
    if onnx.len() > BYTES_MAX {
        return Err(LoadError::TooLarge(onnx.len()));
    }
    let structure = structure_bytes(onnx, &RAW_DATA).ok_or(LoadError::NotOnnx)?;
    if structure > STRUCTURE_MAX {
        return Err(LoadError::Graph(format!("it has {structure} bytes besides its weights, over {STRUCTURE_MAX}")));
    }
    let mut values = Vec::new();
    let structure = without_values(onnx, &RAW_DATA, &mut values).ok_or(LoadError::NotOnnx)?;
    let proto = ModelProto::decode(&structure[..]).map_err(|_| LoadError::NotOnnx)?;
    let graph = proto.graph.ok_or(LoadError::NotOnnx)?;
    let metadata: BTreeMap<String, String> =
        proto.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
    let card = Card::from_map(&metadata)?;
    check_nodes(&graph).map_err(LoadError::Graph)?;
    check_ends(&graph, &card).map_err(LoadError::Graph)?;
    for (tensor, values) in graph.initializer.iter().zip(&values) {
        check_weight(tensor, values)?;
    }
    Ok(Checked { graph, values, card })
}

/// Field numbers of `ModelProto.graph`, `GraphProto.initializer` and `TensorProto.raw_data` in onnx.proto.
const RAW_DATA: [u32; 3] = [7, 5, 9];

/// Size in bytes of a protobuf message without the nested field at `path`; none if the bytes are not a message.
fn structure_bytes(mut message: &[u8], path: &[u32]) -> Option<usize> {
    let (&wanted, rest) = path.split_first()?;
    let mut bytes = message.len();
    while !message.is_empty() {
        if let (field, Some(value)) = read_field(&mut message)?
            && field == wanted
        {
            bytes -= if rest.is_empty() { value.len() } else { value.len() - structure_bytes(value, rest)? };
        }
    }
    Some(bytes)
}

/// Returns a protobuf message without the nested field at `path`. The field's value is added to `values`, one for each
/// message that may have the field: the last one, as protobuf says, or an empty one.
fn without_values<'a>(mut message: &'a [u8], path: &[u32], values: &mut Vec<&'a [u8]>) -> Option<Vec<u8>> {
    let (&wanted, rest) = path.split_first()?;
    let mut kept = Vec::new();
    while !message.is_empty() {
        let before = message;
        match read_field(&mut message)? {
            (field, Some(value)) if field == wanted && rest.is_empty() => *values.last_mut()? = value,
            (field, Some(value)) if field == wanted => {
                if rest.len() == 1 {
                    values.push(&[]);
                }
                let nested = without_values(value, rest, values)?;
                encode_key(field, WireType::LengthDelimited, &mut kept);
                encode_varint(nested.len() as u64, &mut kept);
                kept.extend(nested);
            }
            _ => kept.extend(&before[..before.len() - message.len()]),
        }
    }
    Some(kept)
}

/// Reads one field of a protobuf message; returns its number, and its value if its length is written before the value.
fn read_field<'a>(message: &mut &'a [u8]) -> Option<(u32, Option<&'a [u8]>)> {
    let (field, wire) = decode_key(message).ok()?;
    if wire != WireType::LengthDelimited {
        skip_field(wire, field, message, DecodeContext::default()).ok()?;
        return Some((field, None));
    }
    let length = usize::try_from(decode_varint(message).ok()?).ok()?;
    let (value, after) = message.split_at_checked(length)?;
    *message = after;
    Some((field, Some(value)))
}

fn check_nodes(graph: &GraphProto) -> Result<(), String> {
    if graph.node.is_empty() || graph.node.len() > NODES_MAX {
        return Err(format!("it has {} operations, expected 1 to {NODES_MAX}", graph.node.len()));
    }
    if !graph.sparse_initializer.is_empty() {
        return Err("it has sparse weights".to_owned());
    }
    for node in &graph.node {
        if !node.domain.is_empty() {
            return Err("it has operations outside the ONNX standard".to_owned());
        }
        if !node.attribute.iter().all(holds_small_numbers) {
            return Err(format!("an attribute of its {} is out of range", shortened(&node.op_type)));
        }
    }
    Ok(())
}

/// Whether an attribute holds nothing but small numbers: no tensors, no graphs.
fn holds_small_numbers(attribute: &AttributeProto) -> bool {
    let small = |value: &i64| value.unsigned_abs() <= ATTRIBUTE_MAX;
    let nested = attribute.t.is_some() || attribute.g.is_some() || attribute.sparse_tensor.is_some();
    let lists = attribute.tensors.len() + attribute.graphs.len() + attribute.sparse_tensors.len();
    !nested && lists == 0 && small(&attribute.i) && attribute.ints.iter().all(small) && attribute.f.is_finite()
}

/// The first 40 characters of an untrusted name, for an error message.
pub(crate) fn shortened(name: &str) -> String {
    name.chars().filter(|c| !is_hidden(*c)).take(40).collect()
}

/// Checks the inputs and the output of the graph against the card.
fn check_ends(graph: &GraphProto, card: &Card) -> Result<(), String> {
    let is_weight = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    let inputs: Vec<&ValueInfoProto> = graph.input.iter().filter(|input| !is_weight(&input.name)).collect();
    let expected: &[&str] = if card.classes > 0 { &[LATENT, LABEL] } else { &[LATENT] };
    if !inputs.iter().map(|input| input.name.as_str()).eq(expected.iter().copied()) {
        let names: Vec<String> = inputs.iter().take(3).map(|input| shortened(&input.name)).collect();
        return Err(format!("its inputs are {names:?}, expected {expected:?}"));
    }
    let [output] = &graph.output[..] else {
        return Err(format!("it has {} outputs, expected one", graph.output.len()));
    };
    if output.name != IMAGE {
        return Err(format!("its output is {:?}, expected {IMAGE:?}", shortened(&output.name)));
    }
    if !graph.node.iter().any(|node| node.output.contains(&output.name)) {
        return Err(format!("no operation computes its output {IMAGE:?}"));
    }
    check_sizes(inputs[0], &[card.latent])?;
    check_sizes(output, &[card.shape.channels, card.shape.height, card.shape.width])
}

/// Checks that a value has the shape [N, `expected`…].
fn check_sizes(value: &ValueInfoProto, expected: &[usize]) -> Result<(), String> {
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
    let sizes: String = expected.iter().map(|size| format!(", {size}")).collect();
    Err(format!("{} does not have the shape [N{sizes}], as its card says", value.name))
}

/// Checks that a weight's values are in the file, as many as its shape says, and finite.
fn check_weight(tensor: &TensorProto, values: &[u8]) -> Result<(), LoadError> {
    let error = |why: &str| LoadError::Graph(format!("its weight {:?} {why}", shortened(&tensor.name)));
    if tensor.data_location == Some(DataLocation::External.into()) || !tensor.external_data.is_empty() {
        return Err(error("is in another file"));
    }
    let size = |&size: &i64| usize::try_from(size).ok().filter(|&size| size <= BYTES_MAX);
    let count = tensor.dims.iter().try_fold(1usize, |product, dim| product.checked_mul(size(dim)?));
    let bytes = match tensor.data_type() {
        DataType::Float => 4,
        DataType::Float16 => 2,
        DataType::Int64 => 8,
        _ => return Err(error("is neither f32, f16 nor i64")),
    };
    if count.and_then(|count| count.checked_mul(bytes)) != Some(values.len()) {
        return Err(error("does not have as many values as its shape says"));
    }
    let finite = match bytes {
        4 => values.as_chunks().0.iter().all(|&value| f32::from_le_bytes(value).is_finite()),
        2 => values.as_chunks().0.iter().all(|&value| f16::from_le_bytes(value).is_finite()),
        _ => true,
    };
    if finite { Ok(()) } else { Err(LoadError::NotFinite) }
}
