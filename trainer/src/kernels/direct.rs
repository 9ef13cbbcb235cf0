//! A convolution as one matrix product of columns.
//!
//! The columns are [output pixels, 16 inputs]: a row for each pixel of the output, which holds the 4×4 pixels of the
//! input under the kernel.

use std::cell::RefCell;

use pulp::Arch;
use rayon::prelude::*;

use super::{
    convolution_shape::Convolution,
    gemm::{Matrix, Write, serial},
    storage::grown,
};

/// Bytes of the columns of the images in a matrix product: they stay in the second-level cache.
const COLUMN_BYTES: usize = 1 << 20;

thread_local! {
    /// Buffer for the columns of a chunk.
    static COLUMNS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// A convolution by columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Direct(pub Convolution);

impl Direct {
    fn column_size(self) -> usize {
        self.0.output_pixels() * 16 * self.0.inputs
    }

    /// Images per matrix product, at most four.
    fn chunk(self) -> usize {
        (COLUMN_BYTES / (size_of::<f32>() * self.column_size())).clamp(1, 4)
    }

    /// Like [`Convolution::forward`].
    pub(super) fn forward(
        self,
        input: &[f32],
        weight: &[f32],
        output: &mut [f32],
        finish: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let Convolution { inputs, outputs, .. } = self.0;
        let weight = Matrix::new(weight, 16 * inputs, outputs);
        let size = self.chunk() * self.0.output_size();
        let input = input.par_chunks(self.chunk() * self.0.input_size());
        output.par_chunks_mut(size).zip(input).enumerate().for_each(|(index, (output, input))| {
            self.with_columns(input.len() / self.0.input_size(), |columns| {
                self.gather(input, columns);
                let rows = columns.len() / (16 * inputs);
                serial(Matrix::new(columns, rows, 16 * inputs), weight, output, Write::Replace);
            });
            finish(index * size, output);
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
        let Convolution { inputs, outputs, .. } = self.0;
        let weight = Matrix::new(weight, outputs, 16 * inputs);
        let size = self.chunk() * self.0.input_size();
        let output = output.par_chunks(self.chunk() * self.0.output_size());
        input.par_chunks_mut(size).zip(output).enumerate().for_each(|(index, (input, output))| {
            self.with_columns(input.len() / self.0.input_size(), |columns| {
                let rows = output.len() / outputs;
                serial(Matrix::new(output, rows, outputs), weight, columns, Write::Replace);
                self.scatter(columns, input);
            });
            finish(index * size, input);
        });
    }

    /// Writes the gradient of the weight into `sum`, summed over some images, on the calling thread.
    pub(super) fn weight_gradient(self, [output, input]: [&[f32]; 2], transposed: bool, sum: &mut [f32]) {
        let Convolution { inputs, outputs, .. } = self.0;
        let input = input.chunks(self.chunk() * self.0.input_size());
        for (index, (output, input)) in output.chunks(self.chunk() * self.0.output_size()).zip(input).enumerate() {
            self.with_columns(output.len() / self.0.output_size(), |columns| {
                self.gather(input, columns);
                let rows = output.len() / outputs;
                let output = Matrix::new(output, rows, outputs);
                let columns = Matrix::new(columns, rows, 16 * inputs);
                let (a, b) = if transposed { (output, columns) } else { (columns, output) };
                serial(a.transposed(), b, sum, if index == 0 { Write::Replace } else { Write::Add });
            });
        }
    }

    fn with_columns(self, images: usize, body: impl FnOnce(&mut [f32])) {
        COLUMNS.with_borrow_mut(|buffer| {
            body(grown(buffer, images * self.column_size()));
        });
    }

    /// Copies each input pixel to the columns of the output pixels whose kernel covers it; taps beyond the edges are 0.
    fn gather(self, images: &[f32], columns: &mut [f32]) {
        let Convolution { height, width, inputs, .. } = self.0;
        let line_size = width * inputs;
        for (image, columns) in
            images.chunks_exact(self.0.input_size()).zip(columns.chunks_exact_mut(self.column_size()))
        {
            for (y, row) in columns.chunks_exact_mut(width / 2 * 16 * inputs).enumerate() {
                for (x, pixel) in row.chunks_exact_mut(16 * inputs).enumerate() {
                    for (ky, taps) in pixel.chunks_exact_mut(4 * inputs).enumerate() {
                        // Tap (ky, kx) of the output pixel (y, x) is the input pixel (2y + ky - 1, 2x + kx - 1).
                        let Some(line) = (2 * y + ky).checked_sub(1).filter(|&line| line < height) else {
                            taps.fill(0.0);
                            continue;
                        };
                        let line = &image[line * line_size..][..line_size];
                        let (from, to) = (if x == 0 { inputs } else { 0 }, (width + 1 - 2 * x).min(4) * inputs);
                        taps[..from].fill(0.0);
                        taps[to..].fill(0.0);
                        taps[from..to].copy_from_slice(&line[2 * x * inputs + from - inputs..][..to - from]);
                    }
                }
            }
        }
    }

    /// Adds up, for each input pixel, the up to four taps that [`gather`](Self::gather) copies the pixel to.
    fn scatter(self, columns: &[f32], images: &mut [f32]) {
        let Convolution { height, width, inputs, .. } = self.0;
        let [rows, across] = [height / 2, width / 2];
        let arch = Arch::new();
        for (image, columns) in
            images.chunks_exact_mut(self.0.input_size()).zip(columns.chunks_exact(self.column_size()))
        {
            arch.dispatch(|| {
                for (line, values) in image.chunks_exact_mut(width * inputs).enumerate() {
                    let vertical = covering(line, rows);
                    for (column, pixel) in values.chunks_exact_mut(inputs).enumerate() {
                        let horizontal = covering(column, across);
                        let tap = |(y, ky): (usize, usize), (x, kx): (usize, usize)| {
                            &columns[((y * across + x) * 16 + ky * 4 + kx) * inputs..][..inputs]
                        };
                        match (vertical, horizontal) {
                            ([Some(y1), Some(y2)], [Some(x1), Some(x2)]) => {
                                let (a, b, c, d) = (tap(y1, x1), tap(y1, x2), tap(y2, x1), tap(y2, x2));
                                for ((((pixel, a), b), c), d) in pixel.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                                    *pixel = (a + b) + (c + d);
                                }
                            }
                            _ => {
                                pixel.fill(0.0);
                                let vertical = vertical.iter().flatten();
                                for (y, x) in vertical.flat_map(|&y| horizontal.iter().flatten().map(move |&x| (y, x)))
                                {
                                    pixel.iter_mut().zip(tap(y, x)).for_each(|(pixel, tap)| *pixel += tap);
                                }
                            }
                        }
                    }
                }
            });
        }
    }
}

/// Returns, along one axis of `outputs` output positions, those whose kernel covers the input position `at`, each with
/// the tap that covers it.
#[inline(always)]
fn covering(at: usize, outputs: usize) -> [Option<(usize, usize)>; 2] {
    // at = 2 y + k - 1
    let (near, tap) = (at.div_ceil(2), (at + 1) % 2);
    let first = (near < outputs).then_some((near, tap));
    let second = near.checked_sub(1).map(|before| (before, tap + 2));
    [first, second]
}
