//! The charts of a run. Several runs share the scale of each chart, so that they can be compared.

use duel_trainer::{gan::losses::DRAW, run::curves::Series};

use super::{
    chart::{Chart, Line, POINTS, Point, scale},
    subject::Subject,
    svg::Figure,
};

/// A chart: its name in file names, its title, its curves, the kind of its axis, and a level to compare with.
struct Kind {
    name: &'static str,
    title: &'static str,
    lines: fn(&Subject) -> Vec<Line>,
    log: bool,
    level: Option<(f32, &'static str)>,
    /// Values that the axis always includes.
    ends: &'static [f32],
}

const KINDS: [Kind; 5] = [
    Kind {
        name: "losses",
        title: "Losses of D and G",
        lines: |subject| {
            let line = |name, class, series| Line::thinned(name, class, &subject.run.curves, series);
            vec![line("loss of D", "d", Series::DLoss), line("loss of G", "g", Series::GLoss)]
        },
        log: true,
        level: None,
        ends: &[],
    },
    Kind {
        name: "opinions",
        title: "D(x) and D(G(z))",
        lines: |subject| {
            let line = |name, class, series| Line::thinned(name, class, &subject.run.curves, series);
            vec![line("D(x)", "d", Series::DReal), line("D(G(z))", "g", Series::DFake)]
        },
        log: false,
        level: Some((0.5, "even duel: 0.5")),
        ends: &[0.0, 1.0],
    },
    Kind {
        name: "value",
        title: "Value V(D, G)",
        lines: |subject| vec![Line::thinned("V(D, G)", "", &subject.run.curves, Series::Value)],
        log: false,
        level: Some((DRAW, "even duel: -log 4")),
        ends: &[0.0, -2.0],
    },
    Kind {
        name: "gradients",
        title: "Gradient norms of D and G",
        lines: |subject| {
            let line = |name, class, series| Line::thinned(name, class, &subject.run.curves, series);
            vec![line("gradient of D", "d", Series::DGradient), line("gradient of G", "g", Series::GGradient)]
        },
        log: true,
        level: None,
        ends: &[],
    },
    Kind {
        name: "frechet",
        title: "Fréchet distance",
        lines: |subject| evaluations(subject).into_iter().collect(),
        log: true,
        level: None,
        ends: &[],
    },
];

/// Returns each chart for each run, or none for a run without such values. Charts that no run has are left out.
pub fn all(subjects: &[&Subject]) -> Vec<(&'static str, Vec<Option<Figure>>)> {
    let charts = KINDS.iter().map(|kind| (kind.name, draw(kind, subjects)));
    charts.filter(|(_, figures)| figures.iter().any(Option::is_some)).collect()
}

fn draw(kind: &Kind, subjects: &[&Subject]) -> Vec<Option<Figure>> {
    let lines: Vec<Vec<Line>> = subjects.iter().map(|subject| (kind.lines)(subject)).collect();
    let ends = || kind.ends.iter().copied();
    // A run with negative values has a scale of its own, so that the others keep their logarithmic axis.
    let below = |lines: &[Line]| kind.log && lines.iter().flat_map(|line| &line.points).any(|point| point.mean < 0.0);
    let shared = scale(lines.iter().filter(|lines| !below(lines)).flatten(), ends(), kind.log);
    let figures = subjects.iter().zip(&lines).map(|(subject, lines)| {
        let any = lines.iter().any(|line| !line.points.is_empty());
        let scale = if below(lines) { scale(lines.iter(), ends(), kind.log) } else { shared };
        any.then(|| Chart { title: kind.title, lines, scale, steps: subject.run.step(), level: kind.level }.draw())
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
