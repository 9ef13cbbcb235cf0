//! Batch norm over the last axis, with the activation behind it: Ioffe and Szegedy 2015, algorithm 1.

use pulp::Arch;
use rayon::prelude::*;

use super::elementwise::{apply, apply_backward, piece};
use crate::networks::Activation;

/// What a batch norm's backward pass needs of its forward pass.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    /// The mean of each channel that the pass subtracted.
    pub mean: Vec<f32>,
    /// 1 / √(variance + ε) of each channel.
    pub scale: Vec<f32>,
    /// Whether the two are the batch's own, so that gradients flow through them.
    pub of_batch: bool,
}

/// The biased variance of each channel of `x`, [rows, channels]; the mean goes to `statistics`.
///
/// Each piece has a mean and a sum of squares of its own, which are then joined: Chan, Golub and LeVeque 1979, equation 2.1.
pub(super) fn batch_statistics(x: &[f32], channels: usize, epsilon: f32, statistics: &mut Statistics) -> Vec<f32> {
    let arch = Arch::new();
    let pieces: Vec<(f32, [Vec<f32>; 2])> = x
        .par_chunks(piece(channels) * channels)
        .map(|x| {
            let rows = (x.len() / channels) as f32;
            let mut mean = vec![0.0; channels];
            let mut squares = vec![0.0; channels];
            arch.dispatch(|| {
                for row in x.chunks_exact(channels) {
                    mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
                }
                mean.iter_mut().for_each(|sum| *sum /= rows);
                for row in x.chunks_exact(channels) {
                    squares.iter_mut().zip(row).zip(&mean).for_each(|((sum, x), mean)| *sum += (x - mean) * (x - mean));
                }
            });
            (rows, [mean, squares])
        })
        .collect();
    let joined = pieces.into_iter().reduce(|(rows, [mut mean, mut squares]), (more, [other, more_squares])| {
        let (share, weight) = (more / (rows + more), rows * more / (rows + more));
        for (((mean, squares), other), more) in mean.iter_mut().zip(&mut squares).zip(other).zip(more_squares) {
            let apart = other - *mean;
            *mean += apart * share;
            *squares += more + apart * apart * weight;
        }
        (rows + more, [mean, squares])
    });
    let (rows, [mean, mut variance]) = joined.expect("a batch has rows");
    variance.iter_mut().for_each(|squares| *squares /= rows);
    *statistics = Statistics { mean, scale: inverse_root(&variance, epsilon), of_batch: true };
    variance
}

/// 1 / √(variance + ε).
pub(super) fn inverse_root(variance: &[f32], epsilon: f32) -> Vec<f32> {
    variance.iter().map(|variance| 1.0 / (variance + epsilon).sqrt()).collect()
}

/// y = activation(γ (x - mean) · scale + β), with `affine` as γ and β.
pub(super) fn normalise(x: &[f32], y: &mut [f32], affine: [&[f32]; 2], statistics: &Statistics, then: Activation) {
    let [gamma, beta] = affine;
    let channels = gamma.len();
    let factor: Vec<f32> = gamma.iter().zip(&statistics.scale).map(|(gamma, scale)| gamma * scale).collect();
    let offset: Vec<f32> =
        beta.iter().zip(&statistics.mean).zip(&factor).map(|((beta, mean), factor)| beta - mean * factor).collect();
    let arch = Arch::new();
    let size = piece(channels) * channels;
    y.par_chunks_mut(size).zip(x.par_chunks(size)).for_each(|(y, x)| {
        arch.dispatch(|| {
            for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
                for (((y, x), factor), offset) in y.iter_mut().zip(x).zip(&factor).zip(&offset) {
                    *y = x * factor + offset;
                }
            }
            apply(y, then);
        });
    });
}

/// The gradient g of what went into the activation, in place of that of `y`, which came out of it; and the sums over the rows
/// that the three gradients share: Σ g, which is β's, and Σ g x̂, which is γ's.
pub(super) fn sums(
    x: &[f32],
    y: &[f32],
    gradient: &mut [f32],
    statistics: &Statistics,
    then: Activation,
) -> [Vec<f32>; 2] {
    let channels = statistics.mean.len();
    let arch = Arch::new();
    let size = piece(channels) * channels;
    let pieces: Vec<[Vec<f32>; 2]> = gradient
        .par_chunks_mut(size)
        .zip(x.par_chunks(size))
        .zip(y.par_chunks(size))
        .map(|((gradient, x), y)| {
            let mut plain = vec![0.0; channels];
            let mut weighted = vec![0.0; channels];
            arch.dispatch(|| {
                apply_backward(gradient, y, then);
                for (x, g) in x.chunks_exact(channels).zip(gradient.chunks_exact(channels)) {
                    for (((sum, g), x), mean) in weighted.iter_mut().zip(g).zip(x).zip(&statistics.mean) {
                        *sum += g * (x - mean);
                    }
                    plain.iter_mut().zip(g).for_each(|(sum, g)| *sum += g);
                }
            });
            [plain, weighted]
        })
        .collect();
    let add = |[mut a, mut b]: [Vec<f32>; 2], [c, d]: [Vec<f32>; 2]| {
        a.iter_mut().zip(c).for_each(|(a, c)| *a += c);
        b.iter_mut().zip(d).for_each(|(b, d)| *b += d);
        [a, b]
    };
    let [plain, mut weighted] = pieces.into_iter().reduce(add).expect("a batch has rows");
    weighted.iter_mut().zip(&statistics.scale).for_each(|(sum, scale)| *sum *= scale);
    [plain, weighted]
}

/// Turns g into the gradient of x, in place; where the statistics are the batch's own,
/// dx = γ · scale · (g - mean(g) - x̂ · mean(g x̂)), else dx = γ · scale · g.
pub(super) fn input_backward(
    x: &[f32],
    gradient: &mut [f32],
    gamma: &[f32],
    [plain, weighted]: &[Vec<f32>; 2],
    statistics: &Statistics,
) {
    let channels = gamma.len();
    let rows = (x.len() / channels) as f32;
    let share = if statistics.of_batch { 1.0 / rows } else { 0.0 };
    // dx = a g + b x + c, channel by channel.
    let a: Vec<f32> = gamma.iter().zip(&statistics.scale).map(|(gamma, scale)| gamma * scale).collect();
    let b: Vec<f32> =
        a.iter().zip(&statistics.scale).zip(weighted).map(|((a, scale), sum)| -a * scale * sum * share).collect();
    let c: Vec<f32> = a
        .iter()
        .zip(plain)
        .zip(b.iter().zip(&statistics.mean))
        .map(|((a, sum), (b, mean))| -a * sum * share - b * mean)
        .collect();
    let arch = Arch::new();
    let size = piece(channels) * channels;
    gradient.par_chunks_mut(size).zip(x.par_chunks(size)).for_each(|(gradient, x)| {
        arch.dispatch(|| {
            for (x, g) in x.chunks_exact(channels).zip(gradient.chunks_exact_mut(channels)) {
                for ((((g, x), a), b), c) in g.iter_mut().zip(x).zip(&a).zip(&b).zip(&c) {
                    *g = a * *g + b * x + c;
                }
            }
        });
    });
}
