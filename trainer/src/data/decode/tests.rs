use std::{collections::HashMap, path::Path};

use super::*;

/// What `record.py` made with Pillow.
#[derive(serde::Deserialize)]
struct Expected {
    /// Rows of pixels, by the name of a picture.
    colour: HashMap<String, Vec<Vec<[u8; 3]>>>,
    /// Rows of luma.
    grey: Vec<Vec<u8>>,
}

fn expected() -> Expected {
    serde_json::from_str(include_str!("expected.json")).expect("written by record.py")
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/data/decode").join(name)).expect("a picture")
}

fn target(shape: &str, crop: Crop) -> Target {
    Target { shape: shape.parse().expect("a shape"), crop, background: Background::default() }
}

/// The formula of `record.py`.
fn colours(height: usize, width: usize) -> Vec<u8> {
    let at = |x: usize, y: usize| [17 * x + 31 * y, 7 * x * x + 3 * y, (200 + 65_536 - 5 * x * y) % 256];
    (0..height).flat_map(|y| (0..width).flat_map(move |x| at(x, y).map(|level| level as u8))).collect()
}

#[test]
fn each_format_has_the_pixels_that_pillow_reads() {
    for (name, tolerance) in [
        ("palette.png", 0),
        ("sixteen.png", 0),
        ("grey-alpha.png", 1),
        ("alpha.png", 1),
        ("alpha.webp", 1),
        ("plain.bmp", 0),
        ("cmyk.jpg", 3),
        ("progressive.jpg", 2),
        ("turned.jpg", 2),
        ("animated.gif", 0),
        ("animated.webp", 0),
    ] {
        let rows = &expected().colour[name];
        let bytes = file(name);
        let found = header(&bytes).expect(name);
        assert_eq!(found.sides, [rows.len(), rows[0].len()], "{name}");
        let shape = format!("3x{}x{}", rows.len(), rows[0].len());
        let found = prepare(&bytes, target(&shape, Crop::Centre)).expect(name);
        let worst = found.pixels.iter().zip(rows.iter().flatten().flatten()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(tolerance), "{name}: {worst:?}");
        assert_eq!(found.transparent, ["palette.png", "alpha.png", "alpha.webp"].contains(&name), "{name}");
    }
}

#[test]
fn a_picture_is_cropped_and_resized_as_pillow_does_it() {
    let expected: Vec<u8> = expected().colour["centre"].iter().flatten().flatten().copied().collect();
    let faint: Vec<u8> = colours(10, 12).into_iter().map(|level| level / 2 + 64).collect();
    let found = prepare_pixels(&faint, [10, 12, 3], target("3x8x8", Crop::Centre)).pixels;
    let worst = found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst <= Some(1), "{worst:?}");
}

#[test]
fn a_picture_that_is_resized_in_strips_equals_one_of_a_single_strip() {
    let rows = |width: usize| -> Vec<u8> { (0..600).flat_map(|y| vec![(y * y / 7 % 251) as u8; width]).collect() };
    assert!(4096 * 600 > 2 * duel_resize::STRIP as usize && 600 * 600 < duel_resize::STRIP as usize);
    let [wide, square] =
        [4096, 600].map(|width| prepare_pixels(&rows(width), [600, width, 1], target("1x32x32", Crop::Centre)));
    assert_eq!(wide, square);
    assert!(wide.pixels.iter().max() > wide.pixels.iter().min());
}

#[test]
fn luma_is_that_of_pillow() {
    let found = prepare_pixels(&colours(10, 12), [10, 12, 3], target("1x10x12", Crop::Centre)).pixels;
    assert_eq!(found, expected().grey.concat());
}

#[test]
fn a_fitted_picture_stands_in_the_middle_of_the_background() {
    let fit = Target { background: Background([1, 2, 3]), ..target("3x8x16", Crop::Fit) };
    let found = prepare_pixels(&[200; 8 * 8], [8, 8, 1], fit).pixels;
    for (x, expected) in [(0, [1, 2, 3]), (3, [1, 2, 3]), (4, [200; 3]), (11, [200; 3]), (12, [1, 2, 3])] {
        assert_eq!(found[(7 * 16 + x) * 3..][..3], expected, "column {x}");
    }
    let one = prepare(&file("one.png"), target("3x8x8", Crop::Fit)).expect("a picture of one pixel");
    assert!(one.pixels.chunks_exact(3).all(|pixel| pixel == [9, 8, 7]));
}

#[test]
fn a_file_that_is_no_picture_has_a_reason() {
    let mut huge = file("one.png");
    huge[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    // The checksum of the header, so that only the size is wrong.
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&huge[12..29]);
    huge[29..33].copy_from_slice(&crc.to_be_bytes());
    for (bytes, expected) in [
        (vec![], "no PNG, JPEG"),
        (b"<html>".to_vec(), "no PNG, JPEG"),
        (file("plain.bmp")[..60].to_vec(), ""),
        (file("alpha.png")[..80].to_vec(), ""),
        (huge, "60000x60000 pixels need more than"),
    ] {
        let error = prepare(&bytes, target("3x8x8", Crop::Centre)).expect_err(expected);
        assert!(error.contains(expected) && error.lines().count() == 1, "{error}");
    }
}
