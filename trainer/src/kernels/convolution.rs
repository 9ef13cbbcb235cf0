//! The 4×4 convolution of stride 2 and padding 1, its transpose, and the gradient of their weight.
//!
//! A [`Convolution`] takes an image of [height, width, inputs] to one of [height / 2, width / 2, outputs], sides
//! rounded down. All three kernels go through columns, [output pixels, 16 inputs]: a row for each pixel of the output,
//! which holds the 4×4 pixels of the input under the kernel. One matrix product leads from the columns to the output
//! image.
//!
//! The gradient of a convolution's input is [`Convolution::transposed`] with the transposed weight. A transposed
//! convolution is the other way round: [`Convolution::transposed`] is its forward pass, and [`Convolution::forward`]
//! gives the gradient of its input.

use std::cell::RefCell;

use pulp::Arch;
use rayon::prelude::*;

use super::{
    elementwise::PIECE,
    gemm::{Matrix, Write, serial},
    storage::grown,
};

/// Sizes of a convolution's images.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Convolution {
    /// Rows of the input; the output has half as many, rounded down.
    pub height: usize,
    /// Columns of the input; the output has half as many, rounded down.
    pub width: usize,
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
}

/// Images per matrix product: their columns stay in the second-level cache, and the product is long enough to run at
/// full speed. Measured on one core of a Xeon with 14×14 images of 64 channels and 128 output channels (196 rows of
/// 1024 values, 800 kB): 190 GFLOP/s with four images, 160 with one.
const CHUNK: usize = 4;

/// Partial sums of a weight's gradient that are computed in parallel, then added up in order.
const PARTS: usize = 8;

thread_local! {
    /// Buffer for the columns of a chunk.
    static COLUMNS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl Convolution {
    fn output_pixels(self) -> usize {
        (self.height / 2) * (self.width / 2)
    }

    fn output_size(self) -> usize {
        self.output_pixels() * self.outputs
    }

    fn input_size(self) -> usize {
        self.height * self.width * self.inputs
    }

    fn column_size(self) -> usize {
        self.output_pixels() * 16 * self.inputs
    }

    /// Convolves [N, height, width, inputs] into [N, height / 2, width / 2, outputs], with `weight` as
    /// [16 inputs, outputs].
    ///
    /// `finish` is called with each piece of the output while the piece is in the cache, and with the piece's offset.
    pub(crate) fn forward(
        self,
        input: &[f32],
        weight: &[f32],
        output: &mut [f32],
        finish: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let weight = Matrix::new(weight, 16 * self.inputs, self.outputs);
        let size = CHUNK * self.output_size();
        let pieces = output.par_chunks_mut(size).zip(input.par_chunks(CHUNK * self.input_size())).enumerate();
        pieces.for_each(|(index, (output, input))| {
            self.with_columns(input.len() / self.input_size(), |columns| {
                self.gather(input, columns);
                let rows = columns.len() / (16 * self.inputs);
                serial(Matrix::new(columns, rows, 16 * self.inputs), weight, output, Write::Replace);
            });
            finish(index * size, output);
        });
    }

    /// Transposed convolution: [N, height / 2, width / 2, outputs] into [N, height, width, inputs], with `weight` as
    /// [outputs, 16 inputs]; `finish` as in [`forward`](Self::forward).
    pub(crate) fn transposed(
        self,
        output: &[f32],
        weight: &[f32],
        input: &mut [f32],
        finish: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let weight = Matrix::new(weight, self.outputs, 16 * self.inputs);
        let size = CHUNK * self.input_size();
        let pieces = input.par_chunks_mut(size).zip(output.par_chunks(CHUNK * self.output_size())).enumerate();
        pieces.for_each(|(index, (input, output))| {
            self.with_columns(input.len() / self.input_size(), |columns| {
                let rows = output.len() / self.outputs;
                serial(Matrix::new(output, rows, self.outputs), weight, columns, Write::Replace);
                self.scatter(columns, input);
            });
            finish(index * size, input);
        });
    }

    /// Gradient of the weight and of the bias behind it, summed over the images, from the input and the output:
    /// one of them holds gradients, the other activations.
    ///
    /// For a convolution `output` holds gradients, and the result is [16 inputs, outputs] and `[outputs]`. For a
    /// `transposed` one `input` holds gradients, and the result is [outputs, 16 inputs] and `[inputs]`. `scratch` keeps
    /// its memory from call to call.
    pub(crate) fn weight_gradient(
        self,
        [output, input]: [&[f32]; 2],
        transposed: bool,
        sink: &mut [f32],
        write: Write,
        scratch: &mut Vec<f32>,
    ) {
        let images = output.len() / self.output_size();
        let part = images.div_ceil(PARTS).next_multiple_of(CHUNK);
        let sums = grown(scratch, images.div_ceil(part) * sink.len());
        let parts = output.par_chunks(part * self.output_size()).zip(input.par_chunks(part * self.input_size()));
        sums.par_chunks_mut(sink.len()).zip(parts).for_each(|(sum, images)| self.partial_sum(images, transposed, sum));
        let length = sink.len();
        let arch = Arch::new();
        sink.par_chunks_mut(PIECE).enumerate().for_each(|(index, sink)| {
            arch.dispatch(|| {
                if write == Write::Replace {
                    sink.fill(0.0);
                }
                for sum in sums.chunks_exact(length) {
                    sink.iter_mut().zip(&sum[index * PIECE..]).for_each(|(sink, value)| *sink += value);
                }
            });
        });
    }

    /// Writes the [`weight_gradient`](Self::weight_gradient) of some images into `sum`, on the calling thread.
    fn partial_sum(self, (output, input): (&[f32], &[f32]), transposed: bool, sum: &mut [f32]) {
        let (sum, bias) = sum.split_at_mut(16 * self.inputs * self.outputs);
        bias.fill(0.0);
        let chunks = output.chunks(CHUNK * self.output_size()).zip(input.chunks(CHUNK * self.input_size()));
        for (index, (output, input)) in chunks.enumerate() {
            self.with_columns(output.len() / self.output_size(), |columns| {
                self.gather(input, columns);
                let rows = output.len() / self.outputs;
                let output = Matrix::new(output, rows, self.outputs);
                let columns = Matrix::new(columns, rows, 16 * self.inputs);
                let (a, b) = if transposed { (output, columns) } else { (columns, output) };
                serial(a.transposed(), b, sum, if index == 0 { Write::Replace } else { Write::Add });
            });
            let gradient = if transposed { input } else { output };
            Arch::new().dispatch(|| {
                for pixel in gradient.chunks_exact(bias.len()) {
                    bias.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value);
                }
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
        let Self { height, width, inputs, .. } = self;
        let line_size = width * inputs;
        for (image, columns) in images.chunks_exact(self.input_size()).zip(columns.chunks_exact_mut(self.column_size()))
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
        let Self { height, width, inputs, .. } = self;
        let [rows, across] = [height / 2, width / 2];
        let arch = Arch::new();
        for (image, columns) in images.chunks_exact_mut(self.input_size()).zip(columns.chunks_exact(self.column_size()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use duel_models::random::Stream;

    fn random(stream: &mut Stream, count: usize) -> Vec<f32> {
        (0..count).map(|_| stream.normal() as f32).collect()
    }

    /// Calls `body` for every output value, input value and weight that a convolution joins, by the definition.
    fn each(convolution: Convolution, images: usize, mut body: impl FnMut(usize, usize, usize)) {
        let Convolution { height, width, inputs, outputs } = convolution;
        let (rows, across) = (height / 2, width / 2);
        for (image, y, x, ky, kx) in (0..images * rows * across * 16)
            .map(|i| (i / (rows * across * 16), i / (across * 16) % rows, i / 16 % across, i / 4 % 4, i % 4))
        {
            let (Some(line), Some(column)) = ((2 * y + ky).checked_sub(1), (2 * x + kx).checked_sub(1)) else {
                continue;
            };
            if line >= height || column >= width {
                continue;
            }
            for (o, i) in (0..outputs).flat_map(|o| (0..inputs).map(move |i| (o, i))) {
                let output = ((image * rows + y) * across + x) * outputs + o;
                let input = ((image * height + line) * width + column) * inputs + i;
                body(output, input, ((ky * 4 + kx) * inputs + i) * outputs + o);
            }
        }
    }

    fn close(found: &[f32], expected: &[f64], what: &str) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 2e-4, "{what}: {found} for {expected}");
        }
    }

    #[test]
    fn all_three_are_those_of_a_plain_loop_at_any_shape() {
        let mut stream = Stream::new(1, "convolutions");
        let mut shapes = vec![
            [2, 2, 1, 1, 1],
            [3, 3, 2, 2, 3],
            [7, 7, 2, 3, 5],
            [14, 14, 1, 3, 5],
            [4, 4, 3, 1, 9],
            [14, 14, 8, 16, 2],
            [2, 9, 3, 2, 4],
            [16, 24, 3, 5, 2],
        ];
        shapes.extend((0..12).map(|_| {
            let mut below = |most| 1 + stream.below(most);
            [1 + below(15), 1 + below(15), below(20), below(20), below(11)]
        }));
        for [height, width, inputs, outputs, images] in shapes {
            let convolution = Convolution { height, width, inputs, outputs };
            let what = format!("{convolution:?} {images}");
            let columns = 16 * inputs;
            let weight = random(&mut stream, columns * outputs);
            let turned: Vec<f32> = (0..weight.len()).map(|i| weight[i % columns * outputs + i / columns]).collect();
            let output = random(&mut stream, images * convolution.output_size());
            let input = random(&mut stream, images * convolution.input_size());
            let mut exact = [vec![0.0; output.len()], vec![0.0; input.len()], vec![0.0; weight.len()]];
            each(convolution, images, |o, i, w| {
                let [output, input, weight] = [output[o], input[i], weight[w]].map(f64::from);
                exact[0][o] += input * weight;
                exact[1][i] += output * weight;
                exact[2][w] += output * input;
            });
            let sums = |values: &[f32], channels: usize| -> Vec<f64> {
                let sum = |channel| values.iter().skip(channel).step_by(channels).map(|&value| f64::from(value)).sum();
                (0..channels).map(sum).collect()
            };
            exact[2].extend(sums(&output, outputs));
            let mut found = [output.clone(), input.clone(), vec![7.0; exact[2].len()]];
            convolution.forward(&input, &weight, &mut found[0], |_, _| ());
            convolution.transposed(&output, &turned, &mut found[1], |_, _| ());
            convolution.weight_gradient([&output, &input], false, &mut found[2], Write::Replace, &mut Vec::new());
            for (found, exact) in found.iter().zip(&exact) {
                close(found, exact, &what);
            }
            let mut added = [&turned[..], &vec![1.0; inputs]].concat();
            convolution.weight_gradient([&output, &input], true, &mut added, Write::Add, &mut Vec::new());
            let weights =
                (0..turned.len()).map(|i| f64::from(turned[i]) + exact[2][i % columns * outputs + i / columns]);
            let expected: Vec<f64> = weights.chain(sums(&input, inputs).into_iter().map(|sum| 1.0 + sum)).collect();
            close(&added, &expected, &what);
        }
    }
}
