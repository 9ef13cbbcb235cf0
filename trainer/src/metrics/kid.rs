//! The kernel inception distance (KID): the unbiased squared maximum mean discrepancy of two sets of features with the
//! kernel k(x, y) = (x·y / size + 1)³, Bińkowski et al. 2018, section 4. Other than the Fréchet distance, its mean does
//! not depend on the number of pictures.

use std::array::from_fn;

use rayon::prelude::*;

use super::spread::{self, HALVES};
use crate::kernels::gemm::{Matrix, Write, serial};

/// Points of a set whose kernels are computed at a time.
const BLOCK: usize = 256;

/// Returns the distance between two sets of points, [N, size] and [M, size], of at least two points each. It may be a
/// little below 0.
pub fn distance(a: &[f32], b: &[f32], size: usize) -> f64 {
    let all = |points: &[f32]| vec![[1.0]; points.len() / size];
    let [distance] = distances([Weighted::new(a, all(a), size), Weighted::new(b, all(b), size)]);
    distance
}

/// Returns the standard error of [`distance`] for two sets of at least four points each: see [`spread`].
pub fn standard_error(a: &[f32], b: &[f32], size: usize) -> f64 {
    let halved = |points: &[f32], which| {
        let mut weights = vec![[0.0; HALVES]; points.len() / size];
        for half in 0..HALVES {
            spread::half(weights.len(), half, which).into_iter().for_each(|point| weights[point][half] = 1.0);
        }
        weights
    };
    spread::deviation(&distances([Weighted::new(a, halved(a, 0), size), Weighted::new(b, halved(b, 1), size)]))
}

/// Points, of which `S` subsets are measured at once: a kernel is computed once for all of them.
struct Weighted<'a, const S: usize> {
    points: &'a [f32],
    /// For each point and each subset 1 if the point belongs to it, else 0.
    weights: Vec<[f64; S]>,
    size: usize,
}

/// The distance of each pair of subsets.
fn distances<const S: usize>([a, b]: [Weighted<S>; 2]) -> [f64; S] {
    let (within_a, within_b, between) = (a.within(), b.within(), a.sums(&b, false));
    let (count_a, count_b) = (a.counts(), b.counts());
    from_fn(|s| within_a[s] + within_b[s] - 2.0 * between[s] / (count_a[s] * count_b[s]))
}

impl<'a, const S: usize> Weighted<'a, S> {
    fn new(points: &'a [f32], weights: Vec<[f64; S]>, size: usize) -> Self {
        Self { points, weights, size }
    }

    /// The number of points of each subset.
    fn counts(&self) -> [f64; S] {
        from_fn(|s| self.weights.iter().map(|weights| weights[s]).sum())
    }

    /// The mean of the kernel over all pairs of two points of a subset.
    fn within(&self) -> [f64; S] {
        let mut sums = self.sums(self, true);
        for (point, weights) in self.points.chunks_exact(self.size).zip(&self.weights) {
            let own = kernel(dot(point, point), self.size);
            sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum -= weight * own);
        }
        let counts = self.counts();
        from_fn(|s| sums[s] / (counts[s] * (counts[s] - 1.0)))
    }

    /// The sum of the kernel over all pairs of the same subset's points here and in `other`. `same` says that these are
    /// the same points, so that each pair occurs twice.
    fn sums(&self, other: &Self, same: bool) -> [f64; S] {
        let size = self.size;
        let blocks = self.weights.par_chunks(BLOCK).enumerate().map(|(index, weights)| {
            let start = BLOCK * index;
            let rows = weights.len();
            let from = if same { start } else { 0 };
            let others = &other.weights[from..];
            let points = Matrix::new(&self.points[start * size..][..rows * size], rows, size);
            let beside = Matrix::new(&other.points[from * size..], others.len(), size).transposed();
            let mut products = vec![0.0; rows * others.len()];
            serial(points, beside, &mut products, Write::Replace);
            let mut sums = [0.0; S];
            for (products, weights) in products.chunks_exact(others.len()).zip(weights) {
                // Pairs with points of later blocks stand for their mirror images, too.
                let (near, far) = products.split_at(if same { rows } else { others.len() });
                let (near, far) = (weighted(near, others, size), weighted(far, &others[near.len()..], size));
                (0..S).for_each(|s| sums[s] += weights[s] * (near[s] + 2.0 * far[s]));
            }
            sums
        });
        // Summed in the order of the blocks, whatever the number of threads.
        let blocks: Vec<[f64; S]> = blocks.collect();
        from_fn(|s| blocks.iter().map(|sums| sums[s]).sum())
    }
}

/// The sum of the kernels of one point with others, for each subset of these.
fn weighted<const S: usize>(products: &[f32], others: &[[f64; S]], size: usize) -> [f64; S] {
    let mut sums = [0.0; S];
    for (&product, weights) in products.iter().zip(others) {
        let kernel = kernel(product, size);
        (0..S).for_each(|s| sums[s] += kernel * weights[s]);
    }
    sums
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
    use duel_models::random::Stream;

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

    /// Both compute in blocks, of which 600 points make three.
    #[test]
    fn the_spread_is_that_of_the_distances_of_halves() {
        let cloud = |seed, shift: f32| -> Vec<f32> {
            let mut stream = Stream::new(seed, "cloud");
            (0..600 * 3).map(|_| stream.normal() as f32 + shift).collect()
        };
        let (a, b) = (cloud(1, 0.0), cloud(2, 0.5));
        let expected = spread::standard_error(&a, &b, 3, |a, b| distance(a, b, 3));
        let found = standard_error(&a, &b, 3);
        assert!((found / expected - 1.0).abs() < 1e-6, "{found} {expected}");
    }
}
