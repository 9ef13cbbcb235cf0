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
