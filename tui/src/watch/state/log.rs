//! The list of events: its filter and its place.

use duel_trainer::run::record::Event;

use crate::{
    term::input::Key,
    text::events::{kind, text},
};

/// The state of the log screen.
#[derive(Debug, Default)]
pub struct Log {
    /// The number of events below the view; 0 follows the newest event.
    pub below: usize,
    /// Events are shown if they contain this text, in upper or lower case.
    pub filter: String,
    /// Whether the user is typing the filter.
    pub typing: bool,
}

impl Log {
    /// Moves by `by` events towards the newest, and stops at the oldest and the newest.
    pub fn move_by(&mut self, by: isize, events: usize) {
        let below = if by > 0 {
            self.below.saturating_sub(by.unsigned_abs())
        } else {
            self.below.saturating_add(by.unsigned_abs())
        };
        self.below = below.min(events.saturating_sub(1));
    }

    /// Handles a key while the filter is typed.
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

    /// Tells whether the filter lets an event through.
    pub fn shows(&self, event: &Event) -> bool {
        let needle = self.filter.to_lowercase();
        needle.is_empty() || kind(event).contains(&needle) || text(event).to_lowercase().contains(&needle)
    }
}
