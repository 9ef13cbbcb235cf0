//! The list of events: what is shown of it, and where.

use duel_trainer::run::record::{Ending, Event, What};

use crate::{
    event::Key,
    words::{self, thousands},
};

/// The log screen's state.
#[derive(Debug, Default)]
pub struct Log {
    /// Events below the view; 0 follows the newest.
    pub below: usize,
    /// Only events that hold this text, whatever its case.
    pub filter: String,
    /// Whether the filter is being typed.
    pub typing: bool,
}

impl Log {
    /// Towards newer events, by so many; never beyond the oldest or the newest.
    pub fn move_by(&mut self, by: isize, events: usize) {
        let below = if by > 0 {
            self.below.saturating_sub(by.unsigned_abs())
        } else {
            self.below.saturating_add(by.unsigned_abs())
        };
        self.below = below.min(events.saturating_sub(1));
    }

    /// A key while the filter is typed.
    pub fn type_key(&mut self, key: Key) {
        self.below = 0;
        match key {
            Key::Char(c) if self.filter.chars().count() < 60 => self.filter.push(c),
            Key::Backspace => {
                self.filter.pop();
            }
            Key::Enter => self.typing = false,
            Key::Escape | Key::Ctrl('c') => {
                self.typing = false;
                self.filter.clear();
            }
            _ => {}
        }
    }

    /// Whether the filter lets an event through.
    pub fn shows(&self, event: &Event) -> bool {
        let needle = self.filter.to_lowercase();
        needle.is_empty() || kind(event).contains(&needle) || text(event).to_lowercase().contains(&needle)
    }
}

/// What kind of event it is, in a word.
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

/// What an event says, in a line.
pub fn text(event: &Event) -> String {
    match &event.what {
        What::Started { device, threads, steps, version, .. } => {
            format!("{version} on {device}, {threads} threads, for {} steps", thousands(*steps))
        }
        What::Resumed { steps } => format!("from step {}, until {}", thousands(event.step), thousands(*steps)),
        What::Checkpoint { file } => file.clone(),
        What::Evaluation { scores } => words::scores(scores),
        What::Warning { what, since, evidence, remedy } => {
            format!("{what} since step {}: {evidence}; {remedy}", thousands(*since))
        }
        What::Answer { done, message, .. } => format!("{}{message}", if *done { "" } else { "refused: " }),
        What::Stopped { why: Ending::Done, .. } => "all steps are done".into(),
        What::Stopped { why: Ending::Asked, .. } => "as it was asked to".into(),
        What::Stopped { why: Ending::Failed, error } => {
            format!("it failed: {}", error.as_deref().unwrap_or("it does not say why"))
        }
    }
}
