//! The doors for untrusted bytes that otherwise only files pass, opened for `tests/fuzz`.

use duel_models::Shape;

use crate::{
    data::{idx, npy},
    gan::{Duel, state},
};

/// Reads an IDX file of images as `--data` does: the bytes, [N, height, width]. An error is the first fault.
pub fn images(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let images = idx::read_images(bytes)?;
    Shape::new(1, images.height, images.width).map_err(|error| error.to_string())?;
    Ok(images.bytes)
}

/// Reads an IDX file of labels, `[N]`. An error is the first fault.
pub fn labels(bytes: &[u8]) -> Result<Vec<u8>, String> {
    idx::read_labels(bytes)
}

/// Reads a NumPy array of bytes. An error is the first fault.
pub fn array(bytes: &[u8]) -> Result<npy::Array, String> {
    npy::read(bytes)
}

/// Restores a checkpoint's bytes into a duel. An error is the first fault.
pub fn checkpoint(duel: &mut Duel, bytes: &[u8]) -> Result<(), String> {
    state::load(duel, bytes).map_err(|bad| match bad {
        state::Bad::Damaged(why) | state::Bad::OtherRecipe(why) => why,
    })
}
