//! Round numbers for axes.

/// Round numbers of one decade for an axis that is divided evenly.
pub const EVEN: &[f64] = &[1.0, 2.0, 2.5, 5.0];
/// Round numbers of one decade for a logarithmic axis.
pub const LOGARITHMIC: &[f64] = &[1.0, 2.0, 5.0];
/// Round numbers of one decade for an axis that grows with a run.
pub const FINE: &[f64] = &[1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0];

/// Relative error up to which a number counts as equal to a round one: that of a few operations on `f32`.
const SLACK: f64 = 1e-6;

/// Returns the least member of `decade`, times a power of ten, that is not below a positive `number`.
pub fn up(number: f64, decade: &[f64]) -> f64 {
    let power = 10f64.powf(number.log10().floor());
    let mut rounds = decade.iter().map(|round| round * power);
    rounds.find(|round| *round >= number * (1.0 - SLACK)).unwrap_or(10.0 * power)
}

/// Returns the greatest member of `decade`, times a power of ten, that is not above a positive `number`.
pub fn down(number: f64, decade: &[f64]) -> f64 {
    // A number that lies by a rounding error below a power of ten belongs to that power.
    let number = number * (1.0 + SLACK);
    let power = 10f64.powf(number.log10().floor());
    let mut rounds = decade.iter().rev().map(|round| round * power);
    rounds.find(|round| *round <= number).unwrap_or(power)
}

/// Returns at most `count` + 1 round numbers from `low` to `high`, at even distances; `low` alone if the range is empty
/// or not finite.
pub fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let least = (high - low) / count as f64;
    if !(least.is_finite() && least > 0.0) {
        return vec![low];
    }
    let step = up(least, EVEN);
    let first = (low / step - SLACK).ceil();
    (0..=count).map(|index| (first + index as f64) * step).filter(|tick| *tick <= high + step * SLACK).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_round_number_above_and_below() {
        for (number, decade, below, above) in [
            (0.3, EVEN, 0.25, 0.5),
            (2.0, EVEN, 2.0, 2.0),
            (f64::from(0.2f32), LOGARITHMIC, 0.2, 0.2),
            (7.0, LOGARITHMIC, 5.0, 10.0),
            (1234.0, FINE, 1200.0, 1500.0),
            (9_999.999_9, FINE, 10_000.0, 10_000.0),
            (8.5, FINE, 8.0, 10.0),
        ] {
            let close = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-9;
            assert!(close(down(number, decade), below), "{number}: {}", down(number, decade));
            assert!(close(up(number, decade), above), "{number}: {}", up(number, decade));
        }
    }

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 20_000.0, 5), [0.0, 5_000.0, 10_000.0, 15_000.0, 20_000.0]);
        assert_eq!(ticks(0.0, 1.0, 5), [0.0, 0.2, 0.4, 0.600_000_000_000_000_1, 0.8, 1.0]);
        assert_eq!(ticks(-1.5, 0.0, 4), [-1.5, -1.0, -0.5, 0.0]);
        assert_eq!(ticks(2.0, 2.0, 4), [2.0]);
        assert_eq!(ticks(0.0, f64::NAN, 4), [0.0]);
    }
}
