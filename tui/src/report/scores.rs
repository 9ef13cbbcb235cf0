//! How good what was drawn is: a section of the page.

use std::collections::{BTreeMap, BTreeSet};

use duel_trainer::{
    bell::Bell,
    evaluate::Scores,
    run::{grid::Samples, story::showable},
};

use super::{
    Subject, curves,
    html::{Cell, columns, figure, paragraph, table},
    pick,
    sections::beside,
};
use crate::words::thousands;

/// Evaluations, and measures of one, that are shown at most.
const EVALUATIONS: usize = 12;

/// Scores of best checkpoints beside those of real digits, `real`, and those that were taken during training.
pub fn scores(subjects: &[Subject], real: Option<&BTreeMap<String, f64>>) -> String {
    let mut html = String::new();
    let scored: Vec<&Subject> = subjects.iter().filter(|subject| matches!(subject.shown, Some(Ok(_)))).collect();
    if !scored.is_empty() {
        html += &paragraph(
            "Of 10,000 samples of the checkpoint with the least Fréchet distance, or else the last, against the 10,000 test images. Real digits are 10,000 training images: what \
             comes close to them is as good as can be measured.",
        );
        let cell = |score: Option<&f64>| Cell::Number(score.map_or("-".into(), |score| format!("{score:.3}")));
        let rows: Vec<(String, Vec<Cell>)> = Scores::MEASURES
            .iter()
            .map(|(name, best)| {
                let own = subjects.iter().map(|subject| match &subject.shown {
                    Some(Ok(shown)) => cell(shown.scores.get(*name)),
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
        if let Some(Err(why)) = &subject.shown {
            html += &paragraph(&format!("{}: no scores: {}", subject.name, showable(why)));
        }
    }
    let numbers = subjects.iter().filter_map(|subject| match subject.stages.last() {
        Some((step, Samples::Numbers(portrait))) => {
            let law = subject.run.recipe.get("data.source").filter(|source| Bell::of(source).is_some());
            Some(format!(
                "{}: at step {} the generator's density is {:.3} from the data's{} in total variation (0 is the same, 1 as far \
                 apart as can be), and D(x) within 0.5 ± {:.2} where 99 % of the data lie.",
                subject.name,
                thousands(*step),
                portrait.distance,
                law.map_or(String::new(), |law| format!(" ({law})")),
                portrait.doubt()
            ))
        }
        _ => None,
    });
    html += &numbers.map(|text| paragraph(&text)).collect::<String>();
    html += &evaluations(subjects);
    if html.is_empty() { paragraph("Nothing was scored: `duel eval` does it.") } else { html }
}

/// The scores that were taken during training.
fn evaluations(subjects: &[Subject]) -> String {
    let mut html = String::new();
    if let Some((_, figures)) =
        curves::all(&subjects.iter().collect::<Vec<_>>()).into_iter().find(|(name, _)| *name == "frechet")
    {
        let caption =
            "The Fréchet distance to training images that were held out, as training went on; less is better.";
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
            let score = |name: &&str| evaluations[&step].get(*name).map_or("-".into(), |score| format!("{score:.3}"));
            (thousands(step), names.iter().map(|name| Cell::Number(score(name))).collect())
        });
        let rows: Vec<(String, Vec<Cell>)> = rows.collect();
        if !rows.is_empty() {
            let measures: Vec<String> = names.iter().map(|name| measure(name)).collect();
            let heads: Vec<&str> = std::iter::once("Step").chain(measures.iter().map(String::as_str)).collect();
            html += &table(&format!("{}: scores while it trained", subject.name), &heads, &rows);
        }
    }
    html
}

/// A measure's name as a person reads it.
fn measure(name: &str) -> String {
    match name {
        "frechet" => "Fréchet distance".into(),
        "parzen" => "Parzen-window log-likelihood, nats".into(),
        _ => name.replace('_', " "),
    }
}
