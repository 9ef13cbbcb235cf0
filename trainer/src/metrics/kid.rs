//! The kernel inception distance (KID): the unbiased squared maximum mean discrepancy of two sets of features with the
//! kernel k(x, y) = (x·y / size + 1)³, Bińkowski et al. 2018, section 4. Other than the Fréchet distance, its mean does
//! not depend on the number of pictures.

use rayon::prelude::*;

use crate::kernels::gemm::{Matrix, Write, serial};

/// Points of the first set whose kernels are computed at a time.
const BLOCK: usize = 256;

/// Returns the distance between two sets of points, [N, size] and [M, size], of at least two points each. It may be a
/// little below 0.
pub fn distance(a: &[f32], b: &[f32], size: usize) -> f64 {
    let within = |points: &[f32]| {
        let own: f64 = points.chunks_exact(size).map(|point| kernel(dot(point, point), size)).sum();
        let count = (points.len() / size) as f64;
        (sum(points, points, size) - own) / (count * (count - 1.0))
    };
    let pairs = (a.len() / size) as f64 * (b.len() / size) as f64;
    within(a) + within(b) - 2.0 * sum(a, b, size) / pairs
}

/// The sum of the kernel over all pairs.
fn sum(a: &[f32], b: &[f32], size: usize) -> f64 {
    let count = b.len() / size;
    let b = Matrix::new(b, count, size).transposed();
    let blocks = a.par_chunks(BLOCK * size).map(|a| {
        let rows = a.len() / size;
        let mut products = vec![0.0; rows * count];
        serial(Matrix::new(a, rows, size), b, &mut products, Write::Replace);
        products.iter().map(|&product| kernel(product, size)).sum::<f64>()
    });
    // Summed in the order of the blocks, whatever the number of threads.
    blocks.collect::<Vec<f64>>().into_iter().sum()
}

fn kernel(product: f32, size: usize) -> f64 {
    (f64::from(product) / size as f64 + 1.0).powi(3)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_equals_that_of_scikit_learn() {
        // import numpy as np; from sklearn.metrics.pairwise import polynomial_kernel as k
        // p = lambda n, d, s: (((np.arange(n * d) + s) * 7919 % 1009).astype(np.float32) / np.float32(1009)).reshape(n, d).astype(float)
        // a, b = p(50, 6, 0), p(40, 6, 13) ** 2; off = lambda x: (k(x).sum() - np.trace(k(x))) / (len(x) * (len(x) - 1))
        // print(off(a) + off(b) - 2 * k(a, b).mean())
        let points = |count: usize, shift: usize| -> Vec<f32> {
            (0..count * 6).map(|i| ((i + shift) * 7919 % 1009) as f32 / 1009.0).collect()
        };
        let (a, b) = (points(50, 0), points(40, 13).iter().map(|x| x * x).collect::<Vec<_>>());
        let expected = 0.141_335_197_956_241_4;
        let found = distance(&a, &b, 6);
        assert!((found - expected).abs() < 1e-6, "{found}");
    }
}
