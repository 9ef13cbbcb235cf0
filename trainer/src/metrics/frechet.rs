//! The Fréchet distance between two sets of features, each described by a normal distribution: Heusel et al. 2017,
//! equation 6, |m₁ - m₂|² + tr(C₁ + C₂ - 2 √(C₁ C₂)), in double precision.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// Returns the distance between two sets of points, [N, size] and [M, size], of at least two points each.
pub fn distance(a: &[f32], b: &[f32], size: usize) -> f64 {
    let (first, second) = (Normal::fit(a, size), Normal::fit(b, size));
    // √(C₁ C₂) and √(√C₁ C₂ √C₁) have the same trace. The latter is symmetric, so that its eigenvalues are real.
    let root = root(&first.covariance);
    let product = &root * &second.covariance * &root;
    let eigenvalues = SymmetricEigen::new((&product + product.transpose()) * 0.5).eigenvalues;
    let trace: f64 = eigenvalues.iter().map(|value| value.max(0.0).sqrt()).sum();
    let distance =
        (first.mean - second.mean).norm_squared() + first.covariance.trace() + second.covariance.trace() - 2.0 * trace;
    // Rounding makes the distance of equal sets negative. `max` would make 0 of NaN.
    if distance < 0.0 { 0.0 } else { distance }
}

/// A normal distribution.
struct Normal {
    mean: DVector<f64>,
    covariance: DMatrix<f64>,
}

impl Normal {
    /// Returns the distribution with the mean and the unbiased covariance of the points.
    fn fit(points: &[f32], size: usize) -> Self {
        let count = points.len() / size;
        let mut centred = DMatrix::from_iterator(size, count, points.iter().map(|&value| f64::from(value)));
        let mean = centred.column_mean();
        centred.column_iter_mut().for_each(|mut point| point -= &mean);
        let covariance = &centred * centred.transpose() / (count - 1) as f64;
        Self { mean, covariance }
    }
}

/// Returns the symmetric square root of a covariance.
fn root(covariance: &DMatrix<f64>) -> DMatrix<f64> {
    let SymmetricEigen { eigenvectors, eigenvalues } = SymmetricEigen::new(covariance.clone());
    let roots = DMatrix::from_diagonal(&eigenvalues.map(|value| value.max(0.0).sqrt()));
    &eigenvectors * roots * eigenvectors.transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns points that are easy to repeat in NumPy: x = (i * 7919 % 1009) / 1009.
    fn points(count: usize, size: usize, shift: usize) -> Vec<f32> {
        (0..count * size).map(|i| ((i + shift) * 7919 % 1009) as f32 / 1009.0).collect()
    }

    #[test]
    fn the_distance_equals_that_of_scipy() {
        // import numpy as np; from scipy.linalg import sqrtm
        // p = lambda n, d, s: (((np.arange(n * d) + s) * 7919 % 1009).astype(np.float32) / np.float32(1009)).reshape(n, d).astype(float)
        // a, b = p(50, 6, 0), p(40, 6, 13) ** 2; c, e = np.cov(a.T), np.cov(b.T)
        // print(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(c + e - 2 * sqrtm(c @ e).real))
        let (a, b) = (points(50, 6, 0), points(40, 6, 13).iter().map(|x| x * x).collect::<Vec<_>>());
        let expected = 0.2028829683880233;
        let found = distance(&a, &b, 6);
        assert!((found / expected - 1.0).abs() < 1e-6, "{found}");
    }

    #[test]
    fn the_distance_of_a_set_to_itself_is_0() {
        let points = points(50, 6, 5);
        assert!(distance(&points, &points, 6).abs() < 1e-9);
    }
}
