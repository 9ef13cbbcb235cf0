//! Arrays as other tools read them: NumPy's `.npy` and MNIST's IDX.

use duel_models::Shape;

/// Encodes bytes as a `.npy` file, format 1.0.
pub fn npy_bytes(shape: &[usize], values: &[u8]) -> Vec<u8> {
    npy("|u1", shape, values)
}

/// Encodes 32-bit floats as a `.npy` file, format 1.0.
pub fn npy_floats(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    npy("<f4", shape, &bytes)
}

/// Writes the parts that numpy.lib.format defines: magic, version, length of the header, header padded to 64 bytes in
/// all, values.
fn npy(kind: &str, shape: &[usize], values: &[u8]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    // A Python tuple of one element ends with a comma.
    let comma = if shape.len() == 1 { "," } else { "" };
    let fields = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({}{comma}), }}", sizes.join(", "));
    let width = (10 + fields.len() + 1).next_multiple_of(64) - 10 - 1;
    let header = format!("{fields:width$}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

/// Encodes grey pictures, [N, height, width], as `images-idx3-ubyte`: magic 0x803, three sizes as big-endian 32-bit
/// numbers, pixels.
pub fn idx_images(shape: Shape, images: &[u8]) -> Vec<u8> {
    idx(0x803, &[images.len() / shape.pixels(), shape.height, shape.width], images)
}

/// Encodes labels, `[N]`, as `labels-idx1-ubyte`: magic 0x801, their number, labels.
pub fn idx_labels(labels: &[u8]) -> Vec<u8> {
    idx(0x801, &[labels.len()], labels)
}

fn idx(magic: u32, shape: &[usize], values: &[u8]) -> Vec<u8> {
    let sizes = shape.iter().map(|&size| size as u32);
    let mut bytes: Vec<u8> = std::iter::once(magic).chain(sizes).flat_map(u32::to_be_bytes).collect();
    bytes.extend(values);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npy_is_numpys() {
        // python: b = io.BytesIO(); np.save(b, np.array([1, 2], np.uint8)); b.getvalue()
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }";
        let expected = [b"\x93NUMPY\x01\x00v\x00".as_slice(), header.as_bytes(), &[b' '; 60], b"\n\x01\x02"].concat();
        assert_eq!(npy_bytes(&[2], &[1, 2]), expected);
        let floats = npy_floats(&[1, 2], &[1.0, -0.5]);
        assert_eq!(floats.len(), 128 + 8);
        assert!(floats[10..].starts_with(b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }"));
        assert_eq!(floats[128..], [0, 0, 0x80, 0x3f, 0, 0, 0, 0xbf]);
    }

    #[test]
    fn idx_is_mnists() {
        let images = idx_images("1x28x20".parse().expect("a shape"), &[7; 2 * 28 * 20]);
        assert_eq!(images[..16], [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 20]);
        assert_eq!(images.len(), 16 + 2 * 28 * 20);
        assert_eq!(idx_labels(&[3, 1]), [0, 0, 8, 1, 0, 0, 0, 2, 3, 1]);
    }
}
