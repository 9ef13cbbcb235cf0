//! Popups over a screen: help, control, questions.

use duel_trainer::{
    recipe::{Change, RecipeError},
    run::{history::State, reader::Run, record::RequestKind},
};

use crate::term::input::Key;

/// A popup over a screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Popup {
    /// The table of keys.
    Help {
        /// The number of lines scrolled away at the top.
        above: usize,
    },
    /// The menu of requests to the trainer.
    Control {
        /// The index of the selected item.
        at: usize,
    },
    /// The input of a new value for a setting.
    Set {
        /// The setting's key in the recipe.
        key: &'static str,
        /// The text typed so far.
        text: String,
        /// The reason why the text is no value of the setting, once Enter was pressed.
        refused: Option<String>,
    },
    /// The question whether to send a request to the trainer.
    Sure {
        /// The request.
        ask: RequestKind,
        /// Whether the user leaves once the training has ended.
        leave: bool,
    },
    /// The menu of ways to leave a run that this terminal started.
    Leave {
        /// The index of the selected line of [`LEAVE`].
        at: usize,
    },
}

/// Ways to leave a run that this terminal started.
pub const LEAVE: [&str; 3] = ["leave, the training goes on", "stop the training with a checkpoint, then leave", "stay"];

/// The key that confirms a request. Text that is pasted without brackets hardly holds it.
pub const CONFIRM: Key = Key::Ctrl('y');

/// Returns a request in words, such as `pause`.
pub fn words(ask: &RequestKind) -> String {
    match ask {
        RequestKind::Pause => "pause".into(),
        RequestKind::Continue => "continue".into(),
        RequestKind::Checkpoint => "write a checkpoint".into(),
        RequestKind::Stop => "stop".into(),
        RequestKind::Set { key, value } => format!("set {key} = {value}"),
    }
}

/// An item of the menu of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// Pause the training, or continue it.
    Pause,
    /// Write a checkpoint.
    Checkpoint,
    /// Change a setting, named by its key in the recipe.
    Set(&'static str),
    /// Stop the training.
    Stop,
}

/// Returns the items of the menu. The settings are those that the trainer allows to change, in alphabetical order.
pub fn items() -> Vec<Item> {
    let mut keys = Change::keys();
    keys.sort_unstable();
    let mut items = vec![Item::Pause, Item::Checkpoint];
    items.extend(keys.map(Item::Set));
    items.push(Item::Stop);
    items
}

impl Item {
    /// Returns the text of the item.
    pub fn label(self, run: &Run) -> String {
        match self {
            Self::Pause if run.state() == State::Paused => "continue".into(),
            Self::Pause => "pause".into(),
            Self::Checkpoint => "write a checkpoint now".into(),
            Self::Set(key) => format!("set {key}, now {}", now(run, key)),
            Self::Stop => "stop with a checkpoint".into(),
        }
    }
}

/// Returns the present value of a setting: from the newest metrics, else from the recipe.
fn now(run: &Run, key: &str) -> String {
    let rate = match (key, run.last) {
        ("discriminator.learning_rate", Some(last)) => Some(last.d_learning_rate),
        ("generator.learning_rate", Some(last)) => Some(last.g_learning_rate),
        _ => None,
    };
    rate.map(|rate| rate.to_string()).or_else(|| run.setting(key)).unwrap_or_else(|| "not known".into())
}

/// The result of a key in a popup.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// The popup stays.
    Stay,
    /// The popup closes.
    Close,
    /// Another popup opens instead.
    Open(Popup),
    /// The popup closes, and a request is sent to the trainer.
    Ask(RequestKind),
    /// The user leaves, and the training goes on.
    LeaveRunning,
    /// The user stops the training, and leaves at its end.
    StopAndLeave,
}

impl Popup {
    /// Handles a key.
    pub fn press(&mut self, key: Key, run: &Run) -> Outcome {
        if matches!(key, Key::Escape | Key::Ctrl('c')) {
            return match self {
                // In the menu of ways to leave, Ctrl-C means 'leave, the training goes on'.
                Self::Leave { .. } if key == Key::Ctrl('c') => Outcome::LeaveRunning,
                _ => Outcome::Close,
            };
        }
        match self {
            Self::Help { above } => match key {
                Key::Up => stay(|| *above = above.saturating_sub(1)),
                Key::Down => stay(|| *above = (*above + 1).min(100)),
                _ => Outcome::Close,
            },
            Self::Control { at } => match choose(at, items().len(), key) {
                Some(chosen) => act(items()[chosen], run),
                None if key == Key::Char('q') || key == Key::Char('c') => Outcome::Close,
                None => Outcome::Stay,
            },
            Self::Set { key: name, text, refused } => {
                *refused = None;
                match key {
                    Key::Char(c) if text.len() < 40 => text.push(c),
                    Key::Backspace => drop(text.pop()),
                    Key::Enter if text.trim().is_empty() => return Outcome::Close,
                    // The trainer checks the value, too, and knows the step of the change.
                    Key::Enter => match Change::new(0, name, text) {
                        Ok(_) => return sure(RequestKind::Set { key: (*name).into(), value: text.trim().into() }),
                        Err(RecipeError::OutOfRange { value, range, .. }) => {
                            *refused = Some(format!("{value} is not allowed; use {range}"));
                        }
                        Err(why) => *refused = Some(why.to_string()),
                    },
                    _ => {}
                }
                Outcome::Stay
            }
            Self::Sure { leave: true, .. } if key == CONFIRM => Outcome::StopAndLeave,
            Self::Sure { ask, .. } if key == CONFIRM => Outcome::Ask(ask.clone()),
            Self::Sure { .. } => Outcome::Close,
            Self::Leave { at } => match choose(at, LEAVE.len(), key) {
                Some(0) => Outcome::LeaveRunning,
                Some(1) => Outcome::Open(Popup::Sure { ask: RequestKind::Stop, leave: true }),
                Some(_) => Outcome::Close,
                None if key == Key::Char('q') => Outcome::Close,
                None => Outcome::Stay,
            },
        }
    }
}

fn stay(change: impl FnOnce()) -> Outcome {
    change();
    Outcome::Stay
}

fn act(item: Item, run: &Run) -> Outcome {
    match item {
        Item::Pause if run.state() == State::Paused => sure(RequestKind::Continue),
        Item::Pause => sure(RequestKind::Pause),
        Item::Checkpoint => sure(RequestKind::Checkpoint),
        Item::Set(key) => Outcome::Open(Popup::Set { key, text: String::new(), refused: None }),
        Item::Stop => sure(RequestKind::Stop),
    }
}

fn sure(ask: RequestKind) -> Outcome {
    Outcome::Open(Popup::Sure { ask, leave: false })
}

/// Moves the selection in a menu of `count` lines; returns the line that was chosen with Enter or its number.
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
