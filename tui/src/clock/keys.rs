//! The keys of `duel clock`, and what each does.

use crate::term::{
    bindings::{Binding, bind},
    input::Key,
};

/// The action of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Leave.
    Quit,
    /// Suspend this process.
    Suspend,
}

/// The keys.
pub const KEYS: &[Binding<Action>] = &[
    bind(&[Key::Char('q'), Key::Escape, Key::Ctrl('c')], "leave", Action::Quit),
    bind(&[Key::Ctrl('z')], "suspend", Action::Suspend),
];
