//! Precision and recall, Kynkäänniemi et al. 2019, and density and coverage, Naeem et al. 2020: what the neighbourhoods of
//! points tell of two sets. A point's neighbourhood is the ball to its k-th nearest neighbour in its own set.

use super::distances;

/// k of precision and recall, as their authors chose it.
const BALL: usize = 3;
/// k of density and coverage, as theirs.
const WIDE_BALL: usize = 5;

/// What neighbourhoods tell of drawn points beside real ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbourhoods {
    /// The share of drawn points inside some real point's ball.
    pub precision: f64,
    /// The share of real points inside some drawn point's ball.
    pub recall: f64,
    /// Real points' balls that a drawn point lies in, divided by k.
    pub density: f64,
    /// The share of real points with a drawn point in their ball.
    pub coverage: f64,
}

/// Compares two sets of points, [N, size] and [M, size], of more than five points each.
pub fn compare(real: &[f32], drawn: &[f32], size: usize) -> Neighbourhoods {
    let real_balls = radii(real, size);
    let drawn_balls = radii(drawn, size);
    let inside = |distances: &[f32], balls: &[[f32; 2]], which: usize| {
        distances.iter().zip(balls).filter(|(distance, ball)| **distance <= ball[which]).count()
    };
    let of_drawn =
        distances::each(drawn, real, size, |_, row| (inside(row, &real_balls, 0) > 0, inside(row, &real_balls, 1)));
    let of_real = distances::each(real, drawn, size, |index, row| {
        let nearest = row.iter().copied().fold(f32::INFINITY, f32::min);
        (inside(row, &drawn_balls, 0) > 0, nearest <= real_balls[index][1])
    });
    let (count, drawn) = (of_real.len() as f64, of_drawn.len() as f64);
    Neighbourhoods {
        precision: of_drawn.iter().filter(|point| point.0).count() as f64 / drawn,
        recall: of_real.iter().filter(|point| point.0).count() as f64 / count,
        density: of_drawn.iter().map(|point| point.1).sum::<usize>() as f64 / (WIDE_BALL as f64 * drawn),
        coverage: of_real.iter().filter(|point| point.1).count() as f64 / count,
    }
}

/// Of each point, the squared distance to its third and to its fifth neighbour.
fn radii(points: &[f32], size: usize) -> Vec<[f32; 2]> {
    distances::each(points, points, size, |own, row| {
        row[own] = f32::INFINITY;
        let (_, &mut wide, _) = row.select_nth_unstable_by(WIDE_BALL - 1, f32::total_cmp);
        let (_, &mut near, _) = row[..WIDE_BALL].select_nth_unstable_by(BALL - 1, f32::total_cmp);
        [near, wide]
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
    fn each_measure_tells_the_failing_that_it_is_known_for() {
        let real = cloud(1, 500, 0.0, 1.0);
        let same = compare(&real, &cloud(2, 500, 0.0, 1.0), 2);
        assert!(same.precision > 0.85 && same.recall > 0.85 && same.coverage > 0.9, "{same:?}");
        assert!((0.8..1.2).contains(&same.density), "{same:?}");
        // Good points, few of the kinds there are.
        let narrow = compare(&real, &cloud(3, 500, 0.0, 0.2), 2);
        assert!(narrow.precision > 0.95 && narrow.recall < 0.4 && narrow.coverage < 0.4, "{narrow:?}");
        // All kinds there are, and many that there are not.
        let wide = compare(&real, &cloud(4, 500, 0.0, 4.0), 2);
        assert!(wide.precision < 0.5 && wide.recall > 0.9, "{wide:?}");
        let elsewhere = compare(&real, &cloud(5, 500, 50.0, 1.0), 2);
        assert_eq!([elsewhere.precision, elsewhere.recall, elsewhere.density, elsewhere.coverage], [0.0; 4]);
    }
}
