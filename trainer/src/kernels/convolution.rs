//! The 4×4 convolution of stride 2 and padding 1, its transpose, and the gradient of their weight.
//!
//! A [`Convolution`] takes an image of [height, width, inputs] to one of [height / 2, width / 2, outputs], sides
//! rounded down. There are two ways to compute it: with columns and one matrix product (`direct.rs`), or with fewer
//! multiplications (`winograd/`). The shape alone decides which.
//!
//! The gradient of a convolution's input is [`Convolution::transposed`] with the transposed weight. A transposed
//! convolution is the other way round: [`Convolution::transposed`] is its forward pass, and [`Convolution::forward`]
//! gives the gradient of its input.

use pulp::Arch;
use rayon::prelude::*;

pub(crate) use super::convolution_shape::Convolution;
use super::{direct::Direct, elementwise::PIECE, gemm::Write, storage::grown, winograd::Winograd};

/// Parts of the batch whose sums over images are computed in parallel, then added up as a binary tree.
const PARTS: usize = 8;

/// Channels from which on Winograd's way is as fast or faster. Measured on a Xeon with AVX-512, against the direct way:
/// 0.4 to 0.9 times as fast with 1 to 6 channels, 0.9 to 1.1 times with 8, 1.2 to 1.4 times with 12, 1.5 to 2.2 times
/// from 24 on.
const WINOGRAD_CHANNELS: usize = 8;

/// How a convolution is computed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    Direct(Direct),
    Winograd(Winograd),
}

impl Convolution {
    /// The faster way to convolve.
    fn way(self) -> Way {
        match Winograd::new(self) {
            Some(winograd) if self.inputs.min(self.outputs) >= WINOGRAD_CHANNELS => Way::Winograd(winograd),
            _ => Way::Direct(Direct(self)),
        }
    }

    /// The faster way to the weight's gradient. If an image is one tile, the products over the images of a part are too
    /// short for Winograd's way: 0.7 to 1.1 times as fast as the direct way.
    fn gradient_way(self) -> Way {
        match self.way() {
            Way::Winograd(winograd) if winograd.tiles() > 1 => Way::Winograd(winograd),
            _ => Way::Direct(Direct(self)),
        }
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
        match self.way() {
            Way::Direct(direct) => direct.forward(input, weight, output, finish),
            Way::Winograd(winograd) => winograd.forward(input, weight, output, finish),
        }
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
        match self.way() {
            Way::Direct(direct) => direct.transposed(output, weight, input, finish),
            Way::Winograd(winograd) => winograd.transposed(output, weight, input, finish),
        }
    }

    /// Gradient of the weight and of the bias behind it, summed over the images, from the input and the output:
    /// one of them holds gradients, the other activations.
    ///
    /// For a convolution `output` holds gradients, and the result is [16 inputs, outputs] and `[outputs]`. For a
    /// `transposed` one `input` holds gradients, and the result is [outputs, 16 inputs] and `[inputs]`. `scratch` keeps
    /// its memory from call to call.
    pub(crate) fn weight_gradient(
        self,
        images: [&[f32]; 2],
        transposed: bool,
        sink: &mut [f32],
        write: Write,
        scratch: &mut Vec<f32>,
    ) {
        self.weight_gradient_by(self.gradient_way(), images, transposed, sink, write, scratch);
    }

    /// Like [`weight_gradient`](Self::weight_gradient), in a given way.
    fn weight_gradient_by(
        self,
        way: Way,
        [output, input]: [&[f32]; 2],
        transposed: bool,
        sink: &mut [f32],
        write: Write,
        scratch: &mut Vec<f32>,
    ) {
        let images = output.len() / self.output_size();
        let length = sink.len();
        let sums = grown(scratch, PARTS * length);
        sums.par_chunks_exact_mut(length).enumerate().for_each(|(part, sum)| {
            let [from, to] = [part, part + 1].map(|part| part * images / PARTS);
            if from == to {
                return sum.fill(0.0);
            }
            let output = &output[from * self.output_size()..to * self.output_size()];
            let input = &input[from * self.input_size()..to * self.input_size()];
            let (weight, bias) = sum.split_at_mut(16 * self.inputs * self.outputs);
            match way {
                Way::Direct(direct) => direct.weight_gradient([output, input], transposed, weight),
                Way::Winograd(winograd) => winograd.weight_gradient([output, input], transposed, weight),
            }
            add_rows(if transposed { input } else { output }, bias);
        });
        add_parts(sums, sink, write);
    }
}

/// Writes the sum of the rows of `values`, [rows, sum.len()], into `sum`.
fn add_rows(values: &[f32], sum: &mut [f32]) {
    sum.fill(0.0);
    Arch::new().dispatch(|| {
        for row in values.chunks_exact(sum.len()) {
            sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    });
}

/// Adds up the sums of all parts as a binary tree, which is the same on any number of threads, and writes the result to
/// `sink` or adds it.
fn add_parts(sums: &[f32], sink: &mut [f32], write: Write) {
    let length = sink.len();
    let arch = Arch::new();
    sink.par_chunks_mut(PIECE).enumerate().for_each(|(index, sink)| {
        let part = |part: usize| &sums[part * length + index * PIECE..][..sink.len()];
        let [a, b, c, d, e, f, g, h]: [&[f32]; PARTS] = std::array::from_fn(part);
        arch.dispatch(|| {
            if write == Write::Replace {
                sink.fill(0.0);
            }
            let pairs = a.iter().zip(b).zip(c.iter().zip(d)).zip(e.iter().zip(f).zip(g.iter().zip(h)));
            for (sink, (((a, b), (c, d)), ((e, f), (g, h)))) in sink.iter_mut().zip(pairs) {
                *sink += ((a + b) + (c + d)) + ((e + f) + (g + h));
            }
        });
    });
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

    /// The three kernels in a given way: output, input, weight's gradient and transposed weight's gradient.
    fn compute(convolution: Convolution, way: Way, [output, input, weight]: [&[f32]; 3]) -> [Vec<f32>; 4] {
        let Convolution { inputs, outputs, .. } = convolution;
        let mut found =
            [output.len(), input.len(), weight.len() + outputs, weight.len() + inputs].map(|length| vec![7.0; length]);
        let turned: Vec<f32> =
            (0..weight.len()).map(|i| weight[i % (16 * inputs) * outputs + i / (16 * inputs)]).collect();
        match way {
            Way::Direct(direct) => {
                direct.forward(input, weight, &mut found[0], |_, _| ());
                direct.transposed(output, &turned, &mut found[1], |_, _| ());
            }
            Way::Winograd(winograd) => {
                winograd.forward(input, weight, &mut found[0], |_, _| ());
                winograd.transposed(output, &turned, &mut found[1], |_, _| ());
            }
        }
        for (transposed, sink) in [false, true].into_iter().zip(&mut found[2..]) {
            let images = [output, input];
            convolution.weight_gradient_by(way, images, transposed, sink, Write::Replace, &mut Vec::new());
        }
        found
    }

    fn ways(convolution: Convolution) -> [Way; 2] {
        let winograd = Winograd::new(convolution).expect("both sides of the output have two pixels");
        [Way::Direct(Direct(convolution)), Way::Winograd(winograd)]
    }

    /// Random output, input and weight.
    fn operands(stream: &mut Stream, convolution: Convolution, images: usize) -> [Vec<f32>; 3] {
        let sizes = [convolution.output_size(), convolution.input_size()].map(|size| images * size);
        [sizes[0], sizes[1], 16 * convolution.inputs * convolution.outputs].map(|count| random(stream, count))
    }

    #[test]
    fn both_ways_are_those_of_a_plain_loop_at_every_side() {
        let mut stream = Stream::new(2, "convolutions");
        // Channels below, at and between the lengths of vectors, and 17 images, which make chunks and parts unequal.
        let channels = [[1, 5], [3, 8], [4, 16], [7, 19], [24, 12], [20, 33]];
        let sides = (4..=64).map(|side| ([side, 68 - side], 1));
        let images = [([4, 4], 17), ([6, 9], 17), ([14, 14], 9), ([33, 16], 3)];
        for (index, ([height, width], images)) in sides.chain(images).enumerate() {
            let [inputs, outputs] = channels[if height * width > 1000 { index % 4 } else { index % channels.len() }];
            let convolution = Convolution { height, width, inputs, outputs };
            let [output, input, weight] = &operands(&mut stream, convolution, images);
            let mut exact = [output, input, weight, weight].map(|values| vec![0.0; values.len()]);
            each(convolution, images, |o, i, w| {
                let [output, input, weight] = [output[o], input[i], weight[w]].map(f64::from);
                exact[0][o] += input * weight;
                exact[1][i] += output * weight;
                exact[2][w] += output * input;
                exact[3][w % outputs * 16 * inputs + w / outputs] += output * input;
            });
            for way in ways(convolution) {
                let found = compute(convolution, way, [output, input, weight]);
                for (name, (found, exact)) in ["y", "x", "w", "w of transposed"].iter().zip(found.iter().zip(&exact)) {
                    // Relative to the root of the values' mean square. The largest error seen is 3.4e-6, the direct way's.
                    let scale = (exact.iter().map(|x| x * x).sum::<f64>() / exact.len() as f64).sqrt();
                    for (found, exact) in found.iter().zip(exact) {
                        let error = (f64::from(*found) - exact).abs() / scale;
                        assert!(error < 1e-5, "{way:?} {images} {name}: {found} for {exact}, error {error:e}");
                    }
                }
            }
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let mut stream = Stream::new(3, "convolutions");
        for [height, width, inputs, outputs, images] in [[14, 14, 16, 24, 21], [8, 6, 48, 32, 64], [33, 20, 16, 17, 5]]
        {
            let convolution = Convolution { height, width, inputs, outputs };
            let [output, input, weight] = &operands(&mut stream, convolution, images);
            for way in ways(convolution) {
                let [one, several] = [1, 5].map(|threads| {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
                    pool.install(|| compute(convolution, way, [output, input, weight]))
                });
                assert!(one == several, "{way:?}");
            }
        }
    }

    #[test]
    fn the_weight_gradient_is_a_binary_tree_of_eight_parts() {
        let mut stream = Stream::new(4, "convolutions");
        let convolution = Convolution { height: 10, width: 9, inputs: 16, outputs: 17 };
        let [output, input, weight] = &operands(&mut stream, convolution, PARTS);
        for way in ways(convolution) {
            // A batch of one image is one part, to which seven zeros are added.
            let mut sums: Vec<Vec<f32>> = (0..PARTS)
                .map(|part| {
                    let [output, input] = [output, input].map(|values| values.chunks(values.len() / PARTS).nth(part));
                    let images = [output, input].map(|image| image.expect("an image for each part"));
                    compute(convolution, way, [images[0], images[1], weight])[2].clone()
                })
                .collect();
            while sums.len() > 1 {
                let add = |pair: &[Vec<f32>]| pair[0].iter().zip(&pair[1]).map(|(a, b)| a + b).collect();
                sums = sums.chunks_exact(2).map(add).collect();
            }
            assert!(compute(convolution, way, [output, input, weight])[2] == sums[0], "{way:?}");
        }
    }
}
