//! The Parzen-window log-likelihood of Goodfellow et al. 2014, section 5, after Breuleux et al. 2011: a normal law of width σ around
//! each sample; what the mean of them says of test images. Known to be weak: samples that are all copies of training images
//! score high, and good samples may score low (Theis et al. 2016).

use super::distances;

/// What Goodfellow et al. 2014, table 1, has of MNIST: mean and standard error in nats.
pub const PAPER: [(&str, f64, f64); 4] =
    [("adversarial nets", 225.0, 2.0), ("deep GSN", 214.0, 1.1), ("DBN", 138.0, 2.0), ("stacked CAE", 121.0, 1.6)];

/// A log-likelihood by a Parzen window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parzen {
    /// The mean over the test images, in nats.
    pub mean: f64,
    /// Its standard error.
    pub error: f64,
    /// The window's width, of ten from 0.1 to 1 the one under which the validation images are likeliest.
    pub sigma: f64,
}

/// The widths tried: NumPy's `logspace(-1, 0, 10)`.
fn widths() -> [f64; 10] {
    std::array::from_fn(|i| 10f64.powf(i as f64 / 9.0 - 1.0))
}

/// The log-likelihood of `test` under a window around `samples` whose width suits `validation`; all are [N, size] in [0, 1].
pub fn fit(samples: &[f32], validation: &[f32], test: &[f32], size: usize) -> Parzen {
    let widths = widths();
    let each = distances::each(validation, samples, size, |_, row| widths.map(|sigma| log_mean(row, sigma, size)));
    let total = |index: usize| each.iter().map(|likelihoods| likelihoods[index]).sum::<f64>();
    let best = (0..widths.len()).max_by(|&a, &b| total(a).total_cmp(&total(b))).expect("ten widths");
    let sigma = widths[best];
    let likelihoods = distances::each(test, samples, size, |_, row| log_mean(row, sigma, size));
    let count = likelihoods.len() as f64;
    let mean = likelihoods.iter().sum::<f64>() / count;
    let variance = likelihoods.iter().map(|likelihood| (likelihood - mean).powi(2)).sum::<f64>() / count;
    Parzen { mean, error: (variance / count).sqrt(), sigma }
}

/// log mean exp(-d / 2σ²) - size/2 · log 2πσ², from squared distances d.
fn log_mean(distances: &[f32], sigma: f64, size: usize) -> f64 {
    let nearest = distances.iter().copied().fold(f32::INFINITY, f32::min);
    let scale = -0.5 / (sigma * sigma);
    // What is beyond this adds less than 2e-17 of the nearest one's part, even 10,000 times: it is not worth an exponential.
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
    fn the_likelihood_is_numpys() {
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
