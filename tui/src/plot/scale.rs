//! From a figure to a height, and to a few characters.

/// The range of figures that a chart shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The figure at the bottom.
    pub low: f32,
    /// The figure at the top.
    pub high: f32,
    /// Whether heights go by the logarithm.
    pub log: bool,
}

impl Scale {
    /// A range with round ends that holds all finite `figures`; by the logarithm if that is asked for and all are positive.
    pub fn around(figures: impl Iterator<Item = f32>, log: bool) -> Self {
        let finite = figures.filter(|figure| figure.is_finite());
        let (low, high) =
            finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), figure| (low.min(figure), high.max(figure)));
        if low > high {
            return Self { low: 0.0, high: 1.0, log: false };
        }
        if log && low > 0.0 {
            let (low, high) = (10f32.powf(low.log10().floor()), 10f32.powf(high.log10().ceil()));
            return Self {
                low: low.max(f32::MIN_POSITIVE),
                high: if high > low { high } else { low * 10.0 },
                log: true,
            };
        }
        let step = round_up((high - low).max(high.abs().max(low.abs()) * 1e-3).max(1e-6) / 4.0);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { low, high: if high > low { high } else { low + step }, log: false }
    }

    /// How high a figure stands, from 0 at the bottom to 1 at the top; what lies outside stands at the edge.
    pub fn height(&self, figure: f32) -> f32 {
        let height = if self.log {
            (figure.max(f32::MIN_POSITIVE) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (figure - self.low) / (self.high - self.low)
        };
        height.clamp(0.0, 1.0)
    }

    /// The figure at a height from 0 to 1.
    pub fn figure(&self, height: f32) -> f32 {
        if self.log {
            self.low * (self.high / self.low).powf(height)
        } else {
            self.low + (self.high - self.low) * height
        }
    }
}

/// The least of 1, 2, 2.5, 5 times a power of ten that is not below a positive number.
fn round_up(number: f32) -> f32 {
    let power = 10f32.powf(number.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|step| *step >= number * 0.9999).unwrap_or(10.0 * power)
}

/// A figure in at most 5 characters, 6 with a minus sign.
pub fn short(figure: f64) -> String {
    let size = figure.abs();
    if !figure.is_finite() {
        return if figure.is_nan() { "nan".into() } else { format!("{figure}") };
    }
    match size {
        0.0 => "0".into(),
        ..0.001 => format!("{figure:.0e}"),
        ..0.1 => format!("{figure:.3}"),
        ..9.995 => format!("{figure:.2}"),
        ..99.95 => format!("{figure:.1}"),
        ..9_999.5 => format!("{figure:.0}"),
        ..999_500.0 => format!("{:.0}k", figure / 1e3),
        ..999_500_000.0 => format!("{:.0}M", figure / 1e6),
        _ => format!("{figure:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_round_and_hold_everything() {
        for (figures, low, high) in [
            (&[0.3, 1.7][..], 0.0, 2.0),
            (&[-1.386, -0.2], -1.5, 0.0),
            (&[5.0], 5.0, 5.001),
            (&[0.0, f32::NAN, f32::INFINITY, 40.0], 0.0, 40.0),
            (&[f32::NAN], 0.0, 1.0),
            (&[], 0.0, 1.0),
        ] {
            let scale = Scale::around(figures.iter().copied(), false);
            assert!((scale.low - low).abs() < 0.01 && (scale.high - high).abs() < 0.01, "{figures:?}: {scale:?}");
            assert!(figures.iter().filter(|f| f.is_finite()).all(|f| scale.low <= *f && *f <= scale.high), "{scale:?}");
        }
        let scale = Scale::around([0.02, 30.0].into_iter(), true);
        assert!(scale.log && (scale.low - 0.01).abs() < 1e-6 && (scale.high - 100.0).abs() < 1e-3, "{scale:?}");
        assert!((scale.height(1.0) - 0.5).abs() < 1e-5 && (scale.figure(0.5) - 1.0).abs() < 1e-4);
        assert!(!Scale::around([-1.0, 1.0].into_iter(), true).log, "no logarithm of what is negative");
    }

    #[test]
    fn any_figure_has_a_scale_and_a_place() {
        for figure in [0.0, -0.0, 1e-38, -1e38, 3e38, f32::MIN_POSITIVE, 1e-45] {
            for log in [false, true] {
                let scale = Scale::around([figure].into_iter(), log);
                let height = scale.height(figure);
                assert!((0.0..=1.0).contains(&height), "{figure}: {scale:?} {height}");
            }
        }
    }

    #[test]
    fn figures_are_short() {
        for (figure, expected) in [
            (0.0, "0"),
            (1.386, "1.39"),
            (-1.386, "-1.39"),
            (12.34, "12.3"),
            (123.4, "123"),
            (12_345.0, "12k"),
            (0.0123, "0.012"),
            (1.2e-5, "1e-5"),
            (f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(short(figure), expected);
        }
    }
}
