//! The keys of `duel explore`, and what each does.

use crate::term::{
    bindings::{Binding, bind},
    input::Key,
};

/// The action of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Move by a picture to the right (-1: left) and down (-1: up).
    Walk(i8, i8),
    /// Choose two new directions.
    Turn,
    /// Jump to a new latent.
    Jump,
    /// Halve (false) or double (true) the angle between neighbours.
    Stride(bool),
    /// Choose the class of the digit that was pressed; digits one after the other make a number.
    Class,
    /// Choose the next class, or the one before (-1).
    NextClass(i16),
    /// Type the name of a class.
    TypeClass,
    /// Mark this latent, as an end of an interpolation.
    Mark,
    /// Show the interpolation between the last two marks, or the grid again.
    Between,
    /// Show the grid again.
    Back,
    /// Show the picture in the middle alone, as large as the terminal takes, or the grid again.
    Enlarge,
    /// Show all keys; any key shows the pictures again.
    Help,
    /// Write the pictures to a file.
    Write,
    /// Suspend this process.
    Suspend,
    /// Leave.
    Quit,
}

/// An effect that the event loop must carry out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Write the pictures to a file.
    Write,
    /// Suspend this process.
    Suspend,
    /// Leave the terminal.
    Quit,
}

/// The keys of `duel explore`. The last ones are cut off where a line of keys has no room for them.
pub const KEYS: &[Binding<Action>] = &[
    bind(&[Key::Char('q'), Key::Ctrl('c')], "leave", Action::Quit),
    bind(&[Key::Char('?')], "all keys", Action::Help),
    bind(&[Key::Left], "walk", Action::Walk(-1, 0)),
    bind(&[Key::Right], "walk", Action::Walk(1, 0)),
    bind(&[Key::Up], "walk", Action::Walk(0, -1)),
    bind(&[Key::Down], "walk", Action::Walk(0, 1)),
    bind(&[Key::Char(' ')], "turn", Action::Turn),
    bind(&[Key::Char('n')], "new", Action::Jump),
    bind(&CLASSES, "class", Action::Class),
    bind(&[Key::Char('[')], "class", Action::NextClass(-1)),
    bind(&[Key::Char(']')], "class", Action::NextClass(1)),
    bind(&[Key::Char('/')], "class", Action::TypeClass),
    bind(&[Key::Char('z')], "large", Action::Enlarge),
    bind(&[Key::Char('m')], "mark", Action::Mark),
    bind(&[Key::Char('i')], "between", Action::Between),
    bind(&[Key::Char('w')], "write", Action::Write),
    bind(&[Key::Char('-')], "stride", Action::Stride(false)),
    bind(&[Key::Char('+'), Key::Char('=')], "stride", Action::Stride(true)),
    bind(&[Key::Escape], "back", Action::Back),
    bind(&[Key::Ctrl('z')], "suspend", Action::Suspend),
];

/// The digit keys.
const CLASSES: [Key; 10] = {
    let mut keys = [Key::Char('0'); 10];
    let mut digit = 0;
    while digit < 10 {
        keys[digit as usize] = Key::Char((b'0' + digit) as char);
        digit += 1;
    }
    keys
};
