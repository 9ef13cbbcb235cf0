//! Tensors as the bytes of safetensors files.

use std::collections::HashMap;

use safetensors::{
    SafeTensorError,
    tensor::{Dtype, TensorView},
};
use sha2::{Digest, Sha256};

use super::state_dict::StateDictEntry;

/// The bytes of a safetensors file with these tensors and this metadata.
pub(crate) fn safetensors(
    entries: &[StateDictEntry],
    metadata: Option<HashMap<String, String>>,
) -> Result<Vec<u8>, SafeTensorError> {
    let bytes: Vec<Vec<u8>> = entries.iter().map(|tensor| float_bytes(&tensor.values)).collect();
    let views = entries.iter().zip(&bytes);
    let views =
        views.map(|(tensor, bytes)| Ok((&tensor.name, TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)?)));
    safetensors::serialize(views.collect::<Result<Vec<_>, SafeTensorError>>()?, metadata)
}

/// Values as little-endian bytes.
pub(crate) fn float_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Little-endian bytes as values.
pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// The SHA-256 of all parts, one behind the other, in hexadecimal.
pub(crate) fn sha256<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    parts.into_iter().for_each(|part| hash.update(part));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
