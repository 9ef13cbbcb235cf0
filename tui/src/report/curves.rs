//! The charts of runs. Several runs are drawn in the same axes, so that they can be compared.

use std::collections::BTreeMap;

use duel_trainer::{
    gan::losses::DRAW,
    run::scalars::{Axis, Panel, ReportChart},
};

use super::{
    chart::{Chart, Line, POINTS, Point, scale},
    subject::Subject,
    svg::Figure,
};

/// The CSS classes of the curves of several runs, in the order of the runs: four colours, solid and dashed.
const RUNS: [&str; 8] = ["run1", "run2", "run3", "run4", "run1 dashed", "run2 dashed", "run3 dashed", "run4 dashed"];

/// The charts of a panel of `scalars.rs`.
pub struct Charts {
    /// The title.
    pub title: &'static str,
    /// The text below the charts.
    pub caption: &'static str,
    /// The charts: one with all scalars of the panel for a single run, one for each scalar for several runs.
    pub charts: Vec<Charted>,
}

/// A chart.
pub struct Charted {
    /// The chart's name in the names of files.
    pub file: &'static str,
    /// The name of its scalar; the title of the panel for a single run.
    pub name: &'static str,
    /// The chart.
    pub figure: Figure,
}

/// Returns the charts for the panels of `scalars.rs`. A chart is left out if no run has values for it.
pub fn scalars(subjects: &[&Subject]) -> Vec<Charts> {
    let panels = Panel::all().into_iter().filter_map(|panel| Some((panel, panel.report.as_ref()?)));
    let charts = panels.map(|(panel, chart)| {
        let &ReportChart { file, title, caption } = chart;
        let charts = match subjects {
            [subject] => {
                let lines = with_panel(subjects, panel).flat_map(|_| panel.series());
                let lines = lines.map(|series| Line::thinned(&subject.run.curves, series)).collect();
                let figure = draw(title, panel.axis, subjects, lines);
                figure.map(|figure| Charted { file, name: title, figure }).into_iter().collect()
            }
            _ => compared(subjects, panel),
        };
        Charts { title, caption, charts }
    });
    charts.filter(|charts| !charts.charts.is_empty()).collect()
}

/// Returns the runs that have a panel, each with its place among the runs.
fn with_panel<'a>(subjects: &'a [&Subject], panel: &'static Panel) -> impl Iterator<Item = (usize, &'a Subject)> {
    let has_panel = move |subject: &Subject| subject.run.curves.panels().contains(&panel);
    subjects.iter().copied().enumerate().filter(move |(_, subject)| has_panel(subject))
}

/// Returns a chart for each scalar of a panel, with a curve of each run that has the panel.
fn compared(subjects: &[&Subject], panel: &'static Panel) -> Vec<Charted> {
    let charts = panel.series().filter_map(|series| {
        let lines = with_panel(subjects, panel)
            .map(|(place, subject)| Line::thinned(&subject.run.curves, series).of_run(&subject.name, class(place)));
        let figure = draw(series.name, panel.axis, subjects, lines.collect())?;
        Some(Charted { file: series.key, name: series.name, figure })
    });
    charts.collect()
}

fn class(place: usize) -> &'static str {
    RUNS[place % RUNS.len()]
}

/// Returns charts of the Fréchet distance at each evaluation, one for each judge: distances of two judges cannot be
/// compared. A run with fewer than two evaluations has no curve.
pub fn frechet<'a>(subjects: &[&'a Subject]) -> Vec<(&'a str, Figure)> {
    let mut lines: BTreeMap<&str, Vec<Line>> = BTreeMap::new();
    for (place, &subject) in subjects.iter().enumerate() {
        let Some(line) = evaluations(subject) else { continue };
        let line = if subjects.len() == 1 { line } else { line.of_run(&subject.name, class(place)) };
        lines.entry(subject.judge()).or_default().push(line);
    }
    let charts = lines.into_iter();
    charts
        .filter_map(|(judge, lines)| Some((judge, draw("Fréchet distance", Axis::Fitted, subjects, lines)?)))
        .collect()
}

/// Draws curves in the same axes, whose steps reach to the last one of all runs. None if no curve has a point.
fn draw(title: &str, axis: Axis, subjects: &[&Subject], mut lines: Vec<Line>) -> Option<Figure> {
    lines.retain(|line| !line.points.is_empty());
    // Whether the axis is logarithmic, the values that it always includes, and a level to compare with.
    let (log, ends, level): (bool, &[f32], _) = match axis {
        Axis::Fitted => (true, &[], None),
        Axis::Value => (false, &[0.0, -2.0], Some((DRAW, "even duel: -log 4"))),
        Axis::Probability => (false, &[0.0, 1.0], Some((0.5, "even duel: 0.5"))),
        Axis::Share => (false, &[0.0, 1.0], None),
    };
    let scale = scale(lines.iter(), ends.iter().copied(), log);
    let steps = subjects.iter().map(|subject| subject.run.step()).max().unwrap_or(0);
    (!lines.is_empty()).then(|| Chart { title, lines: &lines, scale, steps, level }.draw())
}

/// Returns the Fréchet distance at each evaluation, if there are at least two.
fn evaluations(subject: &Subject) -> Option<Line> {
    let points = subject.evaluations().into_iter().filter_map(|(step, scores)| {
        let score = *scores.get("frechet")? as f32;
        Some(Point { step, mean: score, between: [score; 2] })
    });
    let points: Vec<Point> = points.collect();
    let points: Vec<Point> = points.iter().step_by(points.len().div_ceil(POINTS).max(1)).copied().collect();
    (points.len() > 1).then(|| Line { name: "Fréchet distance".into(), class: "g", shaded: false, points })
}
