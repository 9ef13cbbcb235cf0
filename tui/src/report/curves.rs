//! The charts of a run. Several runs share the scale of each chart, so that they can be compared.

use duel_trainer::{
    gan::losses::DRAW,
    run::scalars::{Axis, Panel, ReportChart},
};

use super::{
    chart::{Chart, Line, POINTS, Point, scale},
    subject::Subject,
    svg::Figure,
};

/// A chart for each run.
pub struct Charts {
    /// Name of the chart in the names of figure files: `losses` in `RUN-losses.svg`.
    pub file: &'static str,
    /// The text below each chart.
    pub caption: &'static str,
    /// The charts in the order of the runs; none for a run that has no values for the chart.
    pub figures: Vec<Option<Figure>>,
}

/// Returns the charts for the panels of `scalars.rs`. A chart is left out if no run has values for it.
pub fn scalars(subjects: &[&Subject]) -> Vec<Charts> {
    let panels = Panel::all().into_iter().filter_map(|panel| Some((panel, panel.report.as_ref()?)));
    let charts = panels.map(|(panel, ReportChart { file, title, caption })| {
        let lines = |subject: &&Subject| {
            let curves = &subject.run.curves;
            let drawn = curves.panels().contains(&panel);
            panel.series().filter(|_| drawn).map(|series| Line::thinned(curves, series)).collect()
        };
        let figures = draw(title, panel.axis, subjects, subjects.iter().map(lines).collect());
        Charts { file, caption, figures }
    });
    charts.filter(|charts| charts.figures.iter().any(Option::is_some)).collect()
}

/// Returns a chart of the Fréchet distance at each evaluation; none if no run has two evaluations.
pub fn frechet(subjects: &[&Subject]) -> Option<Vec<Option<Figure>>> {
    let lines = subjects.iter().map(|subject| evaluations(subject).into_iter().collect());
    let figures = draw("Fréchet distance", Axis::Fitted, subjects, lines.collect());
    figures.iter().any(Option::is_some).then_some(figures)
}

/// Draws a chart for each run, from the curves of each run.
fn draw(title: &str, axis: Axis, subjects: &[&Subject], lines: Vec<Vec<Line>>) -> Vec<Option<Figure>> {
    // Whether the axis is logarithmic, the values that it always includes, and a level to compare with.
    let (log, ends, level): (bool, &[f32], _) = match axis {
        Axis::Fitted => (true, &[], None),
        Axis::Value => (false, &[0.0, -2.0], Some((DRAW, "even duel: -log 4"))),
        Axis::Probability => (false, &[0.0, 1.0], Some((0.5, "even duel: 0.5"))),
        Axis::Share => (false, &[0.0, 1.0], None),
    };
    let ends = || ends.iter().copied();
    // A run with negative values has a scale of its own, so that the others keep their logarithmic axis.
    let below = |lines: &[Line]| log && lines.iter().flat_map(|line| &line.points).any(|point| point.mean < 0.0);
    let shared = scale(lines.iter().filter(|lines| !below(lines)).flatten(), ends(), log);
    let figures = subjects.iter().zip(&lines).map(|(subject, lines)| {
        let any = lines.iter().any(|line| !line.points.is_empty());
        let scale = if below(lines) { scale(lines.iter(), ends(), log) } else { shared };
        any.then(|| Chart { title, lines, scale, steps: subject.run.step(), level }.draw())
    });
    figures.collect()
}

/// Returns the Fréchet distance at each evaluation, if there are at least two.
fn evaluations(subject: &Subject) -> Option<Line> {
    let points = subject.evaluations().into_iter().filter_map(|(step, scores)| {
        let score = *scores.get("frechet")? as f32;
        Some(Point { step, mean: score, between: [score; 2] })
    });
    let points: Vec<Point> = points.collect();
    let points: Vec<Point> = points.iter().step_by(points.len().div_ceil(POINTS).max(1)).copied().collect();
    (points.len() > 1).then(|| Line { name: "Fréchet distance".into(), class: "g", points })
}
