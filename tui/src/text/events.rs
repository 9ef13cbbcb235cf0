//! Events of a run and scores as text.

use std::collections::BTreeMap;

use duel_trainer::run::record::{Ending, Event, What};

use super::numbers::thousands;

/// Returns the kind of an event in one word.
pub fn kind(event: &Event) -> &'static str {
    match event.what {
        What::Started { .. } => "started",
        What::Resumed { .. } => "resumed",
        What::Checkpoint { .. } => "checkpoint",
        What::Evaluation { .. } => "evaluation",
        What::Warning { .. } => "warning",
        What::Answer { .. } => "answer",
        What::Stopped { .. } => "stopped",
    }
}

/// Describes an event in one line.
pub fn text(event: &Event) -> String {
    match &event.what {
        What::Started { device, threads, steps, version, .. } => {
            format!("{version} on {device}, {threads} threads, for {} steps", thousands(*steps))
        }
        What::Resumed { steps } => format!("from step {}, until {}", thousands(event.step), thousands(*steps)),
        What::Checkpoint { file } => file.clone(),
        What::Evaluation { scores } => self::scores(scores),
        What::Warning { what, since, evidence, remedy } => {
            format!("{what} since step {}: {evidence}; {remedy}", thousands(*since))
        }
        What::Answer { done, message, .. } => format!("{}{message}", if *done { "" } else { "refused: " }),
        What::Stopped { why: Ending::Done, .. } => "all steps are done".into(),
        What::Stopped { why: Ending::Asked, .. } => "as requested".into(),
        What::Stopped { why: Ending::Failed, error } => {
            format!("failed: {}", error.as_deref().unwrap_or("no reason was recorded"))
        }
    }
}

/// Formats scores in one line, the Fréchet distance first: it decides which checkpoint is the best, and a narrow
/// terminal cuts off the rest.
pub fn scores(scores: &BTreeMap<String, f64>) -> String {
    let mut scores: Vec<_> = scores.iter().collect();
    scores.sort_by_key(|(name, _)| *name != "frechet");
    let scores: Vec<String> = scores.into_iter().map(|(name, score)| format!("{name} {score:.3}")).collect();
    scores.join(", ")
}
