//! IDX files, gzipped or not: the format of MNIST, <http://yann.lecun.com/exdb/mnist>.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// The magic number of unsigned bytes along three axes: N, rows, columns.
const IMAGES: u32 = 0x0803;
/// The magic number of unsigned bytes along one axis.
const LABELS: u32 = 0x0801;

/// The most items of a file: the largest published set in this format has 814,255 (EMNIST, Cohen et al. 2017).
const ITEMS_MAX: usize = 1_000_000;

/// The pictures of a file.
#[derive(Debug)]
pub struct IdxImages {
    /// Rows of a picture.
    pub height: usize,
    /// Columns of a picture.
    pub width: usize,
    /// Grey levels, [N, height, width].
    pub bytes: Vec<u8>,
}

/// Reads a file of images. The error describes the first fault in the file.
///
/// Memory grows only with the bytes that are read, up to the size in the header and to `most` bytes: neither a false
/// header nor a small gzip file can make the program allocate more.
pub fn read_images(bytes: impl Read, most: usize) -> Result<IdxImages, String> {
    let ([height, width], bytes) = read(bytes, IMAGES, most)?;
    Ok(IdxImages { height, width, bytes })
}

/// Reads a file of labels, `[N]`. The error describes the first fault in the file.
pub fn read_labels(bytes: impl Read) -> Result<Vec<u8>, String> {
    read::<0>(bytes, LABELS, ITEMS_MAX).map(|(_, bytes)| bytes)
}

/// Reads the number of items, the `AXES` sizes of an item, and the values. Gzip is recognised by its first two bytes.
fn read<const AXES: usize>(mut bytes: impl Read, magic: u32, most: usize) -> Result<([usize; AXES], Vec<u8>), String> {
    let mut start = [0; 2];
    bytes.read_exact(&mut start).map_err(|_| "it is shorter than its header".to_owned())?;
    let whole = start.chain(bytes);
    if start == [0x1f, 0x8b] { payload(MultiGzDecoder::new(whole), magic, most) } else { payload(whole, magic, most) }
}

fn payload<const AXES: usize>(
    mut bytes: impl Read,
    magic: u32,
    most: usize,
) -> Result<([usize; AXES], Vec<u8>), String> {
    let mut word = || {
        let mut word = [0; 4];
        bytes.read_exact(&mut word).map_err(|_| "it is damaged, or shorter than its header".to_owned())?;
        Ok::<u32, String>(u32::from_be_bytes(word))
    };
    let found = word()?;
    if found != magic {
        return Err(match &found.to_be_bytes() {
            [b'<', ..] => "it is a web page".to_owned(),
            b"vers" => "it is a pointer of Git LFS: run git lfs pull".to_owned(),
            b"PK\x03\x04" => "it is a zip archive: unpack it".to_owned(),
            [0x1f, 0x8b, ..] => "it is gzipped twice: unpack it once".to_owned(),
            _ => format!("its magic number is {found:#010x}, expected {magic:#010x}"),
        });
    }
    let items = word()? as usize;
    if items == 0 || items > ITEMS_MAX {
        return Err(format!("its header promises {items} items, expected 1 to {ITEMS_MAX}"));
    }
    let mut axes = [0; AXES];
    for axis in &mut axes {
        *axis = word()? as usize;
    }
    let size = axes.iter().try_fold(items, |size, &axis| size.checked_mul(axis)).filter(|&size| size <= most);
    let size =
        size.ok_or_else(|| format!("its header promises more than {most} bytes, the bound that data.memory sets"))?;
    let mut payload = Vec::new();
    let read = bytes.take(size as u64 + 1).read_to_end(&mut payload);
    read.map_err(|error| format!("its gzip is damaged ({error})"))?;
    match payload.len() {
        length if length < size => Err(format!("it ends after {length} of {size} bytes")),
        length if length > size => Err(format!("it goes on after the {size} bytes that its header promises")),
        _ => Ok((axes, payload)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn images(header: [u32; 4], there: usize) -> Vec<u8> {
        let header: Vec<u8> = header.iter().flat_map(|word| word.to_be_bytes()).collect();
        [header, vec![9; there]].concat()
    }

    fn gzip(raw: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(raw).expect("memory");
        encoder.finish().expect("memory")
    }

    /// Damages the checksum of a gzip file.
    fn damaged(mut gzipped: Vec<u8>) -> Vec<u8> {
        let crc = gzipped.len() - 8;
        gzipped[crc] ^= 1;
        gzipped
    }

    #[test]
    fn pictures_of_any_size_are_read_gzipped_or_not() {
        let raw = images([IMAGES, 2, 12, 20], 2 * 240);
        // A gzip file may have several members (RFC 1952, section 2.2).
        let members = [gzip(&raw[..100]), gzip(&raw[100..])].concat();
        for bytes in [gzip(&raw), members, raw] {
            let found = read_images(&bytes[..], 1 << 30).expect("a good file");
            assert_eq!((found.height, found.width, found.bytes), (12, 20, vec![9; 480]));
        }
        let labels = [&LABELS.to_be_bytes()[..], &3u32.to_be_bytes(), &[7, 8, 9]].concat();
        assert_eq!(read_labels(&labels[..]).expect("a good file"), [7, 8, 9]);
    }

    #[test]
    fn a_file_that_is_not_idx_is_refused_with_the_reason() {
        let digits = 2 * 784;
        for (bytes, expected) in [
            (vec![], "shorter than its header"),
            (images([IMAGES, 2, 28, 28], 0)[..15].to_vec(), "shorter than its header"),
            (images([LABELS, 2, 28, 28], digits), "magic"),
            (b"<!DOCTYPE html>".to_vec(), "a web page"),
            (b"version https://git-lfs.github.com/spec/v1".to_vec(), "git lfs pull"),
            (b"PK\x03\x04 and so on".to_vec(), "a zip archive"),
            (gzip(&gzip(&images([IMAGES, 2, 28, 28], digits))), "gzipped twice"),
            (images([IMAGES, 2, 28, 28], digits - 1), "ends after 1567 of 1568 bytes"),
            (images([IMAGES, 2, 28, 28], digits + 1), "goes on"),
            (images([IMAGES, 2, 32, 28], digits), "ends after 1568 of 1792 bytes"),
            (images([IMAGES, 0, 28, 28], 0), "0 items"),
            (images([IMAGES, u32::MAX, 28, 28], 10), "4294967295 items"),
            (images([IMAGES, 999_999, 28, 28], 10), "ends after 10 of"),
            (images([IMAGES, 999_999, u32::MAX, u32::MAX], 10), "promises more than"),
            (images([IMAGES, 999_999, 128, 128], 10), "promises more than"),
            (gzip(&images([IMAGES, 2, 28, 28], digits))[..26].to_vec(), "it is damaged"),
            ([gzip(&images([IMAGES, 2, 28, 28], digits)), vec![1; 9]].concat()[4..].to_vec(), "magic"),
            (damaged(gzip(&images([IMAGES, 2, 28, 28], digits))), "gzip is damaged"),
        ] {
            let error = read_images(&bytes[..], 1 << 30).expect_err(expected);
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}
