//! A stranger's files, and tensors as the bytes of files.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use safetensors::{
    SafeTensorError,
    tensor::{Dtype, TensorView},
};
use sha2::{Digest, Sha256};

use crate::networks::Named;

/// The bytes of a safetensors file with these tensors.
pub(crate) fn safetensors(
    named: &[Named],
    metadata: Option<HashMap<String, String>>,
) -> Result<Vec<u8>, SafeTensorError> {
    let bytes: Vec<Vec<u8>> = named.iter().map(|tensor| bytes(&tensor.values)).collect();
    let views = named.iter().zip(&bytes);
    let views =
        views.map(|(tensor, bytes)| Ok((&tensor.name, TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)?)));
    safetensors::serialize(views.collect::<Result<Vec<_>, SafeTensorError>>()?, metadata)
}

/// Values as the bytes of a file.
pub(crate) fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The bytes of a file as values.
pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// The SHA-256 of all parts as one, in hexadecimal.
pub(crate) fn sha256<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    parts.into_iter().for_each(|part| hash.update(part));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Opens a file that is there to be read. What is no file, such as a pipe, might never end, or never begin.
pub fn open(path: &Path) -> io::Result<File> {
    must_be_file(path)?;
    File::open(path)
}

/// An error if something stands at `path` that is no file.
pub(crate) fn must_be_file(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file")),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// An error if a link stands at `path`: one in a stranger's run directory may lead to any of the user's files and folders.
pub(crate) fn must_be_no_link(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a link")),
        _ => Ok(()),
    }
}

/// An error if what stands at `path` is no file to write into.
pub(crate) fn must_be_ours(path: &Path) -> io::Result<()> {
    must_be_no_link(path).and_then(|()| must_be_file(path))
}

/// The first `limit` bytes of a file, or all.
pub(crate) fn read_start(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// At most `limit` bytes of a file; an error if it is longer.
pub(crate) fn read_small(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let bytes = read_start(path, limit + 1)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("over {limit} bytes")));
    }
    Ok(bytes)
}
