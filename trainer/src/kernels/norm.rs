//! Batch norm over the last axis: Ioffe and Szegedy 2015, algorithm 1.

use pulp::Arch;

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
pub(super) fn batch_statistics(x: &[f32], channels: usize, epsilon: f32, statistics: &mut Statistics) -> Vec<f32> {
    let rows = (x.len() / channels) as f32;
    let mut mean = vec![0.0; channels];
    let mut variance = vec![0.0; channels];
    Arch::new().dispatch(|| {
        for row in x.chunks_exact(channels) {
            mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        mean.iter_mut().for_each(|sum| *sum /= rows);
        for row in x.chunks_exact(channels) {
            variance.iter_mut().zip(row).zip(&mean).for_each(|((sum, x), mean)| *sum += (x - mean) * (x - mean));
        }
        variance.iter_mut().for_each(|sum| *sum /= rows);
    });
    *statistics = Statistics { mean, scale: inverse_root(&variance, epsilon), of_batch: true };
    variance
}

/// 1 / √(variance + ε).
pub(super) fn inverse_root(variance: &[f32], epsilon: f32) -> Vec<f32> {
    variance.iter().map(|variance| 1.0 / (variance + epsilon).sqrt()).collect()
}

/// y = γ (x - mean) · scale + β.
pub(super) fn normalise(x: &[f32], y: &mut [f32], gamma: &[f32], beta: &[f32], statistics: &Statistics) {
    let channels = gamma.len();
    let factor: Vec<f32> = gamma.iter().zip(&statistics.scale).map(|(gamma, scale)| gamma * scale).collect();
    let offset: Vec<f32> =
        beta.iter().zip(&statistics.mean).zip(&factor).map(|((beta, mean), factor)| beta - mean * factor).collect();
    Arch::new().dispatch(|| {
        for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
            for (((y, x), factor), offset) in y.iter_mut().zip(x).zip(&factor).zip(&offset) {
                *y = x * factor + offset;
            }
        }
    });
}

/// The sums over the rows that the three gradients share: Σ g, which is β's, and Σ g x̂, which is γ's.
pub(super) fn sums(x: &[f32], gradient: &[f32], channels: usize, statistics: &Statistics) -> [Vec<f32>; 2] {
    let mut plain = vec![0.0; channels];
    let mut weighted = vec![0.0; channels];
    Arch::new().dispatch(|| {
        for (x, g) in x.chunks_exact(channels).zip(gradient.chunks_exact(channels)) {
            for (((sum, g), x), mean) in weighted.iter_mut().zip(g).zip(x).zip(&statistics.mean) {
                *sum += g * (x - mean);
            }
            plain.iter_mut().zip(g).for_each(|(sum, g)| *sum += g);
        }
        weighted.iter_mut().zip(&statistics.scale).for_each(|(sum, scale)| *sum *= scale);
    });
    [plain, weighted]
}

/// Turns the gradient of y into that of x, in place; where the statistics are the batch's own,
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
    Arch::new().dispatch(|| {
        // dx = a g + b x + c, channel by channel.
        let each = gamma.iter().zip(&statistics.scale).zip(&statistics.mean).zip(plain).zip(weighted);
        let coefficients: Vec<[f32; 3]> = each
            .map(|((((gamma, scale), mean), plain), weighted)| {
                let a = gamma * scale;
                let b = -a * scale * weighted * share;
                [a, b, -a * plain * share - b * mean]
            })
            .collect();
        for (x, g) in x.chunks_exact(channels).zip(gradient.chunks_exact_mut(channels)) {
            for ((g, x), [a, b, c]) in g.iter_mut().zip(x).zip(&coefficients) {
                *g = a * *g + b * x + c;
            }
        }
    });
}
