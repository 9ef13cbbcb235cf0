//! MNIST, bundled: LeCun, Cortes and Burges 1998. Only this module states the shape and the classes of the digits.

use duel_models::Shape;

use super::{
    data_set::{DataSet, Split},
    idx,
    survey::Survey,
};

/// The shape of a digit: 28×28 grey pixels.
pub const SHAPE: Shape = match Shape::new(1, 28, 28) {
    Ok(shape) => shape,
    Err(_) => panic!("the bounds of a shape include MNIST's"),
};

/// The classes: the digits 0 to 9.
pub const CLASSES: usize = 10;

static BUNDLED: [[&[u8]; 2]; 2] = [
    [
        include_bytes!("../../data/mnist/train-images-idx3-ubyte.gz"),
        include_bytes!("../../data/mnist/train-labels-idx1-ubyte.gz"),
    ],
    [
        include_bytes!("../../data/mnist/t10k-images-idx3-ubyte.gz"),
        include_bytes!("../../data/mnist/t10k-labels-idx1-ubyte.gz"),
    ],
];

/// Decodes 60,000 training or 10,000 test digits.
pub fn load(split: Split) -> DataSet {
    let [images, labels] = BUNDLED[split as usize];
    let whole = "the bundled files are whole: a test checks their MD5";
    let images = idx::read_images(images, 1 << 30).expect(whole);
    let data = DataSet::new(SHAPE, images.bytes, idx::read_labels(labels).expect(whole));
    DataSet { survey: Survey::uniform("bundled", [SHAPE.height, SHAPE.width], data.len()), ..data }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use md5::{Digest, Md5};

    use super::*;

    #[test]
    fn the_bundled_files_are_the_canonical_ones() {
        let expected = [
            ["6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624"],
            ["2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637"],
        ];
        for (gzipped, md5) in BUNDLED.iter().flatten().zip(expected.iter().flatten()) {
            let mut raw = Vec::new();
            GzDecoder::new(*gzipped).read_to_end(&mut raw).expect("gzip");
            let found: String = Md5::digest(&raw).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(found, *md5);
        }
    }

    #[test]
    fn the_bundled_set_is_whole() {
        let (train, test) = (load(Split::Train), load(Split::Test));
        assert_eq!((train.len(), test.len()), (60_000, 10_000));
        assert_eq!(train.images.len(), 60_000 * SHAPE.size());
        assert_eq!(train.labels[..5], [5, 0, 4, 1, 9]);
    }
}
