//! Charts of scalars over training steps.

use duel_trainer::run::{
    curves::{Bucket, Curves},
    scalars::{Series, Tone},
};

use textwrap::core::display_width;

use super::svg::{Figure, line, text, through};
use crate::{
    term::plot::Scale,
    text::{
        numbers::{short, thousands},
        round,
    },
};

/// The most points of a curve, which keeps the page small.
pub const POINTS: usize = 320;

/// Size of a chart, and its margins left, right, top and bottom, in units; small, so that its text can be read on a
/// phone.
const SIZE: [f64; 2] = [420.0, 240.0];
const MARGINS: [f64; 4] = [46.0, 12.0, 26.0, 34.0];

/// Units of the legend: the width of a letter, the width of an entry apart from its name, and the height of a row.
const LETTER: f64 = 7.0;
const ENTRY: f64 = 40.0;
const ROW: f64 = 18.0;

/// The most powers of ten that a logarithmic axis shows; lower ones are cut off.
const DECADES: i32 = 8;

/// A scalar over some successive records.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The last step of the records.
    pub step: u64,
    /// Their mean; NaN if one of them is not finite.
    pub mean: f32,
    /// The lowest and the highest value.
    pub between: [f32; 2],
}

/// A curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The name.
    pub name: String,
    /// The CSS classes, which give colour and dashes; empty for the colour of text.
    pub class: &'static str,
    /// Whether a shade reaches from the lowest to the highest value.
    pub shaded: bool,
    /// Points by rising step.
    pub points: Vec<Point>,
}

impl Line {
    /// Reads a scalar of a run, thinned to at most [`POINTS`] points.
    pub fn thinned(curves: &Curves, series: Series) -> Self {
        let buckets = curves.between(0, u64::MAX);
        let points = buckets.chunks(buckets.len().div_ceil(POINTS).max(1)).map(|some| point(some, series));
        let class = match series.tone {
            Tone::Discriminator => "d",
            Tone::Generator => "g",
            Tone::Neutral => "",
        };
        Self { name: series.name.to_owned(), class, shaded: true, points: points.collect() }
    }

    /// Returns the curve as that of a run among others, whose shades would cover each other.
    pub fn of_run(self, name: &str, class: &'static str) -> Self {
        Self { name: name.to_owned(), class, shaded: false, ..self }
    }

    /// Describes the curve: its first and last value, its lowest and highest mean.
    fn words(&self) -> String {
        let finite = |point: &&Point| point.mean.is_finite();
        let (first, last) = (self.points.iter().find(finite), self.points.iter().rfind(finite));
        let (Some(first), Some(last)) = (first, last) else { return format!("{}: no finite value.", self.name) };
        let means = self.points.iter().filter(finite).map(|point| point.mean);
        let [least, greatest] = [means.clone().fold(f32::INFINITY, f32::min), means.fold(f32::NEG_INFINITY, f32::max)];
        let shown = |value: f32| short(f64::from(value));
        let gaps = if self.points.iter().all(|point| point.mean.is_finite()) { "" } else { ", with gaps" };
        format!(
            "{}: {} at step {}, {} at step {}, between {} and {}{gaps}.",
            self.name,
            shown(first.mean),
            thousands(first.step),
            shown(last.mean),
            thousands(last.step),
            shown(least),
            shown(greatest),
        )
    }
}

fn point(buckets: &[Bucket], series: Series) -> Point {
    let spans = buckets.iter().map(|bucket| bucket.span(series));
    let mean = spans.clone().map(|span| span.mean).sum::<f32>() / buckets.len() as f32;
    // `f32::min` and `f32::max` ignore a NaN.
    let least = spans.clone().map(|span| span.min).fold(f32::INFINITY, f32::min);
    let greatest = spans.map(|span| span.max).fold(f32::NEG_INFINITY, f32::max);
    Point { step: buckets.last().map_or(0, |bucket| bucket.last), mean, between: [least, greatest] }
}

/// Returns a range with round ends around the means of `lines`, of one or several runs; logarithmic if `log` is set and
/// no mean is negative.
pub fn scale<'a>(lines: impl Iterator<Item = &'a Line>, more: impl Iterator<Item = f32>, log: bool) -> Scale {
    let means = lines.flat_map(|line| &line.points).map(|point| point.mean).chain(more);
    // Means of 1e36 and more do not widen the scale: they are drawn at its edge.
    let means: Vec<f32> = means.filter(|mean| mean.abs() < 1e36).collect();
    let positive = means.iter().copied().filter(|mean| *mean > 0.0);
    let greatest = positive.clone().fold(0.0, f32::max);
    if !log || greatest == 0.0 || means.iter().any(|mean| *mean < 0.0) {
        return Scale::around(means.into_iter(), false);
    }
    let least = positive.fold(greatest, f32::min).max(greatest * 10f32.powi(-DECADES)).max(f32::MIN_POSITIVE * 10.0);
    let low = round::down(least.into(), round::LOGARITHMIC) as f32;
    let high = round::up(greatest.into(), round::LOGARITHMIC) as f32;
    Scale { low, high: if high > low { high } else { 2.0 * low }, log: true }
}

/// Returns the end of a name, in at most `width` columns: names of runs often differ at their ends alone.
fn end_of(name: &str, width: usize) -> String {
    if display_width(name) <= width {
        return name.to_owned();
    }
    let starts = name.char_indices().map(|(at, _)| &name[at..]);
    format!("…{}", starts.into_iter().find(|end| display_width(end) < width).unwrap_or_default())
}

/// Curves in one frame.
#[derive(Debug, Clone, Copy)]
pub struct Chart<'a> {
    /// The title in the description.
    pub title: &'a str,
    /// The curves.
    pub lines: &'a [Line],
    /// The range of the vertical axis.
    pub scale: Scale,
    /// The last step of the horizontal axis.
    pub steps: u64,
    /// A value to compare with, and its name.
    pub level: Option<(f32, &'a str)>,
}

impl Chart<'_> {
    /// Draws the chart.
    pub fn draw(&self) -> Figure {
        let [left, right, top, bottom] = MARGINS;
        let [from, to] = [left, SIZE[0] - right];
        let (legend, lower) = self.legend(from, to);
        let height = SIZE[1] + lower;
        let [ground, ceiling] = [height - bottom, top + lower];
        let steps = self.steps.max(1) as f64;
        let x = |step: f64| from + (to - from) * (step / steps).clamp(0.0, 1.0);
        let y = |value: f32| ground + (ceiling - ground) * f64::from(self.scale.height(value));
        let mut body = String::new();
        for value in self.heights() {
            body += &line("rule", [from, y(value)], [to, y(value)]);
            body += &text(from - 6.0, y(value) + 4.0, "end", &short(f64::from(value)));
        }
        for step in round::ticks(0.0, steps, 4) {
            let anchor = if x(step) > to - 20.0 { "end" } else { "middle" };
            body += &line("rule", [x(step), ground], [x(step), ground + 4.0]);
            body += &text(x(step), ground + 18.0, anchor, &thousands(step as u64));
        }
        body += &text((from + to) / 2.0, height - 3.0, "middle", "step");
        if let Some((value, name)) = self.level {
            body += &line("level", [from, y(value)], [to, y(value)]);
            body += &text(to - 2.0, y(value) - 5.0, "end", name);
        }
        for curve in self.lines {
            for part in curve.points.split(|point| !point.mean.is_finite()).filter(|part| !part.is_empty()) {
                if curve.shaded {
                    let at = |which: usize| move |point: &Point| [x(point.step as f64), y(point.between[which])];
                    let band = through(part.iter().map(at(1)).chain(part.iter().rev().map(at(0))));
                    body += &format!("<path class=\"{} band\" d=\"{band}Z\"/>", curve.class);
                }
                let means = through(part.iter().map(|point| [x(point.step as f64), y(point.mean)]));
                body += &format!("<path class=\"{}\" d=\"{means}\"/>", curve.class);
            }
        }
        Figure { size: [SIZE[0], height], words: self.words(), body: body + &legend }
    }

    /// Returns the legend of the curves in rows from `from` to `to`, and the height of its rows after the first.
    fn legend(&self, from: f64, to: f64) -> (String, f64) {
        let (mut legend, mut across, mut lower) = (String::new(), from, 0.0);
        for curve in self.lines {
            let name = end_of(&curve.name, ((to - from - ENTRY) / LETTER) as usize);
            let wide = ENTRY + LETTER * display_width(&name) as f64;
            if across > from && across + wide > to {
                (across, lower) = (from, lower + ROW);
            }
            legend += &line(curve.class, [across, lower + 12.0], [across + 18.0, lower + 12.0]);
            legend += &text(across + 23.0, lower + 16.0, "start", &name);
            across += wide;
        }
        (legend, lower)
    }

    /// Returns the values that stand at the vertical axis.
    fn heights(&self) -> Vec<f32> {
        let Scale { low, high, log } = self.scale;
        if !log {
            return round::ticks(f64::from(low), f64::from(high), 5).into_iter().map(|tick| tick as f32).collect();
        }
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let within = if last - first <= 2 { round::LOGARITHMIC } else { &[1.0] };
        let powers = (first..=last).step_by(1 + (last - first) as usize / 6).map(|power| 10f32.powi(power));
        let values = powers.flat_map(|power| within.iter().map(move |step| *step as f32 * power));
        values.filter(|value| (low * 0.999..=high * 1.001).contains(value)).collect()
    }

    fn words(&self) -> String {
        let axis = if self.scale.log { ", on a logarithmic axis" } else { "" };
        let lines: Vec<String> = self.lines.iter().map(Line::words).collect();
        let level = self.level.map_or(String::new(), |(value, name)| {
            let shown = short(f64::from(value));
            if name == shown { format!(" A line at {shown}.") } else { format!(" A line at {shown}, {name}.") }
        });
        format!("{} over {} steps{axis}. {}{level}", self.title, thousands(self.steps), lines.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(means: &[f32]) -> Line {
        let points = means.iter().zip(1..).map(|(&mean, step)| Point { step, mean, between: [mean - 0.1, mean + 0.1] });
        Line { name: "D".into(), class: "d", shaded: true, points: points.collect() }
    }

    fn chart(lines: &[Line], log: bool) -> Figure {
        let scale = scale(lines.iter(), [].into_iter(), log);
        Chart { title: "Losses", lines, scale, steps: 4, level: Some((0.5, "0.5")) }.draw()
    }

    #[test]
    fn values_that_are_not_finite_leave_a_gap() {
        let figure = chart(&[curve(&[1.0, f32::NAN, 2.0, 4.0])], false);
        // Two parts, each with a band and a line; the first part is a single dot.
        assert_eq!(figure.body.matches("<path").count(), 4);
        assert!(figure.body.contains("h0\"") && !figure.body.contains("NaN"), "{}", figure.body);
        assert_eq!(
            figure.words,
            "Losses over 4 steps. D: 1.00 at step 1, 4.00 at step 4, between 1.00 and 4.00, with gaps. A line at 0.50, 0.5."
        );
        let figure = chart(&[curve(&[f32::NAN; 3])], true);
        assert!(figure.words.contains("D: no finite value.") && !figure.body.contains("<path"), "{figure:?}");
    }

    #[test]
    fn a_legend_of_many_runs_has_rows_and_keeps_the_ends_of_long_names() {
        let long = format!("{}-seed-2", "x".repeat(80));
        let names = ["digits-1", "digits-2", "digits-3", "digits-4", &long, "二二二"];
        let lines: Vec<Line> = names.iter().map(|name| curve(&[1.0, 2.0]).of_run(name, "run1 dashed")).collect();
        let figure = chart(&lines, false);
        // Three names, one, the long one, and the last.
        assert_eq!((figure.size, figure.body.matches("y=\"16.0\"").count()), ([420.0, 240.0 + 3.0 * ROW], 3));
        assert!(figure.body.contains("x-seed-2</text>") && !figure.body.contains(&long), "{}", figure.body);
        assert_eq!(figure.body.matches("<path class=\"run1 dashed\"").count(), names.len(), "no shades");
    }

    #[test]
    fn a_logarithmic_axis_has_round_ends_and_at_most_eight_decades() {
        for (means, low, high) in [
            (&[0.3, 7.0][..], 0.2, 10.0),
            (&[1.0, 1.0], 1.0, 2.0),
            (&[0.0, 3.0], 2.0, 5.0),
            (&[1e-30, 50.0], 5e-7, 50.0),
            (&[f32::NAN, 0.02, f32::INFINITY], 0.02, 0.04),
        ] {
            let found = scale([curve(means)].iter(), [].into_iter(), true);
            assert!(found.log, "{means:?}");
            assert!(
                (found.low / low - 1.0).abs() < 1e-3 && (found.high / high - 1.0).abs() < 1e-3,
                "{means:?} {found:?}"
            );
        }
        for means in [&[-1.0, 3.0][..], &[0.0], &[]] {
            assert!(!scale([curve(means)].iter(), [].into_iter(), true).log, "{means:?}");
        }
    }

    #[test]
    fn any_values_give_finite_coordinates() {
        for means in [&[f32::MAX, f32::MIN][..], &[f32::MIN_POSITIVE, f32::MAX], &[1e-45], &[0.0, -0.0], &[3e38, 3e38]]
        {
            for log in [false, true] {
                let body = chart(&[curve(means)], log).body;
                assert!(!body.contains("NaN") && !body.contains("inf\""), "{means:?} {log} {body}");
            }
        }
    }

    #[test]
    fn a_long_run_is_thinned() {
        let dir = tempfile::tempdir().expect("a directory");
        duel_tests::recorded::record_long(dir.path(), 10_000);
        let (mut reader, mut run) = duel_trainer::run::reader::Reader::new(dir.path());
        reader.update(&mut run).expect("readable");
        let line = Line::thinned(&run.curves, Series::find("d_loss").expect("a series"));
        assert!((200..=POINTS).contains(&line.points.len()), "{}", line.points.len());
        assert_eq!(line.points.last().map(|point| point.step), Some(10_000));
        assert_eq!(
            line.points.iter().map(|point| point.between[1]).fold(0.0, f32::max),
            99.0,
            "the spike is in the band"
        );
    }
}
