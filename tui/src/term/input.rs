//! Keys, parsed from the bytes that a terminal sends.
//!
//! crossterm 0.29 has a reader, too, but it never returns once the terminal has vanished, and loops at full speed.

use std::time::Duration;

/// A key, or a character with Ctrl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A printable character.
    Char(char),
    /// Ctrl and a lower-case letter.
    Ctrl(char),
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Return.
    Enter,
    /// Escape on its own, not as the beginning of a sequence.
    Escape,
    /// Tab.
    Tab,
    /// Shift and Tab.
    BackTab,
    /// Deletes to the left.
    Backspace,
    /// Deletes to the right.
    Delete,
}

/// The longest escape sequence that is parsed, in bytes; a longer one is dropped.
const LONGEST: usize = 256;

/// BEL, which ends a string as ST (`ESC \\`) does.
const STRING_END: u8 = 0x07;

/// The end of a bracketed paste.
const PASTE_END: &[u8] = b"\x1b[201~";

/// The silence after which a sequence that a key may have begun is given up: a lone escape byte, Alt with a bracket.
const KEY: Duration = Duration::from_millis(50);

/// The silence after which an answer of the terminal or a paste is given up: a slow line may interrupt it for a while.
const ANSWER: Duration = Duration::from_secs(1);

/// Parser of keys, fed with bytes in pieces of any size.
#[derive(Debug, Default)]
pub struct Keys {
    bytes: Vec<u8>,
    /// The text that the bytes before began, which is dropped up to its end, however long it is.
    dropped: Option<Text>,
    /// Whether the last key was Escape, after a silence: an answer that came in two pieces may have been cut there.
    escaped: bool,
}

/// A text that is not typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    /// A string, such as an answer of the terminal, and whether bytes of it have come after its introducer.
    String { begun: bool },
    /// A bracketed paste.
    Paste,
}

/// The result of parsing the beginning of a buffer.
enum Read {
    /// The beginning of a text of any length: the length of its introducer, in bytes.
    Text(usize, Text),
    /// A complete sequence: its length in bytes, and its key if it is a known one.
    Whole(usize, Option<Key>),
    /// The beginning of a sequence.
    More,
}

impl Keys {
    /// Returns the keys that these bytes complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        // The rest of an answer whose escape byte was taken for the Escape key. Nobody types three characters at once.
        if std::mem::take(&mut self.escaped) && matches!(bytes, [b'[' | b']' | b'P' | b'X' | b'^' | b'_', _, _, ..]) {
            self.bytes.push(0x1b);
        }
        self.bytes.extend_from_slice(bytes);
        let mut keys = Vec::new();
        while !self.bytes.is_empty() {
            let ended = match self.dropped {
                Some(Text::String { .. }) => self.drop_string(),
                Some(Text::Paste) => self.drop_paste(),
                None => true,
            };
            if !ended {
                break;
            }
            let (length, key) = match read(&self.bytes) {
                Read::Text(length, text) => {
                    self.dropped = Some(text);
                    (length, None)
                }
                Read::Whole(length, key) => (length, key),
                Read::More if self.bytes.len() > LONGEST => (1, None),
                Read::More => break,
            };
            keys.extend(key);
            self.bytes.drain(..length);
        }
        keys
    }

    /// Drops the rest of a string; returns false if its end is still to come.
    fn drop_string(&mut self) -> bool {
        let end = self.bytes.iter().position(|byte| *byte == STRING_END || *byte == 0x1b);
        let (length, ended) = match end {
            Some(at) if self.bytes[at] == STRING_END => (at + 1, true),
            Some(at) => match self.bytes.get(at + 1) {
                Some(b'\\') => (at + 2, true),
                // Another sequence ends a string, too.
                Some(_) => (at, true),
                None => (at, false),
            },
            None => (self.bytes.len(), false),
        };
        self.bytes.drain(..length);
        self.dropped = (!ended).then_some(Text::String { begun: true });
        ended && !self.bytes.is_empty()
    }

    /// Drops the rest of a paste; returns false if its end is still to come.
    fn drop_paste(&mut self) -> bool {
        let end = self.bytes.windows(PASTE_END.len()).position(|bytes| bytes == PASTE_END);
        // The last bytes may be the first ones of the end.
        let length = end.map_or(self.bytes.len().saturating_sub(PASTE_END.len() - 1), |at| at + PASTE_END.len());
        self.bytes.drain(..length);
        self.dropped = self.dropped.filter(|_| end.is_none());
        end.is_some() && !self.bytes.is_empty()
    }

    /// Returns the silence after which the caller calls [`finish`](Self::finish), if an unfinished sequence is held.
    pub fn patience(&self) -> Option<Duration> {
        match self.dropped {
            Some(Text::String { begun: false }) => Some(KEY),
            Some(_) => Some(ANSWER),
            None if self.bytes.is_empty() => None,
            // `ESC [` alone is Alt with a bracket.
            None if self.bytes.starts_with(b"\x1b[") && self.bytes.len() > 2 => Some(ANSWER),
            None => Some(KEY),
        }
    }

    /// Ends an unfinished sequence: a lone escape byte is the Escape key, anything else is dropped.
    pub fn finish(&mut self) -> Option<Key> {
        self.escaped = self.bytes == [0x1b] && self.dropped.is_none();
        self.bytes.clear();
        // Alt with a bracket begins like a string that never ends.
        self.dropped = None;
        self.escaped.then_some(Key::Escape)
    }
}

fn read(bytes: &[u8]) -> Read {
    match bytes {
        [0x1b] => Read::More,
        [0x1b, b'[', rest @ ..] => read_csi(rest),
        [0x1b, b'O'] => Read::More,
        [0x1b, b'O', last, ..] => Read::Whole(3, named(*last, b"")),
        // Strings: DCS, SOS, OSC, PM and APC (ECMA-48, 5.6). A terminal answers with them.
        [0x1b, b'P' | b'X' | b']' | b'^' | b'_', ..] => Read::Text(2, Text::String { begun: false }),
        // `ESC ESC` begins with the Escape key. `ESC` with another byte is Alt with a key: ignored, because no command
        // uses it.
        [0x1b, 0x1b, ..] => Read::Whole(1, Some(Key::Escape)),
        [0x1b, _, ..] => Read::Whole(2, None),
        [b'\r' | b'\n', ..] => Read::Whole(1, Some(Key::Enter)),
        [b'\t', ..] => Read::Whole(1, Some(Key::Tab)),
        [0x7f | 0x08, ..] => Read::Whole(1, Some(Key::Backspace)),
        [control @ 1..=26, ..] => Read::Whole(1, Some(Key::Ctrl(char::from(control + b'a' - 1)))),
        [first, ..] => read_char(bytes, *first),
        [] => Read::More,
    }
}

/// Parses the rest of a control sequence after `ESC [`: parameters, then one final byte (ECMA-48, 5.4).
fn read_csi(rest: &[u8]) -> Read {
    match rest.iter().position(|byte| !(0x20..=0x3f).contains(byte)) {
        Some(3) if rest.starts_with(b"200~") => Read::Text(2 + 4, Text::Paste),
        Some(end) if (0x40..=0x7e).contains(&rest[end]) => Read::Whole(2 + end + 1, named(rest[end], &rest[..end])),
        // Another sequence, or a byte of no sequence, ends this one.
        Some(end) => Read::Whole(2 + end, None),
        None => Read::More,
    }
}

fn named(last: u8, parameters: &[u8]) -> Option<Key> {
    Some(match (last, parameters) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', _) => Key::Right,
        (b'D', _) => Key::Left,
        (b'H', _) | (b'~', b"1" | b"7") => Key::Home,
        (b'F', _) | (b'~', b"4" | b"8") => Key::End,
        (b'Z', _) => Key::BackTab,
        (b'M', b"") => Key::Enter,
        (b'~', b"3") => Key::Delete,
        (b'~', b"5") => Key::PageUp,
        (b'~', b"6") => Key::PageDown,
        _ => return None,
    })
}

fn read_char(bytes: &[u8], first: u8) -> Read {
    let length = match first {
        0x20..=0x7e => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Read::Whole(1, None),
    };
    match bytes.get(..length) {
        None => Read::More,
        Some(bytes) => match std::str::from_utf8(bytes).ok().and_then(|text| text.chars().next()) {
            Some(c) => Read::Whole(length, (!c.is_control()).then_some(Key::Char(c))),
            None => Read::Whole(1, None),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_parsed_from_pieces_of_any_size() {
        let rows: &[(&[u8], &[Key])] = &[
            (b"a?\xc3\xa9", &[Key::Char('a'), Key::Char('?'), Key::Char('é')]),
            (b"\x1b[A\x1b[B\x1bOC\x1b[1;5D", &[Key::Up, Key::Down, Key::Right, Key::Left]),
            (b"\x1b[H\x1b[4~\x1b[5~\x1b[6~\x1b[Z", &[Key::Home, Key::End, Key::PageUp, Key::PageDown, Key::BackTab]),
            (b"\r\t\x7f\x03\x1a", &[Key::Enter, Key::Tab, Key::Backspace, Key::Ctrl('c'), Key::Ctrl('z')]),
            (b"\x1b[<0;12;7Mx", &[Key::Char('x')]),
            // Answers of a terminal, and keys between them.
            (b"\x1b_Gi=31;OK\x1b\\q\x1bP>|kitty(0.42.1)\x1b\\\x1b[?62;4c\x1b[6;20;10t", &[Key::Char('q')]),
            (
                b"\x1b]1337;Capabilities=a-very-long-answer-of-more-than-32-bytes\x07x\x1b_a\x1b[A",
                &[Key::Char('x'), Key::Up],
            ),
            (b"x\xff\x80y\x1b[1\x1b[A", &[Key::Char('x'), Key::Char('y'), Key::Up]),
            // A colour (OSC 11), device attributes of more than 32 bytes (DA1), a setting (DECRQSS), a size (XTWINOPS).
            (b"\x1b]11;rgb:1c1c/1c1c/1c1c\x1b\\x\x1b]11;rgb:1c1c/1c1c/1c1c\x07y", &[Key::Char('x'), Key::Char('y')]),
            (b"\x1b[?64;1;2;4;6;9;15;16;17;18;21;22;28;29cx\x1bP1$r0m\x1b\\\x1b[8;24;80t", &[Key::Char('x')]),
            // Pastes, also with sequences and what looks like the end.
            (b"\x1b[200~c7y\r\x1b[201~x", &[Key::Char('x')]),
            (b"\x1b[200~cd runs/first\n\x1b[A\x1b]\x1b[201\x1b[201~\x1b[200~\x1b[201~\t", &[Key::Tab]),
        ];
        for (bytes, expected) in rows {
            assert_eq!(Keys::default().feed(bytes), *expected, "{bytes:?} at once");
            let mut keys = Keys::default();
            let one_by_one: Vec<Key> = bytes.iter().flat_map(|byte| keys.feed(&[*byte])).collect();
            assert_eq!(one_by_one, *expected, "{bytes:?} one by one");
        }
    }

    #[test]
    fn a_lone_escape_is_a_key_after_a_silence() {
        let mut keys = Keys::default();
        assert!(keys.feed(b"\x1b").is_empty() && keys.patience() == Some(KEY));
        assert_eq!((keys.finish(), keys.patience()), (Some(Key::Escape), None));
        assert_eq!(keys.feed(b"]"), [Key::Char(']')]);
    }

    #[test]
    fn text_without_its_end_is_dropped_after_a_silence() {
        // Alt with a bracket is a key; an answer and a paste may come slowly.
        for (bytes, patience) in [
            (&b"\x1b["[..], KEY),
            (b"\x1b]", KEY),
            (b"\x1b[6;20", ANSWER),
            (b"\x1b]11;rgb:1c", ANSWER),
            (b"\x1b[200~c7", ANSWER),
        ] {
            let mut keys = Keys::default();
            assert!(keys.feed(bytes).is_empty(), "{bytes:?}");
            assert_eq!(keys.patience(), Some(patience), "{bytes:?}");
            assert_eq!((keys.finish(), keys.patience()), (None, None), "{bytes:?}");
            assert_eq!(keys.feed(b"q"), [Key::Char('q')], "{bytes:?}");
        }
        // An answer that was cut after its escape byte.
        let mut keys = Keys::default();
        keys.feed(b"\x1b");
        assert_eq!(keys.finish(), Some(Key::Escape));
        assert_eq!(keys.feed(b"]11;rgb:1c1c/1c1c/1c1c\x07x"), [Key::Char('x')]);
    }

    #[test]
    fn noise_never_fills_the_buffer() {
        let mut keys = Keys::default();
        for round in 0..10_000u64 {
            let noise = round.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
            keys.feed(&noise);
            assert!(keys.bytes.len() <= LONGEST + 8);
        }
    }
}
