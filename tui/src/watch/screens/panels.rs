//! Panels of curves, which several screens share.

use duel_trainer::{
    gan::losses::DRAW,
    run::{
        curves::Bucket,
        scalars::{Axis, Panel, Series, Tone, Unit},
    },
};
use ratatui::layout::Rect;

use super::axis::place;
use crate::{
    term::{
        plot::{Across, Chart, Curve, Scale},
        sheet::{Piece, Sheet, piece},
        theme::Role,
    },
    text::{
        numbers::{self, short},
        run::has_idle_network,
    },
    watch::state::app::App,
};

/// The steps that all panels of a screen share.
#[derive(Debug)]
pub struct Steps<'a> {
    /// The records in view.
    pub buckets: &'a [Bucket],
    /// The first and the last place on the horizontal axis.
    pub range: (f64, f64),
    /// A step that is pointed at.
    pub cursor: Option<u64>,
}

impl<'a> Steps<'a> {
    /// Returns the steps that the user looks at.
    pub fn in_view(app: &'a App, cursor: Option<u64>) -> Self {
        let ((from, to), curves) = (app.view.steps(app.run.step(), app.run.steps()), &app.run.curves);
        let range = (place(app.view.across, curves, from), place(app.view.across, curves, to));
        Self { buckets: curves.between(from, to), range, cursor }
    }

    /// Returns the record at the cursor, else the newest.
    fn now(&self, app: &'a App) -> Option<&'a Bucket> {
        let step = self.cursor.unwrap_or(u64::MAX);
        app.run.curves.between(0, step).last()
    }
}

/// Draws panels below each other, and the range of steps under the last. The title of the first stands in the row above
/// `area`.
pub fn draw(sheet: &mut Sheet, area: Rect, panels: &[&Panel], app: &App, steps: &Steps) {
    let count = panels.len() as u16;
    let rows = area.height.saturating_sub(count);
    let mut top = area.y;
    for (panel, number) in panels.iter().zip(0..) {
        let height = rows / count + u16::from(number < rows % count);
        if number > 0 {
            sheet.across(area.x - 1, area.right(), top - 1);
        }
        draw_title(sheet, area, top - 1, panel, steps.now(app), has_idle_network(&app.run));
        chart(sheet, Rect { y: top, height, ..area }, panel, app, steps);
        top += height + 1;
    }
    draw_steps(sheet, Rect { y: area.bottom() - 1, height: 1, ..area }, app, steps.range);
}

fn draw_title(sheet: &mut Sheet, area: Rect, y: u16, panel: &Panel, now: Option<&Bucket>, idle: bool) {
    sheet.label(area.x, area.right(), y, vec![piece(panel.title, Role::Title)]);
    let mut values = Vec::new();
    for series in panel.series() {
        let value = now.map_or("-".into(), |bucket| value(bucket, series, idle));
        let space = if values.is_empty() { "" } else { "  " };
        let label = if series.label.is_empty() { String::new() } else { format!("{} ", series.label) };
        values.push(piece(format!("{space}{label}{value}"), role(series.tone)));
    }
    match panel.axis {
        Axis::Value => values.push(piece(format!("  draw {DRAW:.3}"), Role::Even)),
        Axis::Probability | Axis::Share | Axis::Fitted => {}
    }
    let start = area.x + panel.title.len() as u16 + 3;
    sheet.label_right(start, area.right(), y, values);
}

/// Returns the role that gives a scalar its colour.
pub fn role(tone: Tone) -> Role {
    match tone {
        Tone::Discriminator => Role::D,
        Tone::Generator => Role::G,
        Tone::Neutral => Role::Text,
    }
}

/// Formats the mean of a record. NaN is `-` if a network is `idle`: it has neither a loss nor a gradient.
fn value(bucket: &Bucket, series: Series, idle: bool) -> String {
    let mean = f64::from(bucket.span(series).mean);
    match series.unit {
        Unit::ImagesPerSecond | Unit::Seconds | Unit::Bytes => numbers::thousands(mean.clamp(0.0, 1e12) as u64),
        Unit::None if mean.is_finite() && (0.0005..100.0).contains(&mean.abs()) => format!("{mean:.3}"),
        Unit::None if mean.is_nan() && idle => "-".into(),
        Unit::None => short(mean),
    }
}

fn chart(sheet: &mut Sheet, area: Rect, panel: &Panel, app: &App, steps: &Steps) {
    // A network that was not updated has no curve, instead of marks for values that are not finite.
    let idle = has_idle_network(&app.run);
    let is_drawn = |series: &Series| !idle || steps.buckets.iter().any(|bucket| !bucket.span(*series).mean.is_nan());
    // The first curve of the panel is drawn last and covers the others.
    let series = panel.series().rev().filter(is_drawn);
    let curves: Vec<Curve> =
        series.map(|series| Curve { buckets: steps.buckets, series, role: role(series.tone) }).collect();
    let values = || curves.iter().flat_map(|curve| ends(curve));
    let (scale, mark) = match panel.axis {
        Axis::Fitted => (Scale::around(values(), app.view.logarithm), None),
        Axis::Value => {
            let top = if steps.buckets.is_empty() { 0.0 } else { DRAW };
            (Scale::around(values().chain([DRAW, top]), false), Some((DRAW, Role::Even)))
        }
        Axis::Probability => (Scale { low: 0.0, high: 1.0, log: false }, Some((0.5, Role::Even))),
        Axis::Share => (Scale { low: 0.0, high: 1.0, log: false }, None),
    };
    let chart = Chart {
        curves: &curves,
        across: app.view.across,
        range: steps.range,
        scale,
        mark,
        cursor: steps.cursor.map(|step| place(app.view.across, &app.run.curves, step)),
        smoothing: app.view.smoothing(),
    };
    chart.draw(area, sheet.buffer, sheet.theme);
}

/// Returns the lowest and the highest value of each record.
pub fn ends(curve: &Curve) -> impl Iterator<Item = f32> {
    curve.buckets.iter().map(move |bucket| bucket.span(curve.series)).flat_map(|span| [span.min, span.max])
}

/// Draws the first and the last place of the horizontal axis, and a description of the view between them.
pub fn draw_steps(sheet: &mut Sheet, area: Rect, app: &App, (from, to): (f64, f64)) {
    let (from, to) = match app.view.across {
        Across::Steps => (numbers::thousands(from as u64), format!("step {}", numbers::thousands(to as u64))),
        Across::Time => (numbers::duration(from), format!("{} of training", numbers::duration(to))),
    };
    let (left, right): (Piece, Piece) = (piece(from, Role::Dim), piece(to, Role::Dim));
    let x = sheet.put(area.x + 6, area.right(), area.y, &[left]) + 2;
    let end = area.right().saturating_sub(right.0.len() as u16);
    let how = app.view.words();
    let middle = (x + end).saturating_sub(how.len() as u16) / 2;
    sheet.put(middle.max(x), end, area.y, &[piece(how, Role::Here)]);
    sheet.put(end, area.right(), area.y, &[right]);
}
