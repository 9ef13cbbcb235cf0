//! The section of scores.

use std::collections::{BTreeMap, BTreeSet};

use duel_models::text::showable;
use duel_trainer::{metrics::scores::Scores, run::grid::Samples};

use super::{
    curves,
    html::{Cell, columns, figure, paragraph, table},
    side_by_side::beside,
    subject::{Subject, pick},
};
use crate::text::numbers::thousands;

/// The most evaluations that are shown, and the most scores that are shown of each evaluation.
const EVALUATIONS: usize = 12;

/// Returns the scores of best checkpoints beside those of real digits, `real`, and the scores of evaluations during
/// training.
pub fn scores(subjects: &[Subject], real: Option<&BTreeMap<String, f64>>) -> String {
    let mut html = String::new();
    let scored: Vec<&Subject> = subjects
        .iter()
        .filter(|subject| matches!(&subject.shown, Some(Ok(shown)) if !shown.scores.is_empty()))
        .collect();
    if !scored.is_empty() {
        html += &paragraph(
            "Scores of 10,000 samples against the 10,000 test images. The samples are of the checkpoint with the lowest Fréchet distance, or of \
             the last one in a run without evaluations. Real digits are 10,000 training images: a generator with their scores is as good \
             as these scores can tell.",
        );
        let cell = |score: Option<&f64>| Cell::Number(score.map_or("-".into(), |score| shown(*score)));
        let rows: Vec<(String, Vec<Cell>)> = Scores::MEASURES
            .iter()
            .map(|(name, best)| {
                let own = subjects.iter().map(|subject| match &subject.shown {
                    Some(Ok(own)) => cell(own.scores.get(*name)),
                    _ => cell(None),
                });
                let real = real.map(|real| cell(real.get(*name)));
                (measure(name), own.chain(real).chain([Cell::Text((*best).to_owned())]).collect())
            })
            .collect();
        let more: &[&str] = if real.is_some() { &["real digits", "best"] } else { &["best"] };
        html += &beside(subjects, "Scores", "Measure", &rows, more);
    }
    for subject in subjects {
        let why = match &subject.shown {
            Some(Err(why)) => showable(why),
            Some(Ok(shown)) if shown.scores.is_empty() => "the bundled classifier knows MNIST digits only".to_owned(),
            _ => continue,
        };
        html += &paragraph(&format!("{}: no scores: {why}", subject.name));
    }
    let numbers = subjects.iter().filter_map(|subject| match subject.stages.last() {
        Some((step, Samples::Densities(densities))) => {
            let law = subject.run.recipe.get("data.source").filter(|_| subject.run.recipe.is_toy());
            Some(format!(
                "{}: at step {} the total variation distance between the densities of generator and data{} is {:.3} (0: equal, 1: \
                 disjoint), and D(x) is within 0.5 ± {:.2} where 99 % of the data lie.",
                subject.name,
                thousands(*step),
                law.map_or(String::new(), |law| format!(" ({law})")),
                densities.distance,
                densities.largest_advantage()
            ))
        }
        _ => None,
    });
    html += &numbers.map(|text| paragraph(&text)).collect::<String>();
    html += &evaluations(subjects);
    if html.is_empty() { paragraph("No scores: `duel eval` computes them.") } else { html }
}

/// Returns the scores of evaluations during training.
fn evaluations(subjects: &[Subject]) -> String {
    let mut html = String::new();
    if let Some(figures) = curves::frechet(&subjects.iter().collect::<Vec<_>>()) {
        let caption = "The Fréchet distance to held-out training images during training; lower is better.";
        html += &columns(subjects.iter().zip(figures).map(|(subject, drawn)| {
            let drawn = drawn.map_or_else(|| paragraph("No evaluations."), |drawn| figure(&drawn.element(), caption));
            (subject.name.as_str(), drawn)
        }));
    }
    for subject in subjects {
        let evaluations = subject.evaluations();
        let names: BTreeSet<&str> = evaluations.values().flat_map(|scores| scores.keys().map(String::as_str)).collect();
        let names: Vec<&str> = names.into_iter().take(EVALUATIONS).collect();
        let steps: Vec<u64> = evaluations.keys().copied().collect();
        let rows = pick(&steps, EVALUATIONS).into_iter().map(|step| {
            let score = |name: &&str| evaluations[&step].get(*name).map_or("-".into(), |score| shown(*score));
            (thousands(step), names.iter().map(|name| Cell::Number(score(name))).collect())
        });
        let rows: Vec<(String, Vec<Cell>)> = rows.collect();
        if !rows.is_empty() {
            let measures: Vec<String> = names.iter().map(|name| measure(name)).collect();
            let heads: Vec<&str> = std::iter::once("Step").chain(measures.iter().map(String::as_str)).collect();
            html += &table(&format!("{}: scores of evaluations during training", subject.name), &heads, &rows);
        }
    }
    html
}

/// Returns the name of a score as a reader knows it.
fn measure(name: &str) -> String {
    match name {
        "frechet" => "Fréchet distance".into(),
        "parzen" => "Parzen-window log-likelihood, nats".into(),
        _ => name.replace('_', " "),
    }
}

/// Formats a score, short even if it is extreme.
fn shown(score: f64) -> String {
    if score.abs() < 1e6 { format!("{score:.3}") } else { format!("{score:.3e}") }
}
