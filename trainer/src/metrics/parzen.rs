//! The Parzen-window log-likelihood of Goodfellow et al. 2014, section 5, after Breuleux et al. 2011: the
//! log-likelihood of test images under a mixture of normal distributions of width σ, one around each sample. It is a
//! weak measure: copies of training images score high, and good samples may score low (Theis et al. 2016).

use super::distances;

/// Results for MNIST in table 1 of Goodfellow et al. 2014: model, mean and standard error in nats.
pub const PAPER: [(&str, f64, f64); 4] =
    [("adversarial nets", 225.0, 2.0), ("deep GSN", 214.0, 1.1), ("DBN", 138.0, 2.0), ("stacked CAE", 121.0, 1.6)];

/// A Parzen-window log-likelihood.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parzen {
    /// The mean over the test images in nats.
    pub mean: f64,
    /// The standard error of the mean in nats.
    pub error: f64,
    /// The width σ. Of ten widths from 0.1 to 1, the one with the highest likelihood of the validation images is taken.
    pub sigma: f64,
}

/// Returns the widths to choose from: NumPy's `logspace(-1, 0, 10)`.
fn widths() -> [f64; 10] {
    std::array::from_fn(|i| 10f64.powf(i as f64 / 9.0 - 1.0))
}

/// Returns the log-likelihood of `test` for `samples`, with the width that is best for `validation`. All are [N, size]
/// in [0, 1].
pub fn fit(samples: &[f32], validation: &[f32], test: &[f32], size: usize) -> Parzen {
    let widths = widths();
    let each = distances::map(validation, samples, size, |_, row| widths.map(|sigma| log_mean(row, sigma, size)));
    let total = |index: usize| each.iter().map(|likelihoods| likelihoods[index]).sum::<f64>();
    let best = (0..widths.len()).max_by(|&a, &b| total(a).total_cmp(&total(b))).expect("ten widths");
    let sigma = widths[best];
    let likelihoods = distances::map(test, samples, size, |_, row| log_mean(row, sigma, size));
    let count = likelihoods.len() as f64;
    let mean = likelihoods.iter().sum::<f64>() / count;
    let variance = likelihoods.iter().map(|likelihood| (likelihood - mean).powi(2)).sum::<f64>() / count;
    Parzen { mean, error: (variance / count).sqrt(), sigma }
}

/// Returns log mean exp(-d / 2σ²) - size/2 · log 2πσ² for squared distances d.
fn log_mean(distances: &[f32], sigma: f64, size: usize) -> f64 {
    let nearest = distances.iter().copied().fold(f32::INFINITY, f32::min);
    let scale = -0.5 / (sigma * sigma);
    // 10,000 terms beyond this distance add less than 2e-17 of the nearest sample's term: their exponentials are left
    // out.
    let beyond = nearest + (-48.0 / scale) as f32;
    let near = distances.iter().filter(|&&d| d <= beyond);
    let sum: f64 = near.map(|&d| (f64::from(d - nearest) * scale).exp()).sum();
    f64::from(nearest) * scale + (sum / distances.len() as f64).ln()
        - 0.5 * size as f64 * (2.0 * std::f64::consts::PI * sigma * sigma).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likelihood_equals_that_of_numpy() {
        // import numpy as np; from scipy.special import logsumexp
        // p = lambda n, d, s: (((np.arange(n * d) + s) * 7919 % 1009).astype(np.float32) / np.float32(1009)).reshape(n, d).astype(float)
        // s, v, t = p(60, 5, 0), p(20, 5, 77), p(30, 5, 501)
        // ll = lambda x, w: logsumexp(-((x[:, None] - s) ** 2).sum(2) / (2 * w * w), 1) - np.log(60) - 2.5 * np.log(2 * np.pi * w * w)
        // w = max(np.logspace(-1, 0, 10), key=lambda w: ll(v, w).mean()); x = ll(t, w); print(w, x.mean(), x.std() / np.sqrt(30))
        let points = |count: usize, shift: usize| -> Vec<f32> {
            (0..count * 5).map(|i| ((i + shift) * 7919 % 1009) as f32 / 1009.0).collect()
        };
        let found = fit(&points(60, 0), &points(20, 77), &points(30, 501), 5);
        let [sigma, mean, error] = [0.1, 4.507800502605634, 0.03814965268975209];
        assert!((found.sigma - sigma).abs() < 1e-9 && (found.mean - mean).abs() < 1e-3, "{found:?}");
        assert!((found.error - error).abs() < 1e-3, "{found:?}");
    }
}
