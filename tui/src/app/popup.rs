//! What lies over a screen: help, control, questions.

use duel_trainer::run::{reader::Run, record::Ask, story::State};

use crate::event::Key;

/// What lies over a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Popup {
    /// Every key.
    Help {
        /// Lines scrolled away.
        above: usize,
    },
    /// What can be asked of the trainer.
    Control {
        /// The item that the user is at.
        at: usize,
    },
    /// A new value for a key of the recipe.
    Set {
        /// The key.
        key: &'static str,
        /// What was typed.
        text: String,
    },
    /// Whether to end the training.
    Sure,
    /// How to leave a run that this terminal started.
    Leave {
        /// The choice that the user is at, of [`LEAVE`].
        at: usize,
    },
}

/// How to leave a run that this terminal started.
pub const LEAVE: [&str; 3] = ["leave it running, without a terminal", "stop it, with a checkpoint", "stay"];

/// One thing that can be asked of the trainer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// Wait, or go on.
    Pause,
    /// Write a checkpoint.
    Checkpoint,
    /// Change a key of the recipe.
    Set(&'static str),
    /// End.
    Stop,
}

/// All that can be asked.
pub const ITEMS: [Item; 7] = [
    Item::Pause,
    Item::Checkpoint,
    Item::Set("discriminator.learning_rate"),
    Item::Set("generator.learning_rate"),
    Item::Set("training.k_discriminator"),
    Item::Set("training.k_generator"),
    Item::Stop,
];

impl Item {
    /// Its line in the menu.
    pub fn label(self, run: &Run) -> String {
        match self {
            Self::Pause if run.state() == State::Paused => "continue".into(),
            Self::Pause => "pause".into(),
            Self::Checkpoint => "write a checkpoint now".into(),
            Self::Set(key) => format!("set {key}, now {}", now(run, key)),
            Self::Stop => "stop, with a checkpoint".into(),
        }
    }
}

/// The present value of a key: what the newest metrics say of it, or else the recipe.
fn now(run: &Run, key: &str) -> String {
    let rate = match (key, run.last) {
        ("discriminator.learning_rate", Some(last)) => Some(last.d_learning_rate),
        ("generator.learning_rate", Some(last)) => Some(last.g_learning_rate),
        _ => None,
    };
    rate.map(|rate| rate.to_string()).or_else(|| run.setting(key)).unwrap_or_else(|| "not known".into())
}

/// What a key in a popup leads to.
#[derive(Debug, PartialEq)]
pub enum Turn {
    /// The popup stays.
    Stay,
    /// It is closed.
    Close,
    /// Another takes its place.
    Open(Popup),
    /// It is closed, and this is asked of the trainer.
    Ask(Ask),
    /// The user leaves the run running.
    LeaveRunning,
    /// The user stops the run and waits for its end.
    StopAndLeave,
}

impl Popup {
    /// Takes a key.
    pub fn press(&mut self, key: Key, run: &Run) -> Turn {
        if matches!(key, Key::Escape | Key::Ctrl('c')) {
            return match self {
                // Ctrl-C twice is leaving; what runs is left as it is.
                Self::Leave { .. } if key == Key::Ctrl('c') => Turn::LeaveRunning,
                _ => Turn::Close,
            };
        }
        match self {
            Self::Help { above } => match key {
                Key::Up => stay(|| *above = above.saturating_sub(1)),
                Key::Down => stay(|| *above = (*above + 1).min(100)),
                _ => Turn::Close,
            },
            Self::Control { at } => match choose(at, ITEMS.len(), key) {
                Some(chosen) => act(ITEMS[chosen], run),
                None if key == Key::Char('q') || key == Key::Char('c') => Turn::Close,
                None => Turn::Stay,
            },
            Self::Set { key: name, text } => match key {
                Key::Char(c) if text.len() < 40 => stay(|| text.push(c)),
                Key::Backspace => stay(|| {
                    text.pop();
                }),
                Key::Enter if text.trim().is_empty() => Turn::Close,
                Key::Enter => Turn::Ask(Ask::Set { key: (*name).to_owned(), value: text.trim().to_owned() }),
                _ => Turn::Stay,
            },
            Self::Sure => match key {
                Key::Char('y') => Turn::Ask(Ask::Stop),
                _ => Turn::Close,
            },
            Self::Leave { at } => match choose(at, LEAVE.len(), key) {
                Some(0) => Turn::LeaveRunning,
                Some(1) => Turn::StopAndLeave,
                Some(_) => Turn::Close,
                None if key == Key::Char('q') => Turn::Close,
                None => Turn::Stay,
            },
        }
    }
}

fn stay(change: impl FnOnce()) -> Turn {
    change();
    Turn::Stay
}

fn act(item: Item, run: &Run) -> Turn {
    match item {
        Item::Pause if run.state() == State::Paused => Turn::Ask(Ask::Continue),
        Item::Pause => Turn::Ask(Ask::Pause),
        Item::Checkpoint => Turn::Ask(Ask::Checkpoint),
        Item::Set(key) => Turn::Open(Popup::Set { key, text: String::new() }),
        Item::Stop => Turn::Open(Popup::Sure),
    }
}

/// Moves in a menu of `count` lines; the line that was chosen, with Enter or its number.
fn choose(at: &mut usize, count: usize, key: Key) -> Option<usize> {
    match key {
        Key::Up => *at = (*at + count - 1) % count,
        Key::Down | Key::Tab => *at = (*at + 1) % count,
        Key::Enter => return Some(*at),
        Key::Char(c) => {
            return (1..=count).find(|number| c.to_digit(10) == Some(*number as u32)).map(|number| number - 1);
        }
        _ => {}
    }
    None
}
