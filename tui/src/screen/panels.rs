//! Curves as the screens share them: their figures, their titles, their places.

use duel_trainer::{
    losses::DRAW,
    run::{
        curves::{Bucket, Series},
        reader::Run,
    },
};
use ratatui::layout::Rect;

use super::sheet::{Piece, Sheet, piece};
use crate::{
    app::App,
    plot::{Chart, Curve, Scale, short},
    theme::Role,
    words,
};

/// Some curves over the same steps, with a title.
#[derive(Debug)]
pub struct Panel {
    title: &'static str,
    curves: &'static [(Series, &'static str, Role)],
    kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// Heights as the figures ask for, by the logarithm if the user wants.
    Free,
    /// As the figures ask for, with the draw marked.
    Value,
    /// Probabilities, with a half marked.
    Probability,
}

/// The panels, the most telling first.
pub const PANELS: [Panel; 5] = [
    Panel {
        title: "losses",
        curves: &[(Series::GLoss, "G", Role::G), (Series::DLoss, "D", Role::D)],
        kind: Kind::Free,
    },
    Panel { title: "V(D, G)", curves: &[(Series::Value, "", Role::Text)], kind: Kind::Value },
    Panel {
        title: "D says real",
        curves: &[(Series::DFake, "D(G(z))", Role::G), (Series::DReal, "D(x)", Role::D)],
        kind: Kind::Probability,
    },
    Panel {
        title: "gradient norms",
        curves: &[(Series::GGradient, "G", Role::G), (Series::DGradient, "D", Role::D)],
        kind: Kind::Free,
    },
    Panel { title: "images/s", curves: &[(Series::Speed, "", Role::Text)], kind: Kind::Free },
];

/// What all panels of a screen share.
#[derive(Debug)]
pub struct Steps<'a> {
    /// The records in view.
    pub buckets: &'a [Bucket],
    /// The first and the last step in view.
    pub range: (u64, u64),
    /// A step that is pointed at.
    pub cursor: Option<u64>,
}

impl<'a> Steps<'a> {
    /// Those that the user looks at.
    pub fn of(app: &'a App, cursor: Option<u64>) -> Self {
        let range = app.view.steps(app.run.step(), app.run.steps());
        Self { buckets: app.run.curves.between(range.0, range.1), range, cursor }
    }

    /// The record at the cursor, else the newest.
    fn now(&self, app: &'a App) -> Option<&'a Bucket> {
        let step = self.cursor.unwrap_or(u64::MAX);
        app.run.curves.between(0, step).last()
    }
}

/// Draws panels below each other, and the steps under the last. The title of the first goes into the line above `area`.
pub fn draw(sheet: &mut Sheet, area: Rect, panels: &[Panel], app: &App, steps: &Steps) {
    let count = panels.len() as u16;
    let rows = area.height.saturating_sub(count);
    let mut top = area.y;
    for (panel, number) in panels.iter().zip(0..) {
        let height = rows / count + u16::from(number < rows % count);
        if number > 0 {
            sheet.across(area.x - 1, area.right(), top - 1);
        }
        draw_title(sheet, area, top - 1, panel, steps.now(app));
        chart(sheet, Rect { y: top, height, ..area }, panel, app, steps);
        top += height + 1;
    }
    draw_steps(sheet, Rect { y: area.bottom() - 1, height: 1, ..area }, app, steps);
}

fn draw_title(sheet: &mut Sheet, area: Rect, y: u16, panel: &Panel, now: Option<&Bucket>) {
    sheet.label(area.x, area.right(), y, vec![piece(panel.title, Role::Title)]);
    let mut figures = Vec::new();
    for (series, name, role) in panel.curves.iter().rev() {
        let figure = now.map_or("-".into(), |bucket| figure(bucket, *series));
        let space = if figures.is_empty() { "" } else { "  " };
        let name = if name.is_empty() { String::new() } else { format!("{name} ") };
        figures.push(piece(format!("{space}{name}{figure}"), *role));
    }
    match panel.kind {
        Kind::Value => figures.push(piece(format!("  draw {DRAW:.3}"), Role::Even)),
        Kind::Probability | Kind::Free => {}
    }
    let start = area.x + panel.title.len() as u16 + 3;
    sheet.label_right(start, area.right(), y, figures);
}

fn figure(bucket: &Bucket, series: Series) -> String {
    let mean = f64::from(bucket.span(series).mean);
    match series {
        Series::Speed => words::thousands(mean.clamp(0.0, 1e12) as u64),
        _ if mean.is_finite() && (0.0005..100.0).contains(&mean.abs()) => format!("{mean:.3}"),
        _ => short(mean),
    }
}

fn chart(sheet: &mut Sheet, area: Rect, panel: &Panel, app: &App, steps: &Steps) {
    let curves: Vec<Curve> = panel
        .curves
        .iter()
        .map(|(series, _, role)| Curve { buckets: steps.buckets, series: *series, role: *role })
        .collect();
    let figures = || curves.iter().flat_map(|curve| ends(curve));
    let (scale, mark) = match panel.kind {
        Kind::Free => (Scale::around(figures(), app.view.logarithm), None),
        Kind::Value => {
            let top = if steps.buckets.is_empty() { 0.0 } else { DRAW };
            (Scale::around(figures().chain([DRAW, top]), false), Some((DRAW, Role::Even)))
        }
        Kind::Probability => (Scale { low: 0.0, high: 1.0, log: false }, Some((0.5, Role::Even))),
    };
    let chart = Chart {
        curves: &curves,
        steps: steps.range,
        scale,
        mark,
        cursor: steps.cursor,
        smoothing: app.view.smoothing(),
    };
    chart.draw(area, sheet.buffer, sheet.theme);
}

/// The least and the greatest figure of each bucket.
pub fn ends(curve: &Curve) -> impl Iterator<Item = f32> {
    curve.buckets.iter().map(move |bucket| bucket.span(curve.series)).flat_map(|span| [span.min, span.max])
}

/// The first and the last step in view, and how they are looked at.
pub fn draw_steps(sheet: &mut Sheet, area: Rect, app: &App, steps: &Steps) {
    let left: Piece = piece(words::thousands(steps.range.0), Role::Dim);
    let right = piece(format!("step {}", words::thousands(steps.range.1)), Role::Dim);
    let x = sheet.put(area.x + 6, area.right(), area.y, &[left]) + 2;
    let end = area.right().saturating_sub(right.0.len() as u16);
    let how = app.view.words();
    let middle = (x + end).saturating_sub(how.len() as u16) / 2;
    sheet.put(middle.max(x), end, area.y, &[piece(how, Role::Here)]);
    sheet.put(end, area.right(), area.y, &[right]);
}

/// Seconds until the last step, by the speed of the last tenth of the records; none if it cannot be known.
pub fn time_left(run: &Run) -> Option<f64> {
    let left = run.steps().checked_sub(run.step())?;
    let all = run.curves.between(0, u64::MAX);
    let last = all.last()?;
    let before = all.get(all.len().checked_sub(1 + (all.len() / 10).max(1))?)?;
    let steps = last.last.checked_sub(before.last).filter(|steps| *steps > 0)?;
    Some(f64::from(last.seconds - before.seconds) / steps as f64 * left as f64)
}
