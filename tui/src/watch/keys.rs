//! The keys of the dashboard in one table: what each does, and its words on the help screen.

use super::state::action::{Action, Screen};
use crate::term::{
    bindings::{self, Binding, bind},
    input::Key,
};

/// Keys that belong together.
#[derive(Debug)]
pub struct Group {
    /// The heading on the help screen.
    pub title: &'static str,
    /// The screens on which the keys work; all screens if empty.
    pub screens: &'static [Screen],
    /// The keys.
    pub bindings: &'static [Binding<Action>],
}

/// The keys of the dashboard.
pub const KEYS: &[Group] = &[
    Group {
        title: "everywhere",
        screens: &[],
        bindings: &[
            bind(&[Key::Char('1')], "duel", Action::Show(Screen::Duel)),
            bind(&[Key::Char('2')], "time", Action::Show(Screen::Time)),
            bind(&[Key::Char('3')], "value function", Action::Show(Screen::Value)),
            bind(&[Key::Char('4')], "runs", Action::Show(Screen::Runs)),
            bind(&[Key::Char('5')], "log", Action::Show(Screen::Log)),
            bind(&[Key::Tab], "the next screen", Action::Next),
            bind(&[Key::Char('c')], "control the training", Action::Control),
            bind(&[Key::Char('?'), Key::Char('h')], "these keys", Action::Help),
            bind(&[Key::Ctrl('z')], "suspend", Action::Suspend),
            bind(&[Key::Escape], "reset the view, go back", Action::Back),
            bind(&[Key::Char('q'), Key::Ctrl('c')], "leave", Action::Quit),
        ],
    },
    Group {
        title: "curves",
        screens: &[Screen::Duel, Screen::Time, Screen::Runs],
        bindings: &[
            bind(&[Key::Char('t')], "time or steps", Action::Across),
            bind(&[Key::Char('y')], "logarithmic axes", Action::Logarithm),
            bind(&[Key::Char('s')], "smoother", Action::Smooth),
            bind(&[Key::Char('+'), Key::Char('=')], "the last half of the steps", Action::ZoomIn),
            bind(&[Key::Char('-')], "twice the steps", Action::ZoomOut),
            bind(&[Key::Char('0')], "all steps", Action::Whole),
        ],
    },
    Group {
        title: "pictures",
        screens: &[Screen::Duel, Screen::Time],
        bindings: &[bind(&[Key::Char('z')], "one as large as it gets", Action::Enlarge)],
    },
    Group {
        title: "picture",
        screens: &[Screen::Picture],
        bindings: &[
            bind(&[Key::Left], "the picture before", Action::Pick(-1, 0)),
            bind(&[Key::Right], "the next picture", Action::Pick(1, 0)),
            bind(&[Key::Up], "a row up", Action::Pick(0, -1)),
            bind(&[Key::Down], "a row down", Action::Pick(0, 1)),
            bind(&[Key::PageUp], "the step before", Action::Scrub(-1)),
            bind(&[Key::PageDown], "the step after", Action::Scrub(1)),
            bind(&[Key::Home], "the first step", Action::Scrub(isize::MIN)),
            bind(&[Key::End], "the newest", Action::Scrub(isize::MAX)),
            bind(&[Key::Char(' ')], "play", Action::Play),
            bind(&[Key::Char('z')], "all pictures", Action::Enlarge),
        ],
    },
    Group {
        title: "duel",
        screens: &[Screen::Duel],
        bindings: &[
            bind(&[Key::Left], "earlier, when zoomed", Action::PanLeft),
            bind(&[Key::Right], "later", Action::PanRight),
            bind(&[Key::End], "follow the newest", Action::Follow),
        ],
    },
    Group {
        title: "time",
        screens: &[Screen::Time],
        bindings: &[
            bind(&[Key::Left], "the samples before", Action::Scrub(-1)),
            bind(&[Key::Right], "the samples after", Action::Scrub(1)),
            bind(&[Key::PageUp], "ten before", Action::Scrub(-10)),
            bind(&[Key::PageDown], "ten after", Action::Scrub(10)),
            bind(&[Key::Home], "the first", Action::Scrub(isize::MIN)),
            bind(&[Key::End], "the newest", Action::Scrub(isize::MAX)),
            bind(&[Key::Char(' ')], "play", Action::Play),
        ],
    },
    Group {
        title: "runs",
        screens: &[Screen::Runs],
        bindings: &[
            bind(&[Key::Up], "up", Action::Move(-1)),
            bind(&[Key::Down], "down", Action::Move(1)),
            bind(&[Key::Char(' ')], "mark to compare", Action::Mark),
            bind(&[Key::Char('v')], "another curve", Action::NextScalar),
            bind(&[Key::Enter], "watch the run", Action::Open),
        ],
    },
    Group {
        title: "log",
        screens: &[Screen::Log],
        bindings: &[
            bind(&[Key::Up], "up", Action::Move(-1)),
            bind(&[Key::Down], "down", Action::Move(1)),
            bind(&[Key::PageUp], "a page up", Action::Move(-10)),
            bind(&[Key::PageDown], "a page down", Action::Move(10)),
            bind(&[Key::Home], "the oldest", Action::Move(isize::MIN)),
            bind(&[Key::End], "the newest", Action::Move(isize::MAX)),
            bind(&[Key::Char('/')], "filter", Action::Filter),
        ],
    },
];

/// Returns the action of a key on a screen.
pub fn action(screen: Screen, key: Key) -> Option<Action> {
    KEYS.iter().filter(|group| group.works_on(screen)).find_map(|group| bindings::action(group.bindings, key))
}

impl Group {
    /// Tells whether the keys of the group work on a screen.
    pub fn works_on(&self, screen: Screen) -> bool {
        self.screens.is_empty() || self.screens.contains(&screen)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_key_does_two_things_on_one_screen() {
        for screen in Screen::ALL.into_iter().chain([Screen::Picture]) {
            let mut seen = HashSet::new();
            for group in KEYS.iter().filter(|group| group.works_on(screen)) {
                for key in group.bindings.iter().flat_map(|binding| binding.keys) {
                    assert!(seen.insert(format!("{key:?}")), "{key:?} on {screen:?}");
                }
            }
        }
    }
}
