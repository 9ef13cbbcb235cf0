//! Squared distances between all points of two sets.

use rayon::prelude::*;

use crate::kernels::gemm::{Matrix, Write, serial};

/// The number of points of the first set that a thread handles at a time. With fewer, packing the second set for each
/// block takes longer than the products.
const BLOCK: usize = 256;

/// Calls `body` for each point of `a`, [N, size], with the point's index and its squared distances to all points of
/// `b`, [M, size], and returns the results in order. The formula
/// |a|² + |b|² - 2 a·b has an error of at most 1e-6 of |a|² + |b|².
pub fn map<T: Send>(a: &[f32], b: &[f32], size: usize, body: impl Fn(usize, &mut [f32]) -> T + Sync) -> Vec<T> {
    let count = b.len() / size;
    let lengths: Vec<f32> = b.chunks_exact(size).map(squared_length).collect();
    let b = Matrix::new(b, count, size).transposed();
    let blocks = a.par_chunks(BLOCK * size).enumerate().map(|(index, a)| {
        let rows = a.len() / size;
        let mut products = vec![0.0; rows * count];
        serial(Matrix::new(a, rows, size), b, &mut products, Write::Replace);
        let points = a.chunks_exact(size).zip(products.chunks_exact_mut(count)).enumerate();
        let results = points.map(|(row, (point, products))| {
            let own = squared_length(point);
            products
                .iter_mut()
                .zip(&lengths)
                .for_each(|(product, other)| *product = (own + other - 2.0 * *product).max(0.0));
            body(index * BLOCK + row, products)
        });
        results.collect::<Vec<T>>()
    });
    blocks.collect::<Vec<_>>().into_iter().flatten().collect()
}

/// Returns the squared norm of a point. Eight partial sums let the compiler use SIMD instructions.
fn squared_length(point: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    for values in point.chunks(8) {
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value * value);
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_equal_their_definition() {
        let points = |count: usize, seed: usize| -> Vec<f32> {
            (0..count * 11).map(|i| ((i * 37 + seed * 11) % 101) as f32 / 101.0).collect()
        };
        let (a, b) = (points(150, 1), points(70, 2));
        let found = map(&a, &b, 11, |index, row| (index, row.to_vec()));
        assert_eq!(found.len(), 150);
        for (index, row) in found {
            for (other, found) in row.into_iter().enumerate() {
                let pairs = a[index * 11..][..11].iter().zip(&b[other * 11..][..11]);
                let exact: f32 = pairs.map(|(a, b)| (a - b) * (a - b)).sum();
                assert!((found - exact).abs() < 1e-5, "{index} {other}: {found} {exact}");
            }
        }
    }
}
