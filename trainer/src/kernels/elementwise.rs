//! Bias, activations and their gradients, a row at a time.

use duel_models::pixels::tanh;
use pulp::Arch;
use rayon::prelude::*;

use crate::networks::{Activation, LEAK};

/// Values of a piece of work: worth a thread, and few enough to stay in the nearest cache.
pub(super) const PIECE: usize = 16_384;

/// Rows of a piece of work.
pub(super) fn piece(columns: usize) -> usize {
    (PIECE / columns).max(1)
}

/// y = activation(y + bias), where `values` is [rows, columns]; a bias shorter than a row is that of its first columns.
pub(super) fn activate(values: &mut [f32], bias: &[f32], columns: usize, activation: Activation) {
    values.par_chunks_mut(piece(columns) * columns).for_each(|rows| finish(rows, bias, columns, activation));
}

/// As [`activate`], on this thread.
pub(super) fn finish(rows: &mut [f32], bias: &[f32], columns: usize, activation: Activation) {
    Arch::new().dispatch(|| {
        for row in rows.chunks_exact_mut(columns) {
            row.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
        }
        apply(rows, activation);
    });
}

/// y = activation(y), inside a dispatch.
#[inline(always)]
pub(super) fn apply(values: &mut [f32], activation: Activation) {
    match activation {
        Activation::None => {}
        Activation::Relu => values.iter_mut().for_each(|y| *y = y.max(0.0)),
        Activation::LeakyRelu => values.iter_mut().for_each(|y| *y = if *y > 0.0 { *y } else { LEAK * *y }),
        Activation::Tanh => values.iter_mut().for_each(|y| *y = tanh(*y)),
        Activation::Sigmoid => values.iter_mut().for_each(|y| *y = tanh(0.5 * *y)),
    }
}

/// gradient *= activation'(x), told from y = activation(x) alone.
pub(super) fn activate_backward(gradient: &mut [f32], y: &[f32], activation: Activation) {
    if activation != Activation::None {
        let pieces = gradient.par_chunks_mut(PIECE).zip(y.par_chunks(PIECE));
        pieces.for_each(|(gradient, y)| deactivate(gradient, y, activation));
    }
}

/// As [`activate_backward`], on this thread.
pub(super) fn deactivate(gradient: &mut [f32], y: &[f32], activation: Activation) {
    Arch::new().dispatch(|| apply_backward(gradient, y, activation));
}

/// As [`activate_backward`], inside a dispatch.
#[inline(always)]
pub(super) fn apply_backward(gradient: &mut [f32], y: &[f32], activation: Activation) {
    let pairs = gradient.iter_mut().zip(y);
    match activation {
        Activation::None => {}
        Activation::Relu => pairs.for_each(|(g, y)| *g = if *y > 0.0 { *g } else { 0.0 }),
        Activation::LeakyRelu => pairs.for_each(|(g, y)| *g = if *y > 0.0 { *g } else { LEAK * *g }),
        Activation::Tanh => pairs.for_each(|(g, y)| *g *= 1.0 - y * y),
        Activation::Sigmoid => pairs.for_each(|(g, y)| *g *= 0.5 * (1.0 - y * y)),
    }
}

/// Adds (or, for `fresh`, writes) the sum over the rows of `gradient`, [rows, columns], into the bias of its first columns.
pub(super) fn bias_backward(gradient: &[f32], columns: usize, bias: &mut [f32], fresh: bool) {
    let arch = Arch::new();
    let sums: Vec<Vec<f32>> = gradient
        .par_chunks(piece(columns) * columns)
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
    if fresh {
        bias.fill(0.0);
    }
    for sum in sums {
        bias.iter_mut().zip(sum).for_each(|(b, g)| *b += g);
    }
}

/// y = the largest of each `pieces` values of `x`; the first of equal ones.
pub(super) fn maxout(x: &[f32], y: &mut [f32], pieces: usize) {
    y.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE * pieces)).for_each(|(y, x)| {
        for (y, x) in y.iter_mut().zip(x.chunks_exact(pieces)) {
            *y = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        }
    });
}

/// The gradient of [`maxout`]'s input: its output's, where the largest value stood, and 0 elsewhere.
pub(super) fn maxout_backward(x: &[f32], y: &[f32], gradient: &[f32], below: &mut [f32], pieces: usize) {
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

/// y = (scale x + shift) mask
pub(super) fn masked(x: &[f32], mask: &[f32], y: &mut [f32], [scale, shift]: [f32; 2]) {
    y.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE).zip(mask.par_chunks(PIECE))).for_each(|(y, (x, mask))| {
        y.iter_mut().zip(x.iter().zip(mask)).for_each(|(y, (x, mask))| *y = (scale * x + shift) * mask);
    });
}
