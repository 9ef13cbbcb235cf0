//! Untrusted text on a user's screen.

/// Characters that [`showable`] keeps.
const SHOWABLE: usize = 400;

/// The text with each hidden character ([`is_hidden`]) written as an escape. The result is one line.
pub fn escaped(text: impl IntoIterator<Item = char>) -> String {
    let mut escaped = String::new();
    for c in text {
        if is_hidden(c) { escaped.extend(c.escape_default()) } else { escaped.push(c) }
    }
    escaped
}

/// The first 400 characters of a text, [`escaped`].
pub fn showable(text: &str) -> String {
    escaped(text.chars().take(SHOWABLE))
}

/// Whether a terminal would obey the character or show nothing for it: control characters, marks that change the
/// direction of text, spaces without width.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_become_escapes() {
        assert_eq!(showable("a\u{1b}[2Jb\n\u{202e}ö"), "a\\u{1b}[2Jb\\n\\u{202e}ö");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(showable(&"x".repeat(1000)).len(), SHOWABLE);
    }
}
