//! Doors for a stranger's bytes that files alone go through, opened for `tests/fuzz`, which needs no file.

use crate::{
    data,
    gan::{Duel, state},
};

/// The values of an IDX file of images, [N, 784], as `--data` takes it; or what is wrong with it.
pub fn images(bytes: &[u8]) -> Result<Vec<u8>, String> {
    data::idx(bytes, &data::IMAGES)
}

/// The values of an IDX file of labels, [N].
pub fn labels(bytes: &[u8]) -> Result<Vec<u8>, String> {
    data::idx(bytes, &data::LABELS)
}

/// Takes a duel to where the bytes of a checkpoint say, or says what is wrong with them.
pub fn checkpoint(duel: &mut Duel, bytes: &[u8]) -> Result<(), String> {
    state::load(duel, bytes).map_err(|bad| match bad {
        state::Bad::Damaged(why) | state::Bad::OtherRecipe(why) => why,
    })
}
