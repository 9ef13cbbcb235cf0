//! A stranger's words on a user's screen.

/// A text with what [`is_hidden`] written as escapes: one line, whatever it was.
pub fn shown(text: impl IntoIterator<Item = char>) -> String {
    let mut shown = String::new();
    for c in text {
        if is_hidden(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// Whether a terminal would obey a character, or show nothing for it: control characters, marks that turn the direction of text, spaces of no
/// width.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
