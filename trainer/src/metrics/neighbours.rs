//! Precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al. 2020). They compare two sets of
//! points by neighbourhoods: the neighbourhood of a point is the ball that reaches to its k-th nearest neighbour in its
//! own set.

use super::distances;

/// k of precision and recall, the value that Kynkäänniemi et al. use.
const K_PRECISION: usize = 3;
/// k of density and coverage, the value that Naeem et al. use.
const K_DENSITY: usize = 5;

/// The scores of generated points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbourhoods {
    /// The share of generated points inside the neighbourhood of a real point, 0 to 1.
    pub precision: f64,
    /// The share of real points inside the neighbourhood of a generated point, 0 to 1.
    pub recall: f64,
    /// The mean number of real neighbourhoods that a generated point lies in, divided by k.
    pub density: f64,
    /// The share of real points with a generated point in their neighbourhood, 0 to 1.
    pub coverage: f64,
}

/// Compares two sets of points, [N, size] and [M, size], of more than five points each; `real_balls` are the [`balls`]
/// of the real ones.
pub fn compare(real: &[f32], real_balls: &[[f32; 2]], generated: &[f32], size: usize) -> Neighbourhoods {
    let generated_balls = balls(generated, size);
    let inside = |distances: &[f32], balls: &[[f32; 2]], which: usize| {
        distances.iter().zip(balls).filter(|(distance, ball)| **distance <= ball[which]).count()
    };
    let of_generated =
        distances::map(generated, real, size, |_, row| (inside(row, real_balls, 0) > 0, inside(row, real_balls, 1)));
    let of_real = distances::map(real, generated, size, |index, row| {
        let nearest = row.iter().copied().fold(f32::INFINITY, f32::min);
        (inside(row, &generated_balls, 0) > 0, nearest <= real_balls[index][1])
    });
    let (real, generated) = (of_real.len() as f64, of_generated.len() as f64);
    Neighbourhoods {
        precision: of_generated.iter().filter(|point| point.0).count() as f64 / generated,
        recall: of_real.iter().filter(|point| point.0).count() as f64 / real,
        density: of_generated.iter().map(|point| point.1).sum::<usize>() as f64 / (K_DENSITY as f64 * generated),
        coverage: of_real.iter().filter(|point| point.1).count() as f64 / real,
    }
}

/// Returns the squared distances of each point to its third and its fifth nearest neighbour.
pub fn balls(points: &[f32], size: usize) -> Vec<[f32; 2]> {
    distances::map(points, points, size, |own, row| {
        row[own] = f32::INFINITY;
        let (_, &mut fifth, _) = row.select_nth_unstable_by(K_DENSITY - 1, f32::total_cmp);
        let (_, &mut third, _) = row[..K_DENSITY].select_nth_unstable_by(K_PRECISION - 1, f32::total_cmp);
        [third, fifth]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use duel_models::random::Stream;

    fn cloud(seed: u64, count: usize, centre: f32, width: f32) -> Vec<f32> {
        let mut stream = Stream::new(seed, "cloud");
        (0..count * 2).map(|_| centre + width * stream.normal() as f32).collect()
    }

    #[test]
    fn each_score_detects_its_failure() {
        let real = cloud(1, 500, 0.0, 1.0);
        let compare = |generated: &[f32]| compare(&real, &balls(&real, 2), generated, 2);
        let same = compare(&cloud(2, 500, 0.0, 1.0));
        assert!(same.precision > 0.85 && same.recall > 0.85 && same.coverage > 0.9, "{same:?}");
        assert!((0.8..1.2).contains(&same.density), "{same:?}");
        // Good quality, little variety.
        let narrow = compare(&cloud(3, 500, 0.0, 0.2));
        assert!(narrow.precision > 0.95 && narrow.recall < 0.4 && narrow.coverage < 0.4, "{narrow:?}");
        // All variety, poor quality.
        let wide = compare(&cloud(4, 500, 0.0, 4.0));
        assert!(wide.precision < 0.5 && wide.recall > 0.9, "{wide:?}");
        let elsewhere = compare(&cloud(5, 500, 50.0, 1.0));
        assert_eq!([elsewhere.precision, elsewhere.recall, elsewhere.density, elsewhere.coverage], [0.0; 4]);
    }
}
