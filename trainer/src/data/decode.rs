//! One encoded picture: its size, and its pixels at the size that is trained on.

use std::io::Cursor;

use duel_models::{Shape, text::showable};
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, RgbaImage, metadata::Orientation};

use crate::recipe::{Background, Crop};

/// The most memory of a decoded picture, in bytes: 67 megapixels in colour.
const DECODED_MAX: u64 = 192 << 20;
/// The longest side of a picture that is read, in pixels.
const SIDE_MAX: u32 = 1 << 16;

/// What the first bytes of a picture say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// `[height, width]` as the picture is meant to be seen.
    pub(super) sides: [usize; 2],
    /// Whether the format has colour channels; the pixels may still be grey.
    pub(super) has_colour: bool,
}

/// Reads the size of a picture from its first bytes. The error is the reason.
pub(super) fn header(bytes: &[u8]) -> Result<Header, String> {
    let mut decoder = decoder(bytes)?;
    let (width, height) = decoder.dimensions();
    let turned = turns(decoder.orientation().unwrap_or(Orientation::NoTransforms));
    let sides = if turned { [width, height] } else { [height, width] };
    Ok(Header { sides: sides.map(|side| side as usize), has_colour: decoder.color_type().has_color() })
}

/// A picture at the size that is trained on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prepared {
    /// Bytes, [height, width, channels].
    pub(super) pixels: Vec<u8>,
    /// Whether the picture had transparent pixels.
    pub(super) transparent: bool,
}

/// The form that every picture of a set gets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    /// Channels, height and width.
    pub(super) shape: Shape,
    /// The part that is kept.
    pub(super) crop: Crop,
    /// The colour behind transparent pixels and beside a fitted picture.
    pub(super) background: Background,
}

/// Decodes a picture, turns it as its EXIF orientation says, crops and resizes it. The error is the reason.
pub(super) fn prepare(bytes: &[u8], target: Target) -> Result<Prepared, String> {
    let mut decoder = decoder(bytes)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = DynamicImage::from_decoder(decoder).map_err(|why| showable(&why.to_string()))?;
    resized(picture, orientation, target)
}

/// Decodes a picture, and crops and resizes it to `shape`: the bytes, [height, width, channels]. The error is the
/// reason.
pub fn decoded(bytes: &[u8], shape: Shape) -> Result<Vec<u8>, String> {
    header(bytes)?;
    let target = Target { shape, crop: Crop::Centre, background: Background::default() };
    prepare(bytes, target).map(|prepared| prepared.pixels)
}

/// Prepares pixels of 1, 3 or 4 channels, [height, width, channels].
pub(super) fn prepare_pixels(pixels: &[u8], [height, width, channels]: [usize; 3], target: Target) -> Prepared {
    let (width, height, pixels) = (width as u32, height as u32, pixels.to_vec());
    let picture = match channels {
        1 => image::GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        3 => image::RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        _ => image::RgbaImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8),
    };
    let picture = picture.expect("as many pixels as the sides say");
    resized(picture, Orientation::NoTransforms, target).expect("an array has sides from 1 on")
}

/// Opens a picture by its first bytes, whatever its name, with bounds on its size.
fn decoder(bytes: &[u8]) -> Result<impl ImageDecoder + '_, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|why| why.to_string())?;
    if reader.format().is_none() {
        return Err("it is no PNG, JPEG, WebP, GIF or BMP".to_owned());
    }
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODED_MAX);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|why| showable(&why.to_string()))?;
    let (width, height) = decoder.dimensions();
    if decoder.total_bytes() > DECODED_MAX {
        return Err(format!("{height}x{width} pixels need more than {} MB", DECODED_MAX >> 20));
    }
    if width == 0 || height == 0 {
        return Err("it has no pixels".to_owned());
    }
    Ok(decoder)
}

/// Crops, resizes, turns, lays transparent pixels on the background, and converts between grey and colour.
fn resized(picture: DynamicImage, orientation: Orientation, target: Target) -> Result<Prepared, String> {
    let Target { shape, crop, .. } = target;
    // The small picture is turned, not the large one: the crop around the centre is the same.
    let turned = turns(orientation);
    let wanted = if turned { [shape.height, shape.width] } else { [shape.width, shape.height] };
    let [width, height] = match crop {
        Crop::Centre => wanted.map(|side| side as u32),
        Crop::Fit => fitted([picture.width(), picture.height()], wanted.map(|side| side as u32)),
    };
    let mut small = DynamicImage::from(duel_resize::scaled(picture, [width, height])?);
    small.apply_orientation(orientation);
    let small = small.into_rgba8();
    let transparent = small.pixels().any(|pixel| pixel.0[3] < 255);
    Ok(Prepared { pixels: placed(&small, target), transparent })
}

/// Whether an orientation exchanges width and height.
fn turns(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// The largest `[width, height]` with the aspect ratio of a picture that fits into `most`.
fn fitted(sides: [u32; 2], most: [u32; 2]) -> [u32; 2] {
    let [width, height] = sides.map(u64::from);
    let [wide, high] = most.map(u64::from);
    let rounded = |product: u64, by: u64| ((2 * product + by) / (2 * by)).max(1) as u32;
    if width * high >= height * wide {
        [most[0], rounded(height * wide, width).min(most[1])]
    } else {
        [rounded(width * high, height).min(most[0]), most[1]]
    }
}

/// The bytes of the target's shape, with a picture that is no larger in the middle.
fn placed(picture: &RgbaImage, Target { shape, background: Background(background), .. }: Target) -> Vec<u8> {
    let paint = |pixel: [u8; 3]| if shape.channels == 1 { vec![luma(pixel)] } else { pixel.to_vec() };
    let mut pixels = paint(background).repeat(shape.pixels());
    let corner =
        [shape.height - picture.height() as usize, shape.width - picture.width() as usize].map(|rest| rest / 2);
    for (x, y, pixel) in picture.enumerate_pixels() {
        let at = (corner[0] + y as usize) * shape.width + corner[1] + x as usize;
        let [red, green, blue, alpha] = pixel.0;
        let colour = std::array::from_fn(|c| over([red, green, blue][c], background[c], alpha));
        let into = &mut pixels[at * shape.channels..][..shape.channels];
        if shape.channels == 1 { into[0] = luma(colour) } else { into.copy_from_slice(&colour) }
    }
    pixels
}

/// A level of `alpha` of 255 over another one.
fn over(level: u8, below: u8, alpha: u8) -> u8 {
    let [level, below, alpha] = [level, below, alpha].map(u32::from);
    ((level * alpha + below * (255 - alpha) + 127) / 255) as u8
}

/// The luma of a colour: ITU-R BT.601, as PIL's `convert("L")` computes it.
fn luma([red, green, blue]: [u8; 3]) -> u8 {
    ((19_595 * u32::from(red) + 38_470 * u32::from(green) + 7_471 * u32::from(blue) + 0x8000) >> 16) as u8
}

/// Whether every pixel of [N, 3] bytes is grey.
pub(super) fn is_grey(pixels: &[u8]) -> bool {
    pixels.chunks_exact(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
}

#[cfg(test)]
mod tests;
