//! Biases, activations, maxout, dropout masks, and their gradients.

use duel_models::picture::tanh;
use pulp::Arch;
use rayon::prelude::*;

use super::{
    activation::{Activation, LEAK},
    gemm::Write,
};

/// Values in a piece of work: enough to be worth a thread, few enough to stay in the first-level cache.
pub(crate) const PIECE: usize = 16_384;

/// Rows of `columns` values in a piece of work.
pub(crate) fn rows_per_piece(columns: usize) -> usize {
    (PIECE / columns).max(1)
}

/// y = activation(y + bias) in place, where `values` is [rows, columns]. A bias shorter than a row belongs to the first
/// columns.
pub(crate) fn activate(values: &mut [f32], bias: &[f32], columns: usize, activation: Activation) {
    values
        .par_chunks_mut(rows_per_piece(columns) * columns)
        .for_each(|rows| activate_serial(rows, bias, columns, activation));
}

/// Like [`activate`], on the calling thread.
pub(crate) fn activate_serial(rows: &mut [f32], bias: &[f32], columns: usize, activation: Activation) {
    Arch::new().dispatch(|| {
        for row in rows.chunks_exact_mut(columns) {
            row.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
        }
        activate_in_dispatch(rows, activation);
    });
}

/// y = activation(y) in place, inside a dispatch to the CPU's vector instructions.
#[inline(always)]
pub(crate) fn activate_in_dispatch(values: &mut [f32], activation: Activation) {
    match activation {
        Activation::None => {}
        Activation::Relu => values.iter_mut().for_each(|y| *y = y.max(0.0)),
        Activation::LeakyRelu => values.iter_mut().for_each(|y| *y = if *y > 0.0 { *y } else { LEAK * *y }),
        Activation::Tanh => values.iter_mut().for_each(|y| *y = tanh(*y)),
        Activation::Sigmoid => values.iter_mut().for_each(|y| *y = tanh(0.5 * *y)),
    }
}

/// gradient *= activation'(x) in place; every slope follows from y = activation(x) alone.
pub(crate) fn activation_gradient(gradient: &mut [f32], y: &[f32], activation: Activation) {
    if activation != Activation::None {
        let pieces = gradient.par_chunks_mut(PIECE).zip(y.par_chunks(PIECE));
        pieces.for_each(|(gradient, y)| activation_gradient_serial(gradient, y, activation));
    }
}

/// Like [`activation_gradient`], on the calling thread.
pub(crate) fn activation_gradient_serial(gradient: &mut [f32], y: &[f32], activation: Activation) {
    Arch::new().dispatch(|| slope_in_dispatch(gradient, y, activation));
}

/// Like [`activation_gradient`], inside a dispatch to the CPU's vector instructions.
#[inline(always)]
pub(crate) fn slope_in_dispatch(gradient: &mut [f32], y: &[f32], activation: Activation) {
    let pairs = gradient.iter_mut().zip(y);
    match activation {
        Activation::None => {}
        Activation::Relu => pairs.for_each(|(g, y)| *g = if *y > 0.0 { *g } else { 0.0 }),
        Activation::LeakyRelu => pairs.for_each(|(g, y)| *g = if *y > 0.0 { *g } else { LEAK * *g }),
        Activation::Tanh => pairs.for_each(|(g, y)| *g *= 1.0 - y * y),
        Activation::Sigmoid => pairs.for_each(|(g, y)| *g *= 0.5 * (1.0 - y * y)),
    }
}

/// Gradient of a bias: the sums of the first `bias.len()` columns of `gradient`, [rows, columns], over all rows.
pub(crate) fn bias_gradient(gradient: &[f32], columns: usize, bias: &mut [f32], write: Write) {
    let arch = Arch::new();
    let sums: Vec<Vec<f32>> = gradient
        .par_chunks(rows_per_piece(columns) * columns)
        .map(|rows| {
            let mut sum = vec![0.0; bias.len()];
            arch.dispatch(|| {
                for row in rows.chunks_exact(columns) {
                    sum.iter_mut().zip(row).for_each(|(b, g)| *b += g);
                }
            });
            sum
        })
        .collect();
    if write == Write::Replace {
        bias.fill(0.0);
    }
    for sum in sums {
        bias.iter_mut().zip(sum).for_each(|(b, g)| *b += g);
    }
}

/// y = the largest of each `pieces` successive values of `x`.
pub(crate) fn maxout(x: &[f32], y: &mut [f32], pieces: usize) {
    y.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE * pieces)).for_each(|(y, x)| {
        for (y, x) in y.iter_mut().zip(x.chunks_exact(pieces)) {
            *y = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        }
    });
}

/// Gradient of the input of [`maxout`]: the gradient of the output goes to the first of the largest values, 0 to the
/// others.
pub(crate) fn maxout_gradient(x: &[f32], y: &[f32], gradient: &[f32], below: &mut [f32], pieces: usize) {
    let given = y.par_chunks(PIECE).zip(gradient.par_chunks(PIECE));
    let groups = below.par_chunks_mut(PIECE * pieces).zip(x.par_chunks(PIECE * pieces));
    groups.zip(given).for_each(|((below, x), (y, gradient))| {
        below.fill(0.0);
        let groups = below.chunks_exact_mut(pieces).zip(x.chunks_exact(pieces));
        for ((below, x), (y, g)) in groups.zip(y.iter().zip(gradient)) {
            if let Some(largest) = x.iter().position(|x| x == y) {
                below[largest] = *g;
            }
        }
    });
}

/// y = (scale · x + shift) · mask
pub(crate) fn scale_and_mask(x: &[f32], mask: &[f32], y: &mut [f32], [scale, shift]: [f32; 2]) {
    y.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE).zip(mask.par_chunks(PIECE))).for_each(|(y, (x, mask))| {
        y.iter_mut().zip(x.iter().zip(mask)).for_each(|(y, (x, mask))| *y = (scale * x + shift) * mask);
    });
}

#[cfg(test)]
mod tests {
    use duel_models::random::Stream;

    use super::*;

    const ACTIVATIONS: [Activation; 5] =
        [Activation::None, Activation::Relu, Activation::LeakyRelu, Activation::Tanh, Activation::Sigmoid];

    /// The value and the derivative of an activation, in double precision.
    fn exactly(activation: Activation, x: f64) -> [f64; 2] {
        match activation {
            Activation::None => [x, 1.0],
            Activation::Relu => [x.max(0.0), if x > 0.0 { 1.0 } else { 0.0 }],
            Activation::LeakyRelu if x > 0.0 => [x, 1.0],
            Activation::LeakyRelu => [f64::from(LEAK) * x, LEAK.into()],
            Activation::Tanh => [x.tanh(), 1.0 - x.tanh().powi(2)],
            // The sigmoid, scaled to the range of images, [-1, 1]: 2 sigmoid(x) - 1.
            Activation::Sigmoid => {
                let y = 2.0 / (1.0 + (-x).exp()) - 1.0;
                [y, 0.5 * (1.0 - y * y)]
            }
        }
    }

    fn random(stream: &mut Stream, count: usize) -> Vec<f32> {
        (0..count).map(|_| 2.0 * stream.normal() as f32).collect()
    }

    fn close(found: f32, exact: f64, what: &str) {
        assert!((f64::from(found) - exact).abs() <= 1e-5 * exact.abs().max(1.0), "{what}: {found} for {exact}");
    }

    #[test]
    fn activations_and_biases_equal_a_plain_loop_at_any_shape() {
        let mut stream = Stream::new(1, "elements");
        let mut shapes = vec![[1, 1, 1], [1, 20_000, 20_000], [20_000, 1, 1], [129, 128, 128], [3, 784, 1]];
        shapes.extend(
            (0..10)
                .map(|_| [1 + stream.below(200), 1 + stream.below(300)])
                .map(|[rows, columns]| [rows, columns, 1 + (rows * 7 + columns) % columns]),
        );
        for ([rows, columns, biases], activation) in
            shapes.into_iter().flat_map(|shape| ACTIVATIONS.map(|a| (shape, a)))
        {
            let what = format!("{activation:?} {rows} {columns} {biases}");
            let (x, bias) = (random(&mut stream, rows * columns), random(&mut stream, biases));
            let upstream = random(&mut stream, rows * columns);
            let (mut y, mut gradient) = (x.clone(), upstream.clone());
            activate(&mut y, &bias, columns, activation);
            activation_gradient(&mut gradient, &y, activation);
            let mut sums = vec![0.0; columns];
            for (at, x) in x.iter().enumerate() {
                let summand = bias.get(at % columns).copied().unwrap_or_default();
                let [value, slope] = exactly(activation, (x + summand).into());
                close(y[at], value, &what);
                close(gradient[at], f64::from(upstream[at]) * slope, &what);
                sums[at % columns] += f64::from(gradient[at]);
            }
            let mut found = vec![1.0; biases];
            for write in [Write::Replace, Write::Add] {
                bias_gradient(&gradient, columns, &mut found, write);
            }
            for (found, exact) in found.iter().zip(&sums) {
                assert!((f64::from(*found) - 2.0 * exact).abs() <= 1e-5 * (rows as f64).max(1.0), "{what}");
            }
        }
    }

    #[test]
    fn maxout_and_masks_equal_a_plain_loop_at_any_shape() {
        let mut stream = Stream::new(2, "elements");
        for _ in 0..12 {
            let (count, pieces) = (1 + stream.below(40_000), 1 + stream.below(6));
            // Rounded, so that some values are equal: the gradient goes to the first of the largest values.
            let x: Vec<f32> = random(&mut stream, count * pieces).iter().map(|x| x.round()).collect();
            let (upstream, mut y, mut below) = (random(&mut stream, count), vec![7.0; count], vec![7.0; x.len()]);
            maxout(&x, &mut y, pieces);
            maxout_gradient(&x, &y, &upstream, &mut below, pieces);
            for at in 0..count {
                let group = &x[at * pieces..][..pieces];
                let mut first = 0;
                for (place, value) in group.iter().enumerate() {
                    if *value > group[first] {
                        first = place;
                    }
                }
                let expected: Vec<f32> =
                    (0..pieces).map(|place| if place == first { upstream[at] } else { 0.0 }).collect();
                assert_eq!((y[at], &below[at * pieces..][..pieces]), (group[first], &expected[..]));
            }
            let mask = random(&mut stream, count);
            let mut dropped = vec![7.0; count];
            scale_and_mask(&x[..count], &mask, &mut dropped, [0.5, 0.25]);
            for ((found, x), mask) in dropped.iter().zip(&x).zip(&mask) {
                close(*found, (0.5 * f64::from(*x) + 0.25) * f64::from(*mask), "masked");
            }
        }
    }
}
