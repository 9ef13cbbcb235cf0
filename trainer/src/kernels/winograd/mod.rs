//! A convolution with fewer multiplications: Winograd's minimal filtering, as in Lavin and Gray 2016, "Fast algorithms
//! for convolutional neural networks". The transforms are those of Cook and Toom (Cook 1966; Blahut 2010, section 5.2).
//!
//! **Folding.** Tap k of the output pixel y is the input pixel 2 y + k - 1, along each axis. With k = 2 s + phase it is
//! the pixel y + s of an image that holds every second pixel. So a 4×4 convolution of stride 2 is a 2×2 convolution of
//! stride 1 of the folded image: half as high and wide, with the input channels of four phases, (row phase, column
//! phase) = (0, 0), (0, 1), (1, 0), (1, 1). The folded image is never stored: the transforms read it from the image.
//!
//! **One axis.** A tile of M output pixels y reads M + 1 pixels x of the folded image through two taps w. The transposed
//! convolution multiplies the polynomials y(t) and w(t). Their product has degree M, so that its values at M + 1 points
//! determine it, and at each point it is one multiplication: x = B [(G w) ⊙ (A y)], where A and G evaluate a polynomial
//! at the points and B interpolates. The point ∞ stands for the highest coefficient. The three kernels are one
//! trilinear form in x, y and w, so that the other two follow by transposing matrices:
//!
//! | kernel | along one axis | along both axes |
//! |---|---|---|
//! | [`Winograd::forward`] | y = Aᵀ [(G w) ⊙ (Bᵀ x)] | Y = Aᵀ [(G W Gᵀ) ⊙ (Bᵀ X B)] A |
//! | [`Winograd::transposed`] | x = B [(G w) ⊙ (A y)] | X = B [(G W Gᵀ) ⊙ (A Y Aᵀ)] Bᵀ, added up where tiles overlap |
//! | [`Winograd::weight_gradient`] | w = Gᵀ [(A y) ⊙ (Bᵀ x)] | W = Gᵀ [Σ (A Y Aᵀ) ⊙ (Bᵀ X B)] G, over tiles and images |
//!
//! **Tiles.** A tile of 2×2 output pixels has 3×3 pairs of points: 9 multiplications for 16. A tile of 3×3 has 16 for 36.
//! Tiles of 2 have the first three of the points 0, ∞, 1, -1 of tiles of 3, and so both share a transformed weight: an
//! axis of 7 pixels is cut into 3 + 2 + 2. Against double precision the results have 1.1 to 2.2 times the rounding error
//! of the direct way. Tiles of 4 have 25 for 64, but need the point 2, and have 2 to 8 times the error.
//!
//! **Products.** At each pair of points all tiles of all images in a chunk are rows of one matrix, and the ⊙ together
//! with the sum over channels is one matrix product.

mod axis;
mod images;
mod points;
mod weights;

use std::{
    cell::{Cell, RefCell},
    ops::Range,
};

use pulp::Arch;
use rayon::prelude::*;

use self::{
    axis::{Axis, PADDING, Planes, Tiling},
    images::{InputsToPoints, OutputsToPoints, PointsToInputs, PointsToOutputs},
    weights::Weights,
};
use super::{
    convolution_shape::Convolution,
    gemm::{Matrix, Write, serial},
    storage::grown,
};

/// Rows of the products of a chunk of images, at least, all pairs of points together. Measured on a Xeon with 2 MB of
/// second-level cache: with twice as many the values at the points leave that cache, with half as many the weights are
/// read too often.
const CHUNK_ROWS: usize = 400;

/// The same for the gradient of the weight, where each chunk reads and writes the sums at the points.
const GRADIENT_ROWS: usize = 800;

/// Images of a chunk, at most: a batch of 64 is work for eight threads.
const MOST_IMAGES: usize = 8;

/// Values of the weight's gradient at the points, at most, up to which all phases are computed at once: they stay in
/// the second-level cache.
const GRADIENT_VALUES: usize = 1 << 18;

thread_local! {
    /// Values at the points, of a chunk of images.
    static VALUES: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
    /// A weight at the points, which all threads read. It is taken out while it is used, because this thread may begin
    /// another convolution while it waits for the other threads.
    static WEIGHT: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// A convolution of images that are cut into tiles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Winograd {
    shape: Convolution,
    tiling: Tiling,
}

impl Winograd {
    /// Cuts the output into tiles; nothing if an axis has only one pixel.
    pub(super) fn new(shape: Convolution) -> Option<Self> {
        let [rows, columns] = [shape.height / 2, shape.width / 2];
        Some(Self { shape, tiling: Tiling { rows: Axis::new(rows)?, columns: Axis::new(columns)? } })
    }

    /// Tiles of an image.
    pub(super) fn tiles(self) -> usize {
        self.tiling.rows.tiles() * self.tiling.columns.tiles()
    }

    /// Images per chunk, for products of `rows` rows: a power of two, so that the chunks of a batch are equal.
    fn chunk(self, rows: usize) -> usize {
        rows.div_ceil(self.tiling.values()).next_power_of_two().min(MOST_IMAGES)
    }

    fn planes(self, images: usize, channels: usize) -> Planes {
        Planes { tiling: self.tiling, images, channels }
    }

    /// Layout of some phases of the weight at the points.
    fn weights(self, transposed: bool, phases: usize) -> Weights {
        let Convolution { inputs, outputs, .. } = self.shape;
        let width = if transposed { inputs } else { inputs * outputs };
        Weights { points: self.tiling.points(), width, plane: phases * inputs * outputs }
    }

    /// Like [`Convolution::forward`].
    pub(super) fn forward(
        self,
        input: &[f32],
        weight: &[f32],
        output: &mut [f32],
        finish: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let shape = self.shape;
        let chunk = self.chunk(CHUNK_ROWS);
        let size = chunk * shape.output_size();
        self.with_weight(weight, false, |weight| {
            let pieces = output.par_chunks_mut(size).zip(input.par_chunks(chunk * shape.input_size())).enumerate();
            pieces.for_each(|(index, (output, input))| {
                let count = input.len() / shape.input_size();
                let [from, to] = [4 * shape.inputs, shape.outputs].map(|channels| self.planes(count, channels));
                with_buffers([from.length(), to.length()], |[x, y]| {
                    let gather = InputsToPoints { shape, phases: 0..4, images: input, planes: from, points: x };
                    Arch::new().dispatch(gather);
                    multiply([from, to], x, weight, y);
                    Arch::new().dispatch(PointsToOutputs { shape, planes: to, points: y, images: output });
                });
                finish(index * size, output);
            });
        });
    }

    /// Like [`Convolution::transposed`].
    pub(super) fn transposed(
        self,
        output: &[f32],
        weight: &[f32],
        input: &mut [f32],
        finish: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let shape = self.shape;
        let chunk = self.chunk(CHUNK_ROWS);
        let size = chunk * shape.input_size();
        self.with_weight(weight, true, |weight| {
            let pieces = input.par_chunks_mut(size).zip(output.par_chunks(chunk * shape.output_size())).enumerate();
            pieces.for_each(|(index, (input, output))| {
                let count = input.len() / shape.input_size();
                let [from, to] = [shape.outputs, 4 * shape.inputs].map(|channels| self.planes(count, channels));
                with_buffers([from.length(), to.length()], |[y, x]| {
                    Arch::new().dispatch(OutputsToPoints { shape, images: output, planes: from, points: y });
                    multiply([from, to], y, weight, x);
                    Arch::new().dispatch(PointsToInputs { shape, planes: to, points: x, images: input });
                });
                finish(index * size, input);
            });
        });
    }

    /// Calls `body` with the weight at the points.
    fn with_weight(self, weight: &[f32], transposed: bool, body: impl FnOnce(&[f32])) {
        let layout = self.weights(transposed, 4);
        let mut buffer = WEIGHT.take();
        let planes = aligned(&mut buffer, layout.length());
        layout.to_points(weight, planes);
        body(planes);
        WEIGHT.set(buffer);
    }

    /// Writes the gradient of the weight into `sum`, summed over some images, on the calling thread.
    pub(super) fn weight_gradient(self, images: [&[f32]; 2], transposed: bool, sum: &mut [f32]) {
        let Convolution { inputs, outputs, .. } = self.shape;
        let phases = if self.weights(transposed, 4).length() <= GRADIENT_VALUES { 4 } else { 1 };
        let layout = self.weights(transposed, phases);
        let chunk = self.chunk(GRADIENT_ROWS).min(images[0].len() / self.shape.output_size());
        let lengths = [outputs, phases * inputs].map(|channels| self.planes(chunk, channels).length());
        with_buffers([layout.length(), lengths[0], lengths[1]], |[sums, y, x]| {
            for first in (0..4).step_by(phases) {
                let phases = first..first + phases;
                self.sums(images, chunk, phases.clone(), [&mut *sums, &mut *y, &mut *x], transposed);
                layout.to_taps(sums, phases, sum);
            }
        });
    }

    /// Writes Σ (A Y Aᵀ) ⊙ (Bᵀ X B) over tiles and images, for some phases, into the first of the buffers. The other
    /// two are for the values at the points; Y's are still there from the phases before if the images are one chunk.
    fn sums(
        self,
        [output, input]: [&[f32]; 2],
        chunk: usize,
        phases: Range<usize>,
        [sums, y, x]: [&mut [f32]; 3],
        transposed: bool,
    ) {
        let shape = self.shape;
        let layout = self.weights(transposed, phases.len());
        let several = output.len() > chunk * shape.output_size();
        let chunks = output.chunks(chunk * shape.output_size()).zip(input.chunks(chunk * shape.input_size()));
        for (index, (output, input)) in chunks.enumerate() {
            let count = output.len() / shape.output_size();
            let [of_y, of_x] =
                [shape.outputs, phases.len() * shape.inputs].map(|channels| self.planes(count, channels));
            if phases.start == 0 || several {
                Arch::new().dispatch(OutputsToPoints { shape, images: output, planes: of_y, points: y });
            }
            let gather = InputsToPoints { shape, phases: phases.clone(), images: input, planes: of_x, points: x };
            Arch::new().dispatch(gather);
            let write = if index == 0 { Write::Replace } else { Write::Add };
            for (pair, sum) in sums.chunks_exact_mut(layout.stride()).enumerate() {
                let [y, x] = [of_y.matrix(y, pair), of_x.matrix(x, pair)];
                let (a, b) = if transposed { (y, x) } else { (x, y) };
                serial(a.transposed(), b, &mut sum[..layout.plane], write);
            }
        }
    }
}

/// Multiplies each plane of `values` by the plane of the weight at the same pair of points.
fn multiply([from, to]: [Planes; 2], values: &[f32], weight: &[f32], products: &mut [f32]) {
    let size = from.channels * to.channels;
    for (pair, weight) in weight.chunks_exact(size + PADDING).enumerate() {
        let weight = Matrix::new(&weight[..size], from.channels, to.channels);
        serial(from.matrix(values, pair), weight, &mut products[to.plane(pair)], Write::Replace);
    }
}

/// Returns `length` values of `buffer`, the first of them at the begin of a cache line: a vector that straddles two
/// lines costs twice as much.
fn aligned(buffer: &mut Vec<f32>, length: usize) -> &mut [f32] {
    let values = grown(buffer, length + LINE);
    let start = values.as_ptr().align_offset(LINE * size_of::<f32>());
    &mut values[start..][..length]
}

/// Values in a cache line.
const LINE: usize = 16;

/// Calls `body` with buffers of the given lengths, whose contents are left over from earlier use.
fn with_buffers<const N: usize>(lengths: [usize; N], body: impl FnOnce([&mut [f32]; N])) {
    VALUES.with_borrow_mut(|buffer| {
        let places = lengths.map(|length| length.next_multiple_of(LINE));
        let mut rest = aligned(buffer, places.iter().sum());
        body(lengths.map(|length| {
            let place = rest.split_off_mut(..length.next_multiple_of(LINE)).expect("the buffer has all lengths");
            &mut place[..length]
        }));
    });
}
