//! The spread of a measure of two sets: by how much it would vary with other pictures.

use duel_models::random::Stream;

/// Random halves that are measured.
const HALVES: u64 = 20;

/// Returns the standard error of `measure`, a function of two sets of points, [N, size] and [M, size], by the
/// delete-half jackknife: the standard deviation over random halves of both sets, without replacement (Shao and Wu
/// 1989, equation 1.2, for d = n / 2).
pub fn spread(a: &[f32], b: &[f32], size: usize, measure: impl Fn(&[f32], &[f32]) -> f64) -> f64 {
    let stream = Stream::new(1, "halves");
    let values = (0..HALVES).map(|index| {
        let half = |points, which| half(points, size, stream.item(2 * index + which));
        measure(&half(a, 0), &half(b, 1))
    });
    let values: Vec<f64> = values.collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// A random half of the points.
fn half(points: &[f32], size: usize, mut stream: Stream) -> Vec<f32> {
    let mut order: Vec<usize> = (0..points.len() / size).collect();
    stream.shuffle(&mut order);
    let kept = order.len() / 2;
    order[..kept].iter().flat_map(|&at| &points[at * size..][..size]).copied().collect()
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
        let found = spread(&cloud(1), &cloud(2), 1, |a, b| mean(a) - mean(b));
        // √(1/4000 + 1/4000). The relative error of a standard deviation over 20 halves is 16 %: three times that.
        let expected = (2.0f64 / 4_000.0).sqrt();
        assert!((found / expected - 1.0).abs() < 0.48, "{found} {expected}");
    }
}
