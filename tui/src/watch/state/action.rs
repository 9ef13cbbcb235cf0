//! The screens, the actions of keys, the events that change the dashboard's state, and the effects that the state asks
//! for.

use std::path::PathBuf;

use duel_trainer::run::{grid::Samples, record::RequestKind, summary::RunSummary};

use crate::term::input::Key;

/// A screen of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// Curves and the newest samples.
    Duel,
    /// Samples of earlier steps.
    Time,
    /// The value function, with the present batches on it.
    Value,
    /// The list of runs.
    Runs,
    /// The list of events.
    Log,
    /// One picture, as large as the terminal takes. Not among [`Screen::ALL`], because it belongs to another screen.
    Picture,
}

impl Screen {
    /// The screens that have a key, in the order of their keys.
    pub const ALL: [Self; 5] = [Self::Duel, Self::Time, Self::Value, Self::Runs, Self::Log];

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Duel => "duel",
            Self::Time => "time",
            Self::Value => "value",
            Self::Runs => "runs",
            Self::Log => "log",
            Self::Picture => "picture",
        }
    }

    /// Returns the next screen that has a key; after the last, and after one without, the first.
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|screen| *screen == self);
        Self::ALL[at.map_or(0, |at| (at + 1) % Self::ALL.len())]
    }
}

/// The action of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the key table says what each does")]
pub enum Action {
    Show(Screen),
    Next,
    Help,
    Control,
    Back,
    Suspend,
    Quit,
    Across,
    Logarithm,
    Smooth,
    ZoomIn,
    ZoomOut,
    Whole,
    PanLeft,
    PanRight,
    Follow,
    Scrub(isize),
    Play,
    Move(isize),
    Mark,
    NextScalar,
    Open,
    Filter,
    Enlarge,
    Pick(isize, isize),
}

/// An event that changes the state.
#[derive(Debug)]
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// Time has passed: seconds since 1970.
    Tick(f64),
    /// The watched run, or a marked run, has changed.
    Fresh,
    /// The samples of a step were read, or could not be read (none).
    Samples(u64, Option<Samples>),
    /// The list of runs was read.
    Summaries(Vec<RunSummary>),
    /// A request was written, with its id; or could not be written, with the reason.
    Asked(Result<String, String>),
}

/// An effect that the event loop must carry out.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a request to the trainer.
    Ask(RequestKind),
    /// Watch another run.
    Open(PathBuf),
    /// Suspend this process.
    Suspend,
    /// Leave the dashboard.
    Quit,
}

/// The way in which the dashboard was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// By `duel watch`: requests to the trainer are allowed.
    Watch,
    /// By `duel watch --read-only`: no requests.
    ReadOnly,
    /// By `duel train`: leaving asks whether the training goes on.
    Attached,
}
