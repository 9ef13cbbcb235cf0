//! Parsers of untrusted files, made public so that `tests/fuzz` can call them with bytes instead of files.

use duel_models::Shape;

use crate::{
    data::{self, DataSet, SILENT, Split, idx, npy},
    gan::{Duel, state},
    recipe::Data,
};

/// The most bytes of an array: `data.memory` of a training.
const BYTES_MAX: usize = 1 << 30;

/// Reads a picture in any format that folders and archives may hold, and brings it to 16×16 pixels. The error is the
/// reason why it cannot be read.
pub fn picture(bytes: &[u8]) -> Result<Vec<u8>, String> {
    data::decoded(bytes, Shape::new(3, 16, 16).expect("the sides are allowed"))
}

/// Reads a zip archive of pictures, with its dataset.json, or of NumPy arrays, as `--data` does. The error describes
/// the first fault that was found.
pub fn archive(bytes: &[u8]) -> Result<DataSet, String> {
    let settings = Data { memory: 0.02, ..Data::default() };
    data::from_zip(bytes.into(), &settings, Split::Train, SILENT).map_err(|error| error.to_string())
}

/// Reads an IDX file of images as `--data` does: the bytes, [N, height, width]. The error describes the first fault
/// that was found.
pub fn images(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let images = idx::read_images(bytes, BYTES_MAX)?;
    Shape::new(1, images.height, images.width).map_err(|error| error.to_string())?;
    Ok(images.bytes)
}

/// Reads an IDX file of labels, `[N]`. The error describes the first fault that was found.
pub fn labels(bytes: &[u8]) -> Result<Vec<u8>, String> {
    idx::read_labels(bytes)
}

/// Reads a NumPy array of bytes. The error describes the first fault that was found.
pub fn array(bytes: &[u8]) -> Result<npy::Array, String> {
    npy::read(bytes, BYTES_MAX)
}

/// Restores a checkpoint's bytes into a duel. The error describes the first fault that was found.
pub fn checkpoint(duel: &mut Duel, bytes: &[u8]) -> Result<(), String> {
    state::load(duel, bytes).map_err(|bad| match bad {
        state::Bad::Damaged(why) | state::Bad::OtherRecipe(why) => why,
    })
}
