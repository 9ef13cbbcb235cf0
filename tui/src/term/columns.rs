//! Text in columns of a terminal, in which a wide character takes two of them.

use std::borrow::Cow;

use ratatui::{style::Style, text::Span};

/// Returns the number of columns that a text takes.
pub fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// Returns the text cut to `columns` columns; a text that is cut ends with `mark`.
pub fn cut<'a>(text: &'a str, columns: usize, mark: &str) -> Cow<'a, str> {
    if width(text) <= columns {
        return text.into();
    }
    let mut room = columns.saturating_sub(width(mark));
    let mut kept = String::new();
    for grapheme in Span::raw(text).styled_graphemes(Style::default()) {
        let Some(left) = room.checked_sub(width(grapheme.symbol)) else { break };
        room = left;
        kept += grapheme.symbol;
    }
    (kept + mark).into()
}

/// Returns the text in exactly `columns` columns, as [`cut`] cuts it, with spaces after it.
pub fn fitted(text: &str, columns: usize, mark: &str) -> String {
    let mut text = cut(text, columns, mark).into_owned();
    text += &" ".repeat(columns.saturating_sub(width(&text)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_take_two_columns() {
        for (text, columns, expected) in [
            ("abc", 5, "abc  "),
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("数字", 5, "数字 "),
            ("数字数字", 5, "数字…"),
            ("数字数字", 6, "数字… "),
            ("🐙🐙", 3, "🐙…"),
            ("e\u{301}te\u{301}", 4, "e\u{301}te\u{301} "),
            ("abc", 1, "…"),
        ] {
            assert_eq!(fitted(text, columns, "…"), expected, "{text}");
            assert_eq!(width(expected), columns, "{text}");
        }
    }
}
