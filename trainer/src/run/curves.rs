//! The metrics of a run over time, in bounded memory. Records are merged as their number grows, but the lowest and the
//! highest value of each group are kept.

use super::{
    record::Metrics,
    scalars::{Panel, SERIES, Series, Shown},
};

/// The most buckets that are kept, of some 170 bytes each. There are many more buckets than a terminal has columns, so that
/// a user can zoom in.
const BUCKETS: usize = 1 << 16;

/// The values of one scalar over a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// The lowest finite value; NaN if there is none.
    pub min: f32,
    /// The highest finite value; NaN if there is none.
    pub max: f32,
    /// The mean; NaN if one of the values is not finite.
    pub mean: f32,
}

impl Span {
    fn new(value: f64) -> Self {
        let value = if value.is_finite() { value as f32 } else { f32::NAN };
        Self { min: value, max: value, mean: value }
    }

    /// Merges two spans; `self` covers `n` times as many records as `other`.
    fn merge(self, other: Self, n: f32) -> Self {
        let mean = self.mean + (other.mean - self.mean) / (n + 1.0);
        // `f32::min` and `f32::max` ignore a NaN.
        Self { min: self.min.min(other.min), max: self.max.max(other.max), mean }
    }
}

/// Successive records, merged.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    /// The step of the first record.
    pub first: u64,
    /// The step of the last record.
    pub last: u64,
    /// Seconds of training at the last record.
    pub seconds: f32,
    spans: [Span; SERIES],
}

impl Bucket {
    fn new(record: &Metrics) -> Self {
        let mut spans = [Span::new(f64::NAN); SERIES];
        for series in Series::all() {
            spans[series.index] = Span::new((series.read)(record));
        }
        Self { first: record.step, last: record.step, seconds: record.seconds as f32, spans }
    }

    fn merge(mut self, other: &Self, n: f32) -> Self {
        for (span, other) in self.spans.iter_mut().zip(other.spans) {
            *span = span.merge(other, n);
        }
        Self { last: other.last, seconds: other.seconds, ..self }
    }

    /// Returns the values of a scalar.
    pub fn span(&self, series: Series) -> Span {
        self.spans[series.index]
    }
}

/// All records of a run, oldest first, in at most 65,536 buckets. All buckets but the last hold equally many records.
#[derive(Debug, Default)]
pub struct Curves {
    buckets: Vec<Bucket>,
    /// The base-2 logarithm of the number of records in a full bucket.
    log2_records: u32,
    /// The number of records in the last bucket.
    filled: u32,
    /// Whether a series had a finite value in any record.
    seen: [bool; SERIES],
}

impl Curves {
    /// Adds a record. If the run already has a record of this step, a resumed run repeats the step: the old records
    /// from this step on are dropped first.
    pub fn push(&mut self, record: &Metrics) {
        if self.buckets.last().is_some_and(|bucket| record.step <= bucket.last) {
            self.drop_from(record.step);
        }
        let new = Bucket::new(record);
        self.seen.iter_mut().zip(new.spans).for_each(|(seen, span)| *seen |= !span.mean.is_nan());
        let full = self.filled >= 1 << self.log2_records;
        match self.buckets.last_mut() {
            Some(last) if !full => {
                *last = last.merge(&new, self.filled as f32);
                self.filled += 1;
            }
            _ => {
                if self.buckets.len() == BUCKETS {
                    self.merge_pairs();
                }
                self.buckets.push(new);
                self.filled = 1;
            }
        }
    }

    /// Drops the records of `step` and later steps. A bucket with such a record is dropped whole, so that no outdated
    /// value is shown.
    fn drop_from(&mut self, step: u64) {
        self.buckets.truncate(self.buckets.partition_point(|bucket| bucket.last < step));
        self.filled = 1 << self.log2_records;
    }

    /// Merges each pair of buckets, which halves their number.
    fn merge_pairs(&mut self) {
        for pair in 0..self.buckets.len() / 2 {
            self.buckets[pair] = self.buckets[2 * pair].merge(&self.buckets[2 * pair + 1], 1.0);
        }
        self.buckets.truncate(BUCKETS / 2);
        self.log2_records += 1;
    }

    /// Returns the buckets with steps in `from..=to`, oldest first.
    pub fn between(&self, from: u64, to: u64) -> &[Bucket] {
        let start = self.buckets.partition_point(|bucket| bucket.last < from);
        let end = self.buckets.partition_point(|bucket| bucket.first <= to);
        &self.buckets[start..end.max(start)]
    }

    /// Returns the panels to draw, the most important first.
    pub fn panels(&self) -> Vec<&'static Panel> {
        let has_values = |panel: &Panel| panel.series().any(|series| self.seen[series.index]);
        let mut panels = Panel::all();
        panels.retain(|panel| panel.shown == Shown::Always || has_values(panel));
        let replaced: Vec<&Shown> = panels.iter().map(|panel| &panel.shown).collect();
        let is_replaced = |panel: &&'static Panel| replaced.contains(&&Shown::InPlaceOf(panel));
        panels.iter().copied().filter(|panel| !is_replaced(panel)).collect()
    }

    /// Returns the step of the newest record.
    pub fn last_step(&self) -> Option<u64> {
        self.buckets.last().map(|bucket| bucket.last)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn record(step: u64, value: f64) -> Metrics {
        Metrics {
            step,
            images: step * 32,
            seconds: step as f64 * 0.01,
            d_loss: value,
            d_loss_real: value,
            d_loss_fake: value,
            g_loss: value,
            value,
            d_real: 0.5,
            d_fake: 0.5,
            d_real_tenths: [0; 10],
            d_fake_tenths: [0; 10],
            pairs_right: 0.5,
            d_gradient: 1.0,
            g_gradient: 1.0,
            d_learning_rate: 1e-4,
            g_learning_rate: 1e-4,
            images_per_second: 3200.0,
            augment_probability: 0.5,
            overfitting: 0.5,
            memorisation: 0.5,
            processors: 1.5,
            memory: 1e9,
        }
    }

    pub(crate) fn series(key: &str) -> Series {
        Series::find(key).expect(key)
    }

    #[test]
    fn no_spike_is_lost_in_a_million_records() {
        let mut curves = Curves::default();
        for step in 1..=1_000_000 {
            let value = match step {
                123_457 => 99.0,
                765_432 => -99.0,
                900_001 => f64::NAN,
                _ => 1.0,
            };
            curves.push(&record(step, value));
        }
        assert!(curves.buckets.len() <= BUCKETS);
        assert_eq!(curves.last_step(), Some(1_000_000));
        let near = |step: u64| curves.between(step, step)[0].span(series("d_loss"));
        assert_eq!((near(123_457).max, near(765_432).min), (99.0, -99.0));
        assert!(near(900_001).mean.is_nan() && near(900_001).max == 1.0);
        assert_eq!(near(500_000), Span { min: 1.0, max: 1.0, mean: 1.0 });
        let steps: u64 = curves.between(0, u64::MAX).iter().map(|bucket| bucket.last - bucket.first + 1).sum();
        assert_eq!(steps, 1_000_000);
    }

    #[test]
    fn an_optional_panel_is_drawn_from_its_first_value_on() {
        let mut curves = Curves::default();
        let titles = |curves: &Curves| curves.panels().iter().map(|panel| panel.title).collect::<Vec<_>>();
        let without = titles(&curves);
        let plain = |step| Metrics { pairs_right: f64::NAN, ..record(step, 1.0) };
        curves.push(&Metrics {
            augment_probability: f64::NAN,
            overfitting: f64::NAN,
            memorisation: f64::NAN,
            ..plain(1)
        });
        assert_eq!(titles(&curves), without);
        curves.push(&Metrics { memorisation: f64::NAN, ..plain(2) });
        assert_eq!(titles(&curves).len(), without.len() + 1);
        curves.push(&plain(3));
        assert_eq!(titles(&curves).len(), without.len() + 2);
    }

    #[test]
    fn a_loss_of_pairs_has_the_share_of_pairs_in_place_of_probabilities_of_single_images() {
        // As duel 0.1 recorded it, and as this version does.
        let old = Metrics { pairs_right: f64::NAN, d_loss_real: f64::NAN, d_real_tenths: [1; 10], ..record(1, 1.0) };
        for record in [old, record(1, 1.0)] {
            let mut curves = Curves::default();
            curves.push(&record);
            let panels = curves.panels();
            let titles: Vec<&str> = panels.iter().map(|panel| panel.title).collect();
            assert!(titles.contains(&"pairs that D judges right") && !titles.contains(&"D says real"), "{titles:?}");
            assert_eq!(curves.between(1, 1)[0].span(series("pairs_right")).mean, 0.5);
        }
    }

    #[test]
    fn steps_repeated_after_a_resume_replace_the_old_ones() {
        let mut curves = Curves::default();
        for step in 1..=100 {
            curves.push(&record(step, 1.0));
        }
        for step in 51..=60 {
            curves.push(&record(step, 2.0));
        }
        assert_eq!(curves.last_step(), Some(60));
        let all = curves.between(0, u64::MAX);
        assert!(all.windows(2).all(|pair| pair[0].last < pair[1].first));
        assert_eq!((all[49].span(series("g_loss")).mean, all[50].span(series("g_loss")).mean), (1.0, 2.0));
    }
}
