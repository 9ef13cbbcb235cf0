//! Tables of keys: what each does, and its name on a screen.

use super::{input::Key, theme::Theme};

/// Keys with their action.
#[derive(Debug)]
pub struct Binding<A: 'static> {
    /// The keys, each of which triggers the action.
    pub keys: &'static [Key],
    /// A description of a few words.
    pub does: &'static str,
    /// The action.
    pub action: A,
}

/// Makes a row of a table.
pub const fn bind<A>(keys: &'static [Key], does: &'static str, action: A) -> Binding<A> {
    Binding { keys, does, action }
}

/// Returns the action of a key in a table.
pub fn action<A: Copy>(bindings: &[Binding<A>], key: Key) -> Option<A> {
    bindings.iter().find(|binding| binding.keys.contains(&key)).map(|binding| binding.action)
}

/// Formats a table as one line.
pub fn line<A>(bindings: &[Binding<A>], theme: Theme) -> String {
    words(bindings, theme).into_iter().map(|(keys, does)| format!("{keys} {does}")).collect::<Vec<_>>().join("  ")
}

/// Formats a table as lines of equal length.
pub fn list<A>(bindings: &[Binding<A>], theme: Theme) -> Vec<String> {
    words(bindings, theme).into_iter().map(|(keys, does)| format!("{keys:<6}  {does:<8}")).collect()
}

/// The keys of a table with what they do. Keys with the same description stand together; in ASCII the four arrows are
/// one word.
fn words<A>(bindings: &[Binding<A>], theme: Theme) -> Vec<(String, &'static str)> {
    let mut words: Vec<(String, &'static str)> = Vec::new();
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
    words
}

/// Returns the name of a key.
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
