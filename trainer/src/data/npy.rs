//! NumPy arrays of whole numbers, `.npy`:
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
//!
//! The header is a Python dictionary with three keys. Thirty lines of code read it; the crates that read it depend on a
//! parser generator.

use std::io::Read;

/// The most bytes of a header. NumPy pads a header to a multiple of 64.
const HEADER_MAX: usize = 1 << 12;

/// An array of unsigned bytes, row-major.
#[derive(Debug, PartialEq, Eq)]
pub struct Array {
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// The values.
    pub bytes: Vec<u8>,
}

/// Reads a file of unsigned bytes. The error describes the first fault in the file.
///
/// Memory grows only with the bytes that are read, up to the size in the header and to `most` bytes.
pub fn read(file: impl Read, most: usize) -> Result<Array, String> {
    let (kind, array) = read_any(file, most)?;
    if kind.bytes == 1 && !kind.signed {
        Ok(array)
    } else {
        Err("its values are not unsigned bytes: save them with .astype(numpy.uint8)".to_owned())
    }
}

/// Reads a file of whole numbers of any width, such as labels. The error describes the first fault in the file.
pub fn read_integers(file: impl Read, most: usize) -> Result<Vec<i64>, String> {
    let (kind, array) = read_any(file, most)?;
    let number = |bytes: &[u8]| {
        let negative = kind.signed && bytes[kind.bytes - 1] >= 0x80;
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        wide[..kind.bytes].copy_from_slice(bytes);
        i64::from_le_bytes(wide)
    };
    Ok(array.bytes.chunks_exact(kind.bytes).map(number).collect())
}

/// A whole number as NumPy stores it, the least significant byte first.
#[derive(Debug, Clone, Copy)]
struct Kind {
    signed: bool,
    bytes: usize,
}

impl Kind {
    /// Reads a dtype such as `|u1` or `<i8`.
    fn parse(descr: &str) -> Option<Self> {
        let descr = descr.trim_start_matches(['|', '<']);
        let (kind, width) = descr.split_at_checked(1)?;
        let bytes = match (kind, width) {
            ("b" | "u" | "i", "1") => 1,
            ("B", "") => return Some(Self { signed: false, bytes: 1 }),
            ("u" | "i", "2") => 2,
            ("u" | "i", "4") => 4,
            ("u" | "i", "8") => 8,
            _ => return None,
        };
        Some(Self { signed: kind == "i", bytes })
    }
}

fn read_any(mut file: impl Read, most: usize) -> Result<(Kind, Array), String> {
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(|_| "it is shorter than its header".to_owned())?;
    if start[..6] != *b"\x93NUMPY" {
        return Err("it does not begin with \\x93NUMPY".to_owned());
    }
    // Version 1 counts the header in two bytes, versions 2 and 3 in four.
    let mut length = [0; 4];
    let counted = if start[6] == 1 { 2 } else { 4 };
    file.read_exact(&mut length[..counted]).map_err(|_| "it is shorter than its header".to_owned())?;
    let length = u32::from_le_bytes(length) as usize;
    if length > HEADER_MAX {
        return Err(format!("its header has {length} bytes, expected at most {HEADER_MAX}"));
    }
    let mut header = vec![0; length];
    file.read_exact(&mut header).map_err(|_| "it is shorter than its header".to_owned())?;
    let (kind, shape) = kind_and_shape(&String::from_utf8_lossy(&header))?;
    let size = shape.iter().try_fold(kind.bytes, |size, &axis| size.checked_mul(axis)).filter(|&size| size <= most);
    let size =
        size.ok_or_else(|| format!("its header promises more than {most} bytes, the bound that data.memory sets"))?;
    let mut bytes = Vec::new();
    file.take(size as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    match bytes.len() {
        there if there < size => Err(format!("it ends after {there} of {size} bytes")),
        there if there > size => Err(format!("it goes on after the {size} bytes that its header promises")),
        _ => Ok((kind, Array { shape, bytes })),
    }
}

/// The type and the shape in a header such as `{'descr': '|u1', 'fortran_order': False, 'shape': (5, 28, 28), }`.
fn kind_and_shape(header: &str) -> Result<(Kind, Vec<usize>), String> {
    let value = |key: &str| {
        let (_, rest) = header.split_once(key)?;
        Some(rest.trim_start().strip_prefix(':')?.trim_start())
    };
    let descr = value("'descr'").ok_or("its header has no 'descr'")?;
    let kind = descr.strip_prefix('\'').and_then(|descr| Kind::parse(descr.split_once('\'')?.0));
    let kind = kind.ok_or("its values are not whole numbers: save pictures with .astype(numpy.uint8)")?;
    if !value("'fortran_order'").is_some_and(|order| order.starts_with("False")) {
        return Err("its values are in Fortran's order: save them with numpy.ascontiguousarray".to_owned());
    }
    let axes = value("'shape'").and_then(|shape| shape.strip_prefix('(')?.split_once(')'));
    let (axes, _) = axes.ok_or("its header has no 'shape'")?;
    let axes = axes.split(',').map(str::trim).filter(|axis| !axis.is_empty());
    let axes: Result<_, _> = axes.map(|axis| axis.parse().map_err(|_| "its 'shape' holds no whole numbers")).collect();
    Ok((kind, axes?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of version 1.
    fn file(header: &str, bytes: &[u8]) -> Vec<u8> {
        let length = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), bytes].concat()
    }

    #[test]
    fn an_array_of_numpy_is_read() {
        // python: import numpy, io; f = io.BytesIO(); numpy.save(f, numpy.arange(6, dtype='u1').reshape(1, 2, 3)); f.getvalue()
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 3), }";
        let padded = format!("{header:<117}\n");
        let found = read(&file(&padded, &[0, 1, 2, 3, 4, 5])[..], 6).expect("a good file");
        assert_eq!(found, Array { shape: vec![1, 2, 3], bytes: vec![0, 1, 2, 3, 4, 5] });
        let one = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }";
        assert_eq!(read(&file(one, &[7, 8])[..], 2).expect("one axis").shape, [2]);
    }

    #[test]
    fn whole_numbers_of_any_width_are_read() {
        // python: numpy.array([-2, 300], dtype=descr).tobytes()
        for (descr, bytes, expected) in [
            ("<i8", vec![254, 255, 255, 255, 255, 255, 255, 255, 44, 1, 0, 0, 0, 0, 0, 0], vec![-2, 300]),
            ("<i2", vec![254, 255, 44, 1], vec![-2, 300]),
            ("<u2", vec![254, 255, 44, 1], vec![65534, 300]),
            ("|i1", vec![254, 44], vec![-2, 44]),
            ("|u1", vec![254, 44], vec![254, 44]),
        ] {
            let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2,), }}");
            assert_eq!(read_integers(&file(&header, &bytes)[..], 16).expect(descr), expected, "{descr}");
        }
    }

    #[test]
    fn a_file_that_is_no_array_of_bytes_is_refused_with_the_reason() {
        let header = |descr: &str, order: &str, shape: &str| {
            format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}")
        };
        for (bytes, expected) in [
            (vec![], "shorter than its header"),
            (b"\x89PNG\r\n\x1a\n".to_vec(), "does not begin with"),
            (b"\x93NUMPY\x01\x00\xff\x0f{".to_vec(), "shorter than its header"),
            (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec(), "4294967295 bytes"),
            (file("{}", &[]), "no 'descr'"),
            (file(&header("<f4", "False", "(1,)"), &[0; 4]), "astype(numpy.uint8)"),
            (file(&header(">i4", "False", "(1,)"), &[0; 4]), "astype(numpy.uint8)"),
            (file(&header("<i4", "False", "(1,)"), &[0; 4]), "not unsigned bytes"),
            (file(&header("|u1", "True", "(1,)"), &[0]), "ascontiguousarray"),
            (file(&header("|u1", "False", "(1, -2)"), &[0]), "no whole numbers"),
            (file(&header("|u1", "False", "(1"), &[0]), "no 'shape'"),
            (file(&header("|u1", "False", "(3,)"), &[0]), "ends after 1 of 3"),
            (file(&header("|u1", "False", "(1,)"), &[0, 1]), "goes on"),
            (file(&header("|u1", "False", "(99999999, 99999999)"), &[0]), "promises more than"),
            (file(&header("|u1", "False", "(99999999, 99999999, 99999999)"), &[0]), "promises more than"),
        ] {
            let error = read(&bytes[..], 1 << 30).expect_err(expected);
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}
