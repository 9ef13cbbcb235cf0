//! The scale of a chart's axis.

use crate::text::round;

/// The range of values that a chart shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The value at the bottom.
    pub low: f32,
    /// The value at the top.
    pub high: f32,
    /// Whether the axis is logarithmic.
    pub log: bool,
}

impl Scale {
    /// Makes a range with round ends around all finite `values`; logarithmic if `log` is set and all are positive.
    pub fn around(values: impl Iterator<Item = f32>, log: bool) -> Self {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) =
            finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            return Self { low: 0.0, high: 1.0, log: false };
        }
        if log && low > 0.0 {
            let (low, high) = (round::down(low.into(), &[1.0]) as f32, round::up(high.into(), &[1.0]) as f32);
            return Self {
                low: low.max(f32::MIN_POSITIVE),
                high: if high > low { high } else { low * 10.0 },
                log: true,
            };
        }
        let span = (high - low).max(high.abs().max(low.abs()) * 1e-3).max(1e-6);
        let step = round::up(f64::from(span) / 4.0, round::EVEN) as f32;
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { low, high: if high > low { high } else { low + step }, log: false }
    }

    /// Returns the height of a value, from 0 at the bottom to 1 at the top. Values outside the range stand at the edge.
    pub fn height(&self, value: f32) -> f32 {
        let height = if self.log {
            (value.max(f32::MIN_POSITIVE) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        height.clamp(0.0, 1.0)
    }

    /// Returns the value at a height from 0 to 1.
    pub fn value(&self, height: f32) -> f32 {
        if self.log {
            self.low * (self.high / self.low).powf(height)
        } else {
            self.low + (self.high - self.low) * height
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_round_and_enclose_all_values() {
        for (values, low, high) in [
            (&[0.3, 1.7][..], 0.0, 2.0),
            (&[-1.386, -0.2], -1.5, 0.0),
            (&[5.0], 5.0, 5.001),
            (&[0.0, f32::NAN, f32::INFINITY, 40.0], 0.0, 40.0),
            (&[f32::NAN], 0.0, 1.0),
            (&[], 0.0, 1.0),
        ] {
            let scale = Scale::around(values.iter().copied(), false);
            assert!((scale.low - low).abs() < 0.01 && (scale.high - high).abs() < 0.01, "{values:?}: {scale:?}");
            assert!(values.iter().filter(|f| f.is_finite()).all(|f| scale.low <= *f && *f <= scale.high), "{scale:?}");
        }
        let scale = Scale::around([0.02, 30.0].into_iter(), true);
        assert!(scale.log && (scale.low - 0.01).abs() < 1e-6 && (scale.high - 100.0).abs() < 1e-3, "{scale:?}");
        assert!((scale.height(1.0) - 0.5).abs() < 1e-5 && (scale.value(0.5) - 1.0).abs() < 1e-4);
        assert!(!Scale::around([-1.0, 1.0].into_iter(), true).log, "negative values have no logarithm");
    }

    #[test]
    fn any_value_has_a_scale_and_a_height() {
        for value in [0.0, -0.0, 1e-38, -1e38, 3e38, f32::MIN_POSITIVE, 1e-45] {
            for log in [false, true] {
                let scale = Scale::around([value].into_iter(), log);
                let height = scale.height(value);
                assert!((0.0..=1.0).contains(&height), "{value}: {scale:?} {height}");
            }
        }
    }
}
