//! Events of a run and scores as text.

use std::collections::BTreeMap;

use duel_models::score_digits;
use duel_trainer::run::record::{Ending, Event, EventKind};

use super::numbers::{thousands, threads as threads_in_words};

/// Returns the kind of an event in one word.
pub fn kind(event: &Event) -> &'static str {
    match event.kind {
        EventKind::Started { .. } => "started",
        EventKind::Resumed { .. } => "resumed",
        EventKind::Checkpoint { .. } => "checkpoint",
        EventKind::Evaluation { .. } => "evaluation",
        EventKind::Warning { .. } => "warning",
        EventKind::Change { .. } => "change",
        EventKind::Answer { .. } => "answer",
        EventKind::Stopped { .. } => "stopped",
    }
}

/// Describes an event in one line.
pub fn text(event: &Event) -> String {
    match &event.kind {
        EventKind::Started { device, threads, steps, version, .. } => {
            format!("{version} on {device}, {}, for {} steps", threads_in_words(*threads), thousands(*steps))
        }
        EventKind::Resumed { steps } => format!("from step {}, until {}", thousands(event.step), thousands(*steps)),
        EventKind::Checkpoint { file } => file.clone(),
        EventKind::Evaluation { judge, scores, real } => self::scores(judge, scores, real),
        EventKind::Warning { what, since, evidence, remedy } => {
            format!("{what} since step {}: {evidence}; {remedy}", thousands(*since))
        }
        EventKind::Change { key, value } => format!("{key} = {value}"),
        EventKind::Answer { done, message, .. } => format!("{}{message}", if *done { "" } else { "refused: " }),
        EventKind::Stopped { why: Ending::Done, .. } => "all steps are done".into(),
        EventKind::Stopped { why: Ending::Asked, .. } => "as requested".into(),
        EventKind::Stopped { why: Ending::Failed, error } => {
            format!("failed: {}", error.as_deref().unwrap_or("no reason was recorded"))
        }
    }
}

/// Formats scores in one line, with their judge. The Fréchet distance is first, beside that of real pictures: it decides
/// which checkpoint is the best, and a narrow terminal cuts off the rest.
pub fn scores(judge: &str, scores: &BTreeMap<String, f64>, real: &BTreeMap<String, f64>) -> String {
    let mut scores: Vec<_> = scores.iter().collect();
    scores.sort_by_key(|(name, _)| *name != "frechet");
    let score = |(name, score): (&String, &f64)| {
        let digits = score_digits(name);
        let real = real.get(name).filter(|_| name == "frechet");
        let real = real.map_or_else(String::new, |real| format!(" (real {real:.3})"));
        format!("{name} {score:.digits$}{real}")
    };
    let mut words: Vec<String> = scores.into_iter().map(score).collect();
    if !judge.is_empty() {
        words.push(format!("judge {judge}"));
    }
    words.join(", ")
}
