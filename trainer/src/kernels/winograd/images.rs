//! The transforms of images to the points and back, tile by tile and vector by vector of channels.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::{
    super::convolution_shape::Convolution,
    axis::Planes,
    points::{both, keep_first, load, outputs_to_points, pixels_to_points, points_to_outputs, points_to_pixels, store},
};

/// An offset beyond every image, and still so after more is added.
const OUTSIDE: usize = usize::MAX / 4;

/// Offset in an image of [.., length, size values] along one axis, for the pixel `folded` of the folded image's
/// phase 0 or 1; [`OUTSIDE`] for the padding.
#[inline(always)]
fn pixel(folded: usize, phase: usize, length: usize, size: usize) -> usize {
    // Tap k = 2 s + phase of the output pixel y is the pixel 2 y + k - 1 = 2 (y + s) + phase - 1.
    match (2 * folded + phase).checked_sub(1) {
        Some(at) if at < length => at * size,
        _ => OUTSIDE,
    }
}

/// Calls a method with the number of points of the tile as constants, [rows, columns].
macro_rules! for_tile {
    ($tiling:expr, $row:expr, $column:expr, $self:ident.$method:ident($($argument:expr),*)) => {
        match ($tiling.rows.points_of($row), $tiling.columns.points_of($column)) {
            (3, 3) => $self.$method::<S, 2, 2, 3, 3>($($argument),*),
            (3, _) => $self.$method::<S, 2, 3, 3, 4>($($argument),*),
            (_, 3) => $self.$method::<S, 3, 2, 4, 3>($($argument),*),
            _ => $self.$method::<S, 3, 3, 4, 4>($($argument),*),
        }
    };
}

/// Calls a method for every tile of every image.
macro_rules! for_tiles {
    ($simd:ident, $self:ident, $method:ident) => {{
        let tiling = $self.planes.tiling;
        for image in 0..$self.planes.images {
            for row in 0..tiling.rows.tiles() {
                for column in 0..tiling.columns.tiles() {
                    for_tile!(tiling, row, column, $self.$method($simd, image, [row, column]));
                }
            }
        }
    }};
}

/// Calls `$body` for each vector of `$channels` channels, with whether the vector is full, its first channel, its lanes,
/// and the number of its first lanes that the vector before it had already. Instead of a short vector at the end there
/// is a full one that overlaps the one before it, because short loads and stores are slow.
macro_rules! for_vectors {
    ($channels:expr, |$full:ident, $at:ident, $lanes:ident, $done:ident| $body:block) => {{
        let (channels, whole) = ($channels, $channels / S::F32_LANES * S::F32_LANES);
        for $at in (0..whole).step_by(S::F32_LANES) {
            const $full: bool = true;
            let ($lanes, $done) = (S::F32_LANES, 0);
            $body
        }
        if whole < channels && whole > 0 {
            const $full: bool = true;
            let $at = channels - S::F32_LANES;
            let ($lanes, $done) = (S::F32_LANES, whole - $at);
            $body
        } else if whole < channels {
            const $full: bool = false;
            let ($at, $lanes, $done) = (0, channels, 0);
            $body
        }
    }};
}
pub(super) use for_vectors;

/// Bᵀ X B of each tile of the folded images, for some of the four phases.
pub(super) struct InputsToPoints<'a> {
    pub shape: Convolution,
    pub phases: Range<usize>,
    pub images: &'a [f32],
    /// Layout of `points`: the channels of each phase one after another.
    pub planes: Planes,
    pub points: &'a mut [f32],
}

impl WithSimd for InputsToPoints<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for_tiles!(simd, self, tile);
    }
}

impl InputsToPoints<'_> {
    #[inline(always)]
    fn tile<S: Simd, const M: usize, const N: usize, const P: usize, const Q: usize>(
        &mut self,
        simd: S,
        image: usize,
        tile: [usize; 2],
    ) {
        let Convolution { height, width, inputs, .. } = self.shape;
        let image_size = self.shape.input_size();
        let from = &self.images[image * image_size..][..image_size];
        let [top, left] = [self.planes.tiling.rows.start(tile[0]), self.planes.tiling.columns.start(tile[1])];
        let places = self.planes.places::<P, Q>(image, tile);
        for (index, phase) in self.phases.clone().enumerate() {
            let lines: [usize; P] = std::array::from_fn(|r| pixel(top + r, phase / 2, height, width * inputs));
            let columns: [usize; Q] = std::array::from_fn(|s| pixel(left + s, phase % 2, width, inputs));
            for_vectors!(inputs, |FULL, at, lanes, _done| {
                let mut x = [[simd.splat_f32s(0.0); Q]; P];
                for (x, line) in x.iter_mut().zip(&lines) {
                    for (x, column) in x.iter_mut().zip(&columns) {
                        *x = load::<S, FULL>(simd, from, line + column + at, lanes);
                    }
                }
                let x = both(x, |x| pixels_to_points(simd, x), |x| pixels_to_points(simd, x));
                for (place, x) in places.iter().flatten().zip(x.iter().flatten()) {
                    store::<S, FULL>(simd, self.points, place + index * inputs + at, lanes, *x);
                }
            });
        }
    }
}

/// The transpose of [`InputsToPoints`], for all phases: B V Bᵀ of each tile, added up where tiles overlap.
pub(super) struct PointsToInputs<'a> {
    pub shape: Convolution,
    pub planes: Planes,
    pub points: &'a [f32],
    pub images: &'a mut [f32],
}

impl WithSimd for PointsToInputs<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for_tiles!(simd, self, tile);
    }
}

impl PointsToInputs<'_> {
    #[inline(always)]
    fn tile<S: Simd, const M: usize, const N: usize, const P: usize, const Q: usize>(
        &mut self,
        simd: S,
        image: usize,
        tile: [usize; 2],
    ) {
        let Convolution { height, width, inputs, .. } = self.shape;
        let image_size = self.shape.input_size();
        let to = &mut self.images[image * image_size..][..image_size];
        let [top, left] = [self.planes.tiling.rows.start(tile[0]), self.planes.tiling.columns.start(tile[1])];
        let places = self.planes.places::<P, Q>(image, tile);
        // The first row and column of a folded tile are the last ones of the tiles before it.
        let [above, before] = tile.map(|index| index > 0);
        for phase in 0..4 {
            let lines: [usize; P] = std::array::from_fn(|r| pixel(top + r, phase / 2, height, width * inputs));
            let columns: [usize; Q] = std::array::from_fn(|s| pixel(left + s, phase % 2, width, inputs));
            for_vectors!(inputs, |FULL, at, lanes, done| {
                let mut v = [[simd.splat_f32s(0.0); Q]; P];
                for (place, v) in places.iter().flatten().zip(v.iter_mut().flatten()) {
                    *v = load::<S, FULL>(simd, self.points, place + phase * inputs + at, lanes);
                }
                let x = both(v, |v| points_to_pixels(simd, v), |v| points_to_pixels(simd, v));
                for (r, (x, line)) in x.iter().zip(&lines).enumerate() {
                    for (s, (x, column)) in x.iter().zip(&columns).enumerate() {
                        let (pixel, mut value) = (line + column + at, *x);
                        if (r == 0 && above) || (s == 0 && before) {
                            let sum = load::<S, FULL>(simd, to, pixel, lanes);
                            value = keep_first(simd, sum, simd.add_f32s(value, sum), done);
                        }
                        store::<S, FULL>(simd, to, pixel, lanes, value);
                    }
                }
            });
        }
    }
}

/// A Y Aᵀ of each tile of the outputs.
pub(super) struct OutputsToPoints<'a> {
    pub shape: Convolution,
    pub images: &'a [f32],
    pub planes: Planes,
    pub points: &'a mut [f32],
}

impl WithSimd for OutputsToPoints<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for_tiles!(simd, self, tile);
    }
}

impl OutputsToPoints<'_> {
    #[inline(always)]
    fn tile<S: Simd, const M: usize, const N: usize, const P: usize, const Q: usize>(
        &mut self,
        simd: S,
        image: usize,
        tile: [usize; 2],
    ) {
        let first = first_output(self.shape, self.planes, image, tile);
        let Convolution { width, outputs, .. } = self.shape;
        let places = self.planes.places::<P, Q>(image, tile);
        for_vectors!(outputs, |FULL, at, lanes, _done| {
            let mut y = [[simd.splat_f32s(0.0); N]; M];
            for (r, y) in y.iter_mut().enumerate() {
                for (s, y) in y.iter_mut().enumerate() {
                    let pixel = first + (r * (width / 2) + s) * outputs;
                    *y = load::<S, FULL>(simd, self.images, pixel + at, lanes);
                }
            }
            let v: [[S::f32s; Q]; P] = both(y, |y| outputs_to_points(simd, y), |y| outputs_to_points(simd, y));
            for (place, v) in places.iter().flatten().zip(v.iter().flatten()) {
                store::<S, FULL>(simd, self.points, place + at, lanes, *v);
            }
        });
    }
}

/// The transpose of [`OutputsToPoints`]: Aᵀ V A of each tile.
pub(super) struct PointsToOutputs<'a> {
    pub shape: Convolution,
    pub planes: Planes,
    pub points: &'a [f32],
    pub images: &'a mut [f32],
}

impl WithSimd for PointsToOutputs<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for_tiles!(simd, self, tile);
    }
}

impl PointsToOutputs<'_> {
    #[inline(always)]
    fn tile<S: Simd, const M: usize, const N: usize, const P: usize, const Q: usize>(
        &mut self,
        simd: S,
        image: usize,
        tile: [usize; 2],
    ) {
        let first = first_output(self.shape, self.planes, image, tile);
        let Convolution { width, outputs, .. } = self.shape;
        let places = self.planes.places::<P, Q>(image, tile);
        for_vectors!(outputs, |FULL, at, lanes, _done| {
            let mut v = [[simd.splat_f32s(0.0); Q]; P];
            for (place, v) in places.iter().flatten().zip(v.iter_mut().flatten()) {
                *v = load::<S, FULL>(simd, self.points, place + at, lanes);
            }
            let y: [[S::f32s; N]; M] = both(v, |v| points_to_outputs(simd, v), |v| points_to_outputs(simd, v));
            for (r, y) in y.iter().enumerate() {
                for (s, y) in y.iter().enumerate() {
                    let pixel = first + (r * (width / 2) + s) * outputs;
                    store::<S, FULL>(simd, self.images, pixel + at, lanes, *y);
                }
            }
        });
    }
}

/// Offset of a tile's first output pixel.
#[inline(always)]
fn first_output(shape: Convolution, planes: Planes, image: usize, [row, column]: [usize; 2]) -> usize {
    let [top, left] = [planes.tiling.rows.start(row), planes.tiling.columns.start(column)];
    image * shape.output_size() + (top * (shape.width / 2) + left) * shape.outputs
}
