//! Every key, once: what it does, and what the help screen says of it.

#[cfg(feature = "train")]
use crate::app::{Action, Screen};
use crate::{event::Key, explore, theme::Theme};

/// Keys and what they do.
#[derive(Debug)]
pub struct Binding<A: 'static> {
    /// Any of these.
    pub keys: &'static [Key],
    /// In a few words.
    pub does: &'static str,
    /// What they do.
    pub action: A,
}

const fn bind<A>(keys: &'static [Key], does: &'static str, action: A) -> Binding<A> {
    Binding { keys, does, action }
}

/// What a key does among these.
pub fn action<A: Copy>(bindings: &[Binding<A>], key: Key) -> Option<A> {
    bindings.iter().find(|binding| binding.keys.contains(&key)).map(|binding| binding.action)
}

/// Keys that belong together, and the screens on which they work; all, if none is named.
#[cfg(feature = "train")]
#[derive(Debug)]
pub struct Group {
    /// What they are about.
    pub title: &'static str,
    /// Where they work.
    pub screens: &'static [Screen],
    /// The keys.
    pub bindings: &'static [Binding<Action>],
}

/// The keys of the dashboard.
#[cfg(feature = "train")]
pub const WATCH: &[Group] = &[
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
            bind(&[Key::Char('c')], "control the trainer", Action::Control),
            bind(&[Key::Char('?'), Key::Char('h')], "these keys", Action::Help),
            bind(&[Key::Ctrl('z')], "suspend", Action::Suspend),
            bind(&[Key::Escape], "back to all of it", Action::Back),
            bind(&[Key::Char('q'), Key::Ctrl('c')], "leave", Action::Quit),
        ],
    },
    Group {
        title: "curves",
        screens: &[Screen::Duel, Screen::Time, Screen::Runs],
        bindings: &[
            bind(&[Key::Char('y')], "logarithmic heights", Action::Logarithm),
            bind(&[Key::Char('s')], "smoother", Action::Smooth),
            bind(&[Key::Char('+'), Key::Char('=')], "the last half of the steps", Action::ZoomIn),
            bind(&[Key::Char('-')], "twice the steps", Action::ZoomOut),
            bind(&[Key::Char('0')], "all steps", Action::Whole),
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
            bind(&[Key::Char(' ')], "mark it, to compare", Action::Mark),
            bind(&[Key::Char('v')], "another figure", Action::Figure),
            bind(&[Key::Enter], "watch it", Action::Open),
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

/// The keys of `duel explore`; what has no room in a line of them stands last.
pub const EXPLORE: &[Binding<explore::Action>] = &[
    bind(&[Key::Char('q'), Key::Ctrl('c')], "leave", explore::Action::Quit),
    bind(&[Key::Left], "walk", explore::Action::Walk(-1, 0)),
    bind(&[Key::Right], "walk", explore::Action::Walk(1, 0)),
    bind(&[Key::Up], "walk", explore::Action::Walk(0, -1)),
    bind(&[Key::Down], "walk", explore::Action::Walk(0, 1)),
    bind(&[Key::Char(' ')], "turn", explore::Action::Turn),
    bind(&[Key::Char('n')], "new", explore::Action::Jump),
    bind(&CLASSES, "class", explore::Action::Class),
    bind(&[Key::Char('m')], "mark", explore::Action::Mark),
    bind(&[Key::Char('i')], "between", explore::Action::Between),
    bind(&[Key::Char('w')], "write", explore::Action::Write),
    bind(&[Key::Char('-')], "stride", explore::Action::Stride(false)),
    bind(&[Key::Char('+'), Key::Char('=')], "stride", explore::Action::Stride(true)),
    bind(&[Key::Escape], "back", explore::Action::Back),
    bind(&[Key::Ctrl('z')], "suspend", explore::Action::Suspend),
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

/// Bindings as one line: keys that do the same stand together, four arrows as a word in ASCII.
pub fn line<A>(bindings: &[Binding<A>], theme: Theme) -> String {
    let mut words: Vec<(String, &str)> = Vec::new();
    for binding in bindings {
        let names = if binding.keys.len() == 10 { "0-9".into() } else { name(binding.keys[0], theme) };
        match words.last_mut() {
            Some((keys, does)) if *does == binding.does => match theme.ascii() {
                true if binding.keys[0] == Key::Down => "arrows".clone_into(keys),
                _ => *keys += &names,
            },
            _ => words.push((names, binding.does)),
        }
    }
    words.into_iter().map(|(keys, does)| format!("{keys} {does}")).collect::<Vec<_>>().join("  ")
}

/// What a key does on a screen of the dashboard.
#[cfg(feature = "train")]
pub fn watch_action(screen: Screen, key: Key) -> Option<Action> {
    WATCH.iter().filter(|group| group.works_on(screen)).find_map(|group| action(group.bindings, key))
}

#[cfg(feature = "train")]
impl Group {
    /// Whether its keys work on that screen.
    pub fn works_on(&self, screen: Screen) -> bool {
        self.screens.is_empty() || self.screens.contains(&screen)
    }
}

/// A key's name.
pub fn name(key: Key, theme: Theme) -> String {
    let (arrows, words) = (["↑", "↓", "←", "→"], ["up", "down", "left", "right"]);
    let arrow = |at: usize| theme.pick(arrows[at], arrows[at], words[at]).to_owned();
    match key {
        Key::Char(' ') => "space".into(),
        Key::Char(c) => c.into(),
        Key::Ctrl(c) => format!("Ctrl-{}", c.to_ascii_uppercase()),
        Key::Up => arrow(0),
        Key::Down => arrow(1),
        Key::Left => arrow(2),
        Key::Right => arrow(3),
        Key::Home => "home".into(),
        Key::End => "end".into(),
        Key::PageUp => "page up".into(),
        Key::PageDown => "page down".into(),
        Key::Enter => "enter".into(),
        Key::Escape => "esc".into(),
        Key::Tab => "tab".into(),
        Key::BackTab => "shift-tab".into(),
        Key::Backspace => "backspace".into(),
        Key::Delete => "delete".into(),
    }
}

#[cfg(all(test, feature = "train"))]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_key_does_two_things_on_one_screen() {
        for screen in Screen::ALL {
            let mut seen = HashSet::new();
            for group in WATCH.iter().filter(|group| group.works_on(screen)) {
                for key in group.bindings.iter().flat_map(|binding| binding.keys) {
                    assert!(seen.insert(format!("{key:?}")), "{key:?} on {screen:?}");
                }
            }
        }
    }
}
