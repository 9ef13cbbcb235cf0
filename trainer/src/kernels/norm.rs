//! Batch norm over the last axis, with the activation behind it: Ioffe and Szegedy 2015, algorithm 1.

use pulp::Arch;
use rayon::prelude::*;

use super::{
    activation::Activation,
    elementwise::{activate_in_dispatch, rows_per_piece, slope_in_dispatch},
};

/// Statistics that a batch norm's forward pass keeps for its backward pass.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    /// Mean of each channel, which the forward pass subtracted.
    pub mean: Vec<f32>,
    /// 1 / √(variance + ε) of each channel.
    pub scale: Vec<f32>,
    /// Whether both were computed from the batch, so that gradients flow through them.
    pub from_batch: bool,
}

/// Returns the biased variance of each channel of `x`, [rows, channels], and writes mean and scale to `statistics`.
///
/// Each piece of work computes its own mean and sum of squares, which are then joined: Chan, Golub and LeVeque 1979,
/// equation 2.1.
pub(crate) fn batch_statistics(x: &[f32], channels: usize, epsilon: f32, statistics: &mut Statistics) -> Vec<f32> {
    let arch = Arch::new();
    let pieces: Vec<(f32, [Vec<f32>; 2])> = x
        .par_chunks(rows_per_piece(channels) * channels)
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
    *statistics = Statistics { mean, scale: inverse_root(&variance, epsilon), from_batch: true };
    variance
}

/// 1 / √(variance + ε).
pub(crate) fn inverse_root(variance: &[f32], epsilon: f32) -> Vec<f32> {
    variance.iter().map(|variance| 1.0 / (variance + epsilon).sqrt()).collect()
}

/// y = activation(γ (x - mean) · scale + β), where `affine` is γ and β.
pub(crate) fn normalise(
    x: &[f32],
    y: &mut [f32],
    affine: [&[f32]; 2],
    statistics: &Statistics,
    activation: Activation,
) {
    let [gamma, beta] = affine;
    let channels = gamma.len();
    let factor: Vec<f32> = gamma.iter().zip(&statistics.scale).map(|(gamma, scale)| gamma * scale).collect();
    let offset: Vec<f32> =
        beta.iter().zip(&statistics.mean).zip(&factor).map(|((beta, mean), factor)| beta - mean * factor).collect();
    let arch = Arch::new();
    let size = rows_per_piece(channels) * channels;
    y.par_chunks_mut(size).zip(x.par_chunks(size)).for_each(|(y, x)| {
        arch.dispatch(|| {
            for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
                for (((y, x), factor), offset) in y.iter_mut().zip(x).zip(&factor).zip(&offset) {
                    *y = x * factor + offset;
                }
            }
            activate_in_dispatch(y, activation);
        });
    });
}

/// Replaces the gradient of `y`, the activation's output, by the gradient g of the activation's input. Returns the
/// gradients of β and γ, which the gradient of `x` needs too: Σ g and Σ g x̂ over the rows.
pub(crate) fn gradient_sums(
    x: &[f32],
    y: &[f32],
    gradient: &mut [f32],
    statistics: &Statistics,
    activation: Activation,
) -> [Vec<f32>; 2] {
    let channels = statistics.mean.len();
    let arch = Arch::new();
    let size = rows_per_piece(channels) * channels;
    let pieces: Vec<[Vec<f32>; 2]> = gradient
        .par_chunks_mut(size)
        .zip(x.par_chunks(size))
        .zip(y.par_chunks(size))
        .map(|((gradient, x), y)| {
            let mut plain = vec![0.0; channels];
            let mut weighted = vec![0.0; channels];
            arch.dispatch(|| {
                slope_in_dispatch(gradient, y, activation);
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

/// Replaces g by the gradient of x. With statistics of the batch dx = γ · scale · (g - mean(g) - x̂ · mean(g x̂)), else
/// dx = γ · scale · g.
pub(crate) fn input_gradient(
    x: &[f32],
    gradient: &mut [f32],
    gamma: &[f32],
    [plain, weighted]: &[Vec<f32>; 2],
    statistics: &Statistics,
) {
    let channels = gamma.len();
    let rows = (x.len() / channels) as f32;
    let share = if statistics.from_batch { 1.0 / rows } else { 0.0 };
    // dx = a g + b x + c for each channel.
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
    let size = rows_per_piece(channels) * channels;
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

#[cfg(test)]
mod tests {
    use duel_models::random::Stream;

    use super::*;

    /// Rows and channels: less than a piece of work, exactly one piece, and more than one.
    const SHAPES: [[usize; 2]; 5] = [[1, 1], [2, 3], [130, 128], [16_385, 1], [700, 64]];

    #[test]
    fn both_passes_are_those_of_a_plain_loop_in_double_precision() {
        let mut stream = Stream::new(1, "norms");
        let mut shapes = SHAPES.to_vec();
        shapes.extend((0..15).map(|_| [1 + stream.below(300), 1 + stream.below(150)]));
        for [rows, channels] in shapes {
            let what = format!("{rows} rows of {channels}");
            let mut random = |count: usize| -> Vec<f32> { (0..count).map(|_| stream.normal() as f32).collect() };
            // Channels far from 0, where a variance by differences of squares would be lost.
            let x: Vec<f32> =
                random(rows * channels).iter().enumerate().map(|(at, x)| x + (at % channels % 8) as f32).collect();
            let (gamma, beta, upstream) = (random(channels), random(channels), random(rows * channels));
            let epsilon = 1e-3;
            let mut statistics = Statistics::default();
            let variance = batch_statistics(&x, channels, epsilon, &mut statistics);
            let mut y = vec![0.0; x.len()];
            normalise(&x, &mut y, [&gamma, &beta], &statistics, Activation::Tanh);
            let mut gradient = upstream.clone();
            let both = gradient_sums(&x, &y, &mut gradient, &statistics, Activation::Tanh);
            input_gradient(&x, &mut gradient, &gamma, &both, &statistics);

            let value = |values: &[f32], row: usize, channel: usize| f64::from(values[row * channels + channel]);
            let n = rows as f64;
            for channel in 0..channels {
                let mean = (0..rows).map(|row| value(&x, row, channel)).sum::<f64>() / n;
                let exact = (0..rows).map(|row| (value(&x, row, channel) - mean).powi(2)).sum::<f64>() / n;
                let scale = 1.0 / (exact + f64::from(epsilon)).sqrt();
                let hat = |row| (value(&x, row, channel) - mean) * scale;
                let [gamma, beta] = [&gamma, &beta].map(|affine| f64::from(affine[channel]));
                let given = |row| {
                    let y = (gamma * hat(row) + beta).tanh();
                    value(&upstream, row, channel) * (1.0 - y * y)
                };
                let plain = (0..rows).map(given).sum::<f64>();
                let weighted = (0..rows).map(|row| given(row) * hat(row)).sum::<f64>();
                // The rounding error of single precision for a value so far from 0, and for the normalised value.
                let lost = 1e-6 * (1.0 + mean.abs()) * scale.max(1.0) * gamma.abs().max(1.0);
                let close = |found: f32, exact: f64, most: f64, name: &str| {
                    assert!((f64::from(found) - exact).abs() <= most, "{what}, {name}: {found} for {exact} ± {most:e}");
                };
                close(statistics.mean[channel], mean, 1e-6 * (1.0 + mean.abs()), "mean");
                close(variance[channel], exact, 1e-5 * exact.max(1.0), "variance");
                close(both[0][channel], plain, lost * n, "beta");
                close(both[1][channel], weighted, lost * n * scale.max(1.0), "gamma");
                for row in 0..rows {
                    close(y[row * channels + channel], (gamma * hat(row) + beta).tanh(), 2.0 * lost, "y");
                    let dx = gamma * scale * (given(row) - plain / n - hat(row) * weighted / n);
                    let most = 10.0 * lost * scale.max(1.0) * (1.0 + hat(row).abs()) * (1.0 + gamma.abs());
                    close(gradient[row * channels + channel], dx, most, "dx");
                }
            }
        }
    }
}
