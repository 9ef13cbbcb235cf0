//! Resizes a picture.
//!
//! `fast_image_resize` is generic: its machine code is generated in the crate that calls it, 440,000 of the trainer's 2.37
//! million lines of LLVM code (28 November 2026), and once more for the trainer's tests. In a crate without tests it is
//! generated once. One pixel type for all pictures, because each one would get machine code of its own.

use fast_image_resize::{
    CropBox, FilterType, ResizeAlg, ResizeOptions, Resizer,
    images::{TypedImage, TypedImageRef},
    pixels::U8x4,
};
use image::{DynamicImage, RgbaImage};

/// Pixels of a strip that is resized at a time: 4 MB.
pub const STRIP: u32 = 1 << 20;

/// The part around the centre with the aspect ratio of `width` and `height`, resized to them: Lanczos with a window of 3,
/// widened where a picture shrinks, so that fine patterns do not alias (Parmar et al. 2022, section 3).
///
/// Only a strip of a large picture is RGBA at a time. The error is the reason.
pub fn scaled(picture: DynamicImage, [width, height]: [u32; 2]) -> Result<RgbaImage, String> {
    let (wide, high) = (picture.width(), picture.height());
    if [wide, high] == [width, height] {
        return Ok(picture.into_rgba8());
    }
    let part = CropBox::fit_src_into_dst_size(wide, high, width, height, Some((0.5, 0.5)));
    let rows = (STRIP / wide).clamp(1, high);
    let mut narrow = RgbaImage::new(width, high);
    for (top, into) in (0..high).step_by(rows as usize).zip(narrow.chunks_mut((4 * width * rows) as usize)) {
        let strip = picture.crop_imm(0, top, wide, rows.min(high - top)).into_rgba8();
        let across = CropBox { top: 0.0, height: strip.height().into(), ..part };
        resize(&strip, [width, strip.height()], into, across)?;
    }
    drop(picture);
    let mut small = RgbaImage::new(width, height);
    let down = CropBox { left: 0.0, width: width.into(), ..part };
    resize(&narrow, [width, height], &mut small, down)?;
    Ok(small)
}

/// Resizes `part` of a picture to `[width, height]`. Colours count as much as they are opaque.
fn resize(picture: &RgbaImage, [width, height]: [u32; 2], into: &mut [u8], part: CropBox) -> Result<(), String> {
    let from = TypedImageRef::<U8x4>::from_buffer(picture.width(), picture.height(), picture.as_raw());
    let from = from.map_err(|why| why.to_string())?;
    let mut into = TypedImage::<U8x4>::from_buffer(width, height, into).map_err(|why| why.to_string())?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    let options = options.crop(part.left, part.top, part.width, part.height);
    Resizer::new().resize_typed(&from, &mut into, &options).map_err(|why| why.to_string())
}
