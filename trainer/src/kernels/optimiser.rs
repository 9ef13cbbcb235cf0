//! The steps of the optimisers and of an exponential moving average, in place.

use pulp::Arch;
use rayon::prelude::*;

use super::elementwise::PIECE;

/// One step of Adam: Kingma and Ba 2015, algorithm 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdamStep {
    /// The learning rate, divided by 1 - β1^t.
    pub rate: f64,
    /// β1.
    pub beta1: f64,
    /// β2.
    pub beta2: f64,
    /// 1 - β2^t.
    pub correction2: f64,
    /// ε.
    pub epsilon: f64,
}

/// Updates `values` and both moments by one step along `gradient`; all four are of one length.
pub(crate) fn adam(step: AdamStep, values: &mut [f32], first: &mut [f32], second: &mut [f32], gradient: &[f32]) {
    let [rate, beta1, beta2, epsilon] = [step.rate, step.beta1, step.beta2, step.epsilon].map(|number| number as f32);
    let [rest1, rest2] = [1.0 - step.beta1, 1.0 - step.beta2].map(|number| number as f32);
    let root = (1.0 / step.correction2.sqrt()) as f32;
    let arch = Arch::new();
    let pieces = values.par_chunks_mut(PIECE).zip(first.par_chunks_mut(PIECE));
    let pieces = pieces.zip(second.par_chunks_mut(PIECE)).zip(gradient.par_chunks(PIECE));
    pieces.for_each(|(((values, first), second), gradient)| {
        arch.dispatch(|| {
            for (((value, m), v), g) in values.iter_mut().zip(first).zip(second).zip(gradient) {
                *m = beta1 * *m + rest1 * g;
                *v = beta2 * *v + rest2 * g * g;
                *value -= rate * *m / (v.sqrt() * root + epsilon);
            }
        });
    });
}

/// Updates `values` by one step of gradient descent with momentum: velocity = momentum · velocity - rate · gradient,
/// then values += velocity. All three are of one length.
pub(crate) fn sgd(rate: f64, momentum: f64, values: &mut [f32], velocity: &mut [f32], gradient: &[f32]) {
    let [rate, momentum] = [rate, momentum].map(|number| number as f32);
    let arch = Arch::new();
    let pieces = values.par_chunks_mut(PIECE).zip(velocity.par_chunks_mut(PIECE)).zip(gradient.par_chunks(PIECE));
    pieces.for_each(|((values, velocity), gradient)| {
        arch.dispatch(|| {
            for ((value, v), g) in values.iter_mut().zip(velocity).zip(gradient) {
                *v = momentum * *v - rate * g;
                *value += *v;
            }
        });
    });
}

/// values = keep · values + (1 - keep) · others: one step of an exponential moving average. Both are of one length.
pub(crate) fn average(values: &mut [f32], others: &[f32], keep: f32) {
    let arch = Arch::new();
    values.par_chunks_mut(PIECE).zip(others.par_chunks(PIECE)).for_each(|(values, others)| {
        arch.dispatch(|| {
            values.iter_mut().zip(others).for_each(|(value, other)| *value = keep * *value + (1.0 - keep) * other);
        });
    });
}
