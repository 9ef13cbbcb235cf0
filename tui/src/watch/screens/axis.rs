//! Places on the horizontal axis of curves: steps, or seconds of training.

use duel_trainer::run::curves::Curves;

use crate::term::plot::Across;

/// Returns the place of a step of a run.
pub fn place(across: Across, curves: &Curves, step: u64) -> f64 {
    match across {
        Across::Steps => step as f64,
        Across::Time => seconds(curves, step),
    }
}

/// Returns the seconds of training at a step: on a straight line between records, and after the last one at the mean speed so far.
fn seconds(curves: &Curves, step: u64) -> f64 {
    let all = curves.between(0, u64::MAX);
    let at = all.partition_point(|bucket| bucket.last < step);
    let known = |at: usize| all.get(at).map(|bucket| (bucket.last as f64, f64::from(bucket.seconds)));
    let before = at.checked_sub(1).and_then(known).unwrap_or_default();
    let (start, end) = match known(at) {
        Some(after) => (before, after),
        None => ((0.0, 0.0), before),
    };
    let steps = end.0 - start.0;
    if steps > 0.0 { start.1 + (end.1 - start.1) * (step as f64 - start.0) / steps } else { start.1 }
}

#[cfg(test)]
mod tests {
    use duel_tests::recorded::{Kind, at};

    use super::*;

    #[test]
    fn seconds_lie_between_those_of_records_and_go_on_behind_them() {
        let mut curves = Curves::default();
        assert_eq!(place(Across::Time, &curves, 7), 0.0);
        for (step, seconds) in [(10, 1.0), (20, 3.0), (40, 4.0)] {
            curves.push(&duel_trainer::run::record::Metrics { seconds, ..at(Kind::Healthy, step) });
        }
        for (step, expected) in [(0, 0.0), (5, 0.5), (10, 1.0), (15, 2.0), (40, 4.0), (80, 8.0)] {
            assert_eq!(place(Across::Time, &curves, step), expected, "{step}");
            assert_eq!(place(Across::Steps, &curves, step), step as f64);
        }
    }
}
