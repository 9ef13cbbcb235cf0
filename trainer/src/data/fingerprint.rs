//! The fingerprint of training pictures: `data.fingerprint` of a recipe, by which a run knows its data again.

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{data_set::DataSet, error::DataError};
use crate::recipe::{Data, FINGERPRINT_DIGITS, NO_FINGERPRINT};

/// Bytes of pictures that a core hashes at once.
const BLOCK: usize = 1 << 20;

/// The first half of a SHA-256 as hexadecimal digits. Hashed are the shape as text, the labels, and the SHA-256 of each
/// mebibyte of the pictures' bytes.
pub(super) fn fingerprint(data: &DataSet) -> String {
    let blocks: Vec<_> = data.images.par_chunks(BLOCK).map(Sha256::digest).collect();
    let mut hash = Sha256::new();
    hash.update(data.shape.to_string());
    hash.update(&data.labels);
    blocks.iter().for_each(|block| hash.update(block));
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    digits[..FINGERPRINT_DIGITS].to_owned()
}

/// Refuses training pictures from a path that do not have the fingerprint of the settings. Bundled pictures have none.
pub fn check_fingerprint(settings: &Data, data: &DataSet) -> Result<(), DataError> {
    let wanted = &settings.fingerprint;
    match settings.source.path() {
        Some(path) if wanted != NO_FINGERPRINT && *wanted != fingerprint(data) => {
            Err(DataError::OtherPictures { path: path.to_owned(), wanted: wanted.clone() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;

    #[test]
    fn a_fingerprint_changes_with_shape_labels_and_pictures() {
        let data = |shape: &str, labels: [u8; 2], first: u8| {
            let shape: duel_models::Shape = shape.parse().expect("a shape");
            let images = (0..2 * shape.size()).map(|at| if at == 0 { first } else { (at % 251) as u8 }).collect();
            DataSet::new(shape, images, labels.to_vec())
        };
        let first = data("1x8x16", [0, 1], 0);
        // python3 -c "from hashlib import sha256 as s; p = bytes(i % 251 for i in range(256));
        // print(s(b'1x8x16' + bytes([0, 1]) + s(p).digest()).hexdigest()[:32])"
        assert_eq!(fingerprint(&first), "cc226bf008340a6c4fd97a0ca222d2da");
        for other in [data("1x16x8", [0, 1], 0), data("1x8x16", [1, 0], 0), data("1x8x16", [0, 1], 1)] {
            assert_ne!(fingerprint(&other), fingerprint(&first));
        }
        let recipe = Recipe::default().with_data("/pictures").expect("a path").data;
        assert!(check_fingerprint(&recipe, &first).is_ok(), "a recipe without a fingerprint takes any pictures");
        let recipe = Data { fingerprint: fingerprint(&first), ..recipe };
        assert!(check_fingerprint(&recipe, &first).is_ok());
        let error = check_fingerprint(&recipe, &data("1x8x16", [0, 1], 1)).expect_err("other pictures").to_string();
        assert!(error.contains("/pictures") && error.contains("data.fingerprint"), "{error}");
    }
}
