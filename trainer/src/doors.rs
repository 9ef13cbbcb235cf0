//! Parsers of untrusted files, made public so that `tests/fuzz` can call them with bytes instead of files.

use duel_models::Shape;

use crate::{
    data::{idx, npy},
    gan::{Duel, state},
};

/// Reads an IDX file of images as `--data` does: the bytes, [N, height, width]. The error describes the first fault
/// that was found.
pub fn images(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let images = idx::read_images(bytes)?;
    Shape::new(1, images.height, images.width).map_err(|error| error.to_string())?;
    Ok(images.bytes)
}

/// Reads an IDX file of labels, `[N]`. The error describes the first fault that was found.
pub fn labels(bytes: &[u8]) -> Result<Vec<u8>, String> {
    idx::read_labels(bytes)
}

/// Reads a NumPy array of bytes. The error describes the first fault that was found.
pub fn array(bytes: &[u8]) -> Result<npy::Array, String> {
    npy::read(bytes)
}

/// Restores a checkpoint's bytes into a duel. The error describes the first fault that was found.
pub fn checkpoint(duel: &mut Duel, bytes: &[u8]) -> Result<(), String> {
    state::load(duel, bytes).map_err(|bad| match bad {
        state::Bad::Damaged(why) | state::Bad::OtherRecipe(why) => why,
    })
}
