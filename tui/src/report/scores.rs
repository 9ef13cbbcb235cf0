//! The section of scores.

use std::collections::{BTreeMap, BTreeSet};

use duel_models::text::showable;
use duel_trainer::{metrics::scores::Scores, run::grid::Samples};

use super::{
    curves,
    html::{Cell, figure, paragraph, table},
    subject::{Scored, Subject, pick},
};
use crate::text::numbers::thousands;

/// The most evaluations that are shown, and the most scores that are shown of each evaluation.
const EVALUATIONS: usize = 12;

/// Returns the scores of best checkpoints beside those of real pictures, in a table for each judge, and the scores of
/// evaluations during training.
pub fn scores(subjects: &[Subject]) -> String {
    let mut html = String::new();
    let mut judged: BTreeMap<&str, Vec<(&str, &Scored)>> = BTreeMap::new();
    for subject in subjects {
        let Some(shown) = &subject.shown else { continue };
        match shown.as_ref().and_then(|shown| shown.scored.as_ref()) {
            Ok(scored) => judged.entry(&scored.judge).or_default().push((&subject.name, scored)),
            Err(why) => html += &paragraph(&format!("{}: no scores: {}", subject.name, showable(why))),
        }
    }
    html += &judged.iter().map(|(judge, scored)| by_judge(judge, scored)).collect::<String>();
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

/// Returns the scores by one judge: a column for each run and, for each number of samples, one for real pictures.
fn by_judge(judge: &str, scored: &[(&str, &Scored)]) -> String {
    let mut counts: BTreeMap<usize, &Scored> = BTreeMap::new();
    scored.iter().for_each(|(_, scored)| _ = counts.entry(scored.count).or_insert(scored));
    let cell = |scores: &BTreeMap<String, f64>, name: &str| {
        // The KID of good samples is some thousandths.
        let kid = name.starts_with("kid");
        let text = scores.get(name).map(|score| if kid { format!("{score:.5}") } else { shown(*score) });
        Cell::Number(text.unwrap_or("-".into()))
    };
    let there = |name: &str| scored.iter().any(|(_, own)| own.scores.contains_key(name));
    let rows = Scores::MEASURES.iter().filter(|(name, _)| there(name)).map(|(name, best)| {
        let own = scored.iter().map(|(_, own)| cell(&own.scores, name));
        let real = counts.values().map(|scored| cell(&scored.real, name));
        (measure(name), own.chain(real).chain([Cell::Text((*best).to_owned())]).collect())
    });
    let rows: Vec<(String, Vec<Cell>)> = rows.collect();
    let real: Vec<String> = counts.keys().map(|count| format!("{} real images", thousands(*count as u64))).collect();
    let heads: Vec<&str> = std::iter::once("Measure")
        .chain(scored.iter().map(|(name, _)| *name))
        .chain(real.iter().map(String::as_str))
        .chain(["best"])
        .collect();
    let tests = scored.first().map_or(0, |(_, scored)| scored.tests);
    let explained = paragraph(&format!(
        "Scores of samples against {} test images, in the features of the judge {judge}. Scores by other judges cannot be \
         compared with them. The samples are of the checkpoint with the lowest Fréchet distance, or of the last one in a run \
         without evaluations. Real images are training images: a generator with their scores is as good as these scores can \
         tell.",
        thousands(tests as u64)
    ));
    explained + &table(&format!("Scores by {judge}"), &heads, &rows)
}

/// Returns the scores of evaluations during training.
fn evaluations(subjects: &[Subject]) -> String {
    let mut html = String::new();
    for (judge, drawn) in curves::frechet(&subjects.iter().collect::<Vec<_>>()) {
        let caption = "The Fréchet distance to held-out training images during training; lower is better.";
        html += &figure(&drawn.element(), &format!("{caption} Judge: {judge}."));
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
            html += &table(
                &format!("{}: scores of evaluations during training, by {}", subject.name, subject.judge()),
                &heads,
                &rows,
            );
        }
    }
    html
}

/// Returns the name of a score as a reader knows it.
fn measure(name: &str) -> String {
    match name {
        "frechet" => "Fréchet distance".into(),
        "frechet_spread" => "standard error of the Fréchet distance".into(),
        "kid" => "KID".into(),
        "kid_spread" => "standard error of the KID".into(),
        "modes" => "modes covered".into(),
        "modes_kl" => "KL divergence of the modes, nats".into(),
        "parzen" => "Parzen-window log-likelihood, nats".into(),
        _ => name.replace('_', " "),
    }
}

/// Formats a score, short even if it is extreme.
fn shown(score: f64) -> String {
    if score.abs() < 1e6 { format!("{score:.3}") } else { format!("{score:.3e}") }
}
