//! The transposed convolution as an operation of tract.

use std::sync::Arc;

use tract_onnx::{prelude::*, tract_hir::tract_core::internal::*};

use crate::{
    kernels::{PackedMatrix, Rows},
    layer::{Activation, Weight, equal_if_same, scatters},
};

/// Taps of the 4×4 kernel.
const TAPS: usize = 16;

/// A transposed convolution of 4×4, stride 2 and padding 1, with its activation:
/// [N, height × width × inputs] -> [N, 2 height × 2 width × outputs].
///
/// Each output pixel is a sum over four input pixels, two rows by two columns, with four of the sixteen taps. The four
/// taps depend on whether the output row and the output column are even or odd: these are four phases. So the layer is
/// four products, one per phase, whose rows are gathered from four pixels. With 1 or 3 output channels, the four
/// products would leave most of each vector empty. Such a layer is one product that computes all taps of all output
/// channels for each input pixel; each output pixel then adds up four of these values.
#[derive(Debug, Clone)]
pub(crate) struct ConvTranspose(Arc<ConvTransposeWeights>);

#[derive(Debug)]
struct ConvTransposeWeights {
    inputs: usize,
    outputs: usize,
    /// Height of the input in pixels.
    height: usize,
    /// Width of the input in pixels.
    width: usize,
    /// Four phases of [4 taps × inputs, outputs]; if it [`scatters`], one matrix [inputs, 16 taps × outputs].
    weights: Vec<PackedMatrix>,
    bias: Vec<f32>,
    activation: Activation,
}

impl ConvTranspose {
    /// The layer for an input of `[height, width]` pixels, with `weight` [inputs, outputs, 4, 4] and `bias` [outputs].
    pub fn new(weight: &Weight, bias: &Weight, [height, width]: [usize; 2], activation: Activation) -> Self {
        let [inputs, outputs] = [weight.dims[0], weight.dims[1]];
        let at = |input: usize, output: usize, y: usize, x: usize| {
            weight.value(((input * outputs + output) * 4 + y) * 4 + x)
        };
        let weights = if scatters(outputs) {
            vec![PackedMatrix::new(inputs, TAPS * outputs, |input, column| {
                let (tap, output) = (column / outputs, column % outputs);
                at(input, output, tap / 4, tap % 4)
            })]
        } else {
            // An even output row uses kernel row 3 on the input row above and kernel row 1 on its own input row; an odd
            // output row uses kernel row 2 on its own input row and kernel row 0 on the input row below. The same holds
            // for columns.
            let phase = |y: usize, x: usize| {
                PackedMatrix::new(4 * inputs, outputs, |row, output| {
                    let (tap, input) = (row / inputs, row % inputs);
                    at(input, output, 3 - y - tap / 2 * 2, 3 - x - tap % 2 * 2)
                })
            };
            vec![phase(0, 0), phase(0, 1), phase(1, 0), phase(1, 1)]
        };
        let bias = (0..outputs).map(|at| bias.value(at)).collect();
        Self(Arc::new(ConvTransposeWeights { inputs, outputs, height, width, weights, bias, activation }))
    }
}

impl ConvTransposeWeights {
    /// Computes one sample as four products of gathered rows.
    fn gather(&self, x: &[f32], out: &mut [f32]) {
        let &Self { inputs, outputs, height, width, .. } = self;
        let padded = width + 2;
        let mut framed = vec![0.0; (height + 2) * padded * inputs];
        for (y, row) in x.chunks_exact(width * inputs).enumerate() {
            framed[((y + 1) * padded + 1) * inputs..][..row.len()].copy_from_slice(row);
        }
        let taps = [0, 1, padded, padded + 1].map(|pixel| pixel * inputs);
        for (phase, weights) in self.weights.iter().enumerate() {
            let (down, right) = (phase / 2, phase % 2);
            let pixels = || (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
            let from: Vec<usize> = pixels().map(|(y, x)| ((y + down) * padded + x + right) * inputs).collect();
            let to: Vec<usize> =
                pixels().map(|(y, x)| ((2 * y + down) * 2 * width + 2 * x + right) * outputs).collect();
            let rows = Rows { from: &from, taps: &taps, to: &to };
            weights.product(&framed, &rows, |_| &self.bias, self.activation.slope(), out);
        }
    }

    /// Computes one sample of `C` output channels as one product, and scatters its results over the output pixels.
    fn scatter<const C: usize>(&self, x: &[f32], out: &mut [f32]) {
        let &Self { inputs, height, width, .. } = self;
        let columns = TAPS * C;
        let mut taps = vec![0.0; height * width * columns];
        let [from, to] = [inputs, columns].map(|size| (0..height * width).map(|at| at * size).collect::<Vec<_>>());
        let rows = Rows { from: &from, taps: &[0], to: &to };
        self.weights[0].product(x, &rows, |_| [[0.0; C]; TAPS].as_flattened(), 1.0, &mut taps);
        let out = out.as_chunks_mut::<C>().0;
        out.fill(std::array::from_fn(|channel| self.bias[channel]));
        let [tall, wide] = [2 * height, 2 * width];
        for (pixel, taps) in taps.chunks_exact(columns).enumerate() {
            let (top, left) = (2 * (pixel / width), 2 * (pixel % width));
            for (tap, values) in taps.as_chunks::<C>().0.iter().enumerate() {
                let (y, x) = (top + tap / 4, left + tap % 4);
                if (1..=tall).contains(&y) && (1..=wide).contains(&x) {
                    let pixel = &mut out[(y - 1) * wide + x - 1];
                    (0..C).for_each(|channel| pixel[channel] += values[channel]);
                }
            }
        }
        let slope = self.activation.slope();
        out.as_flattened_mut().iter_mut().for_each(|y| *y = y.max(slope * *y));
    }
}

impl EvalOp for ConvTranspose {
    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let layer = &*self.0;
        let pixels = layer.height * layer.width;
        let mut out = Tensor::zero::<f32>(&[inputs[0].shape()[0], 4 * pixels * layer.outputs])?;
        let mut values = out.try_as_plain_ram_mut()?;
        let x = inputs[0].try_as_plain_ram()?;
        let samples = x.as_slice::<f32>()?.chunks_exact(pixels * layer.inputs);
        for (x, out) in samples.zip(values.as_slice_mut::<f32>()?.chunks_exact_mut(4 * pixels * layer.outputs)) {
            match layer.outputs {
                1 => layer.scatter::<1>(x, out),
                3 => layer.scatter::<3>(x, out),
                _ => layer.gather(x, out),
            }
            layer.activation.finish(out);
        }
        Ok(tvec![out.into()])
    }

    op_out_of_plan!();
}

impl Op for ConvTranspose {
    fn name(&self) -> StaticName {
        "ConvTranspose".into()
    }

    op_as_typed_op!();
}

impl TypedOp for ConvTranspose {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let ConvTransposeWeights { height, width, outputs, .. } = *self.0;
        Ok(tvec![f32::fact([inputs[0].shape[0].clone(), (4 * height * width * outputs).to_dim()])])
    }

    as_op!();
}

equal_if_same!(ConvTranspose);
