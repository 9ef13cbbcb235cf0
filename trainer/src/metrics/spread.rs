//! The spread of a measure of two sets: by how much it would vary with other pictures. It is the standard error by the
//! delete-half jackknife: the standard deviation over random halves of both sets, without replacement (Shao and Wu 1989,
//! equation 1.2, for d = n / 2).

use duel_models::random::Stream;

/// Random halves that are measured.
pub const HALVES: usize = 20;

/// Returns the standard error of `measure`, a function of two sets of points, [N, size] and [M, size].
pub fn standard_error(a: &[f32], b: &[f32], size: usize, measure: impl Fn(&[f32], &[f32]) -> f64) -> f64 {
    let points = |points: &[f32], index, which| -> Vec<f32> {
        let half = half(points.len() / size, index, which).into_iter();
        half.flat_map(|at| &points[at * size..][..size]).copied().collect()
    };
    let values: [f64; HALVES] = std::array::from_fn(|index| measure(&points(a, index, 0), &points(b, index, 1)));
    deviation(&values)
}

/// Returns the points of a random half of `count` points: of the first set where `which` is 0, of the second where it
/// is 1.
pub(super) fn half(count: usize, index: usize, which: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    Stream::new(1, "halves").item(2 * index as u64 + which).shuffle(&mut order);
    order.truncate(count / 2);
    order
}

/// The standard deviation of some values, with Bessel's correction; NaN for fewer than two.
pub fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_of_a_mean_is_its_standard_error() {
        let cloud = |seed| -> Vec<f32> {
            let mut stream = Stream::new(seed, "cloud");
            (0..4_000).map(|_| stream.normal() as f32).collect()
        };
        let mean = |points: &[f32]| points.iter().map(|&value| f64::from(value)).sum::<f64>() / points.len() as f64;
        let found = standard_error(&cloud(1), &cloud(2), 1, |a, b| mean(a) - mean(b));
        // √(1/4000 + 1/4000). The relative error of a standard deviation over 20 halves is 16 %: three times that.
        let expected = (2.0f64 / 4_000.0).sqrt();
        assert!((found / expected - 1.0).abs() < 0.48, "{found} {expected}");
    }
}
