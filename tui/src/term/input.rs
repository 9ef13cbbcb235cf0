//! Keys, parsed from the bytes that a terminal sends.
//!
//! crossterm 0.29 has a reader, too, but it never returns once the terminal has vanished, and loops at full speed.

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
const LONGEST: usize = 32;

/// BEL, which ends a string as ST (`ESC \\`) does.
const STRING_END: u8 = 0x07;

/// Parser of keys, fed with bytes in pieces of any size.
#[derive(Debug, Default)]
pub struct Keys {
    bytes: Vec<u8>,
    /// Whether the bytes before were the beginning of a string, such as an answer of the terminal: it is dropped up to its
    /// end, however long it is.
    in_string: bool,
}

/// The result of parsing the beginning of a buffer.
enum Read {
    /// The beginning of a string of any length: the length of its introducer, in bytes.
    String(usize),
    /// A complete sequence: its length in bytes, and its key if it is a known one.
    Whole(usize, Option<Key>),
    /// The beginning of a sequence.
    More,
}

impl Keys {
    /// Returns the keys that these bytes complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.bytes.extend_from_slice(bytes);
        let mut keys = Vec::new();
        while !self.bytes.is_empty() {
            if self.in_string && !self.drop_string() {
                break;
            }
            let (length, key) = match read(&self.bytes) {
                Read::String(length) => {
                    self.in_string = true;
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
        self.in_string = !ended;
        ended && !self.bytes.is_empty()
    }

    /// Tells whether an unfinished sequence is held. After 50 ms of silence the caller calls [`finish`](Self::finish).
    pub fn unfinished(&self) -> bool {
        !self.bytes.is_empty() || self.in_string
    }

    /// Ends an unfinished sequence: a lone escape byte is the Escape key, anything else is dropped.
    pub fn finish(&mut self) -> Option<Key> {
        let escape = self.bytes == [0x1b] && !self.in_string;
        self.bytes.clear();
        // Alt with a bracket begins like a string that never ends.
        self.in_string = false;
        escape.then_some(Key::Escape)
    }
}

fn read(bytes: &[u8]) -> Read {
    match bytes {
        [0x1b] => Read::More,
        [0x1b, b'[', rest @ ..] => read_csi(rest),
        [0x1b, b'O'] => Read::More,
        [0x1b, b'O', last, ..] => Read::Whole(3, named(*last, b"")),
        // Strings: DCS, SOS, OSC, PM and APC (ECMA-48, 5.6). A terminal answers with them.
        [0x1b, b'P' | b'X' | b']' | b'^' | b'_', ..] => Read::String(2),
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
    match rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) {
        Some(end) => Read::Whole(2 + end + 1, named(rest[end], &rest[..end])),
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
            (b"\x1b[200~x\xff\x80y", &[Key::Char('x'), Key::Char('y')]),
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
        assert!(keys.feed(b"\x1b").is_empty() && keys.unfinished());
        assert_eq!((keys.finish(), keys.unfinished()), (Some(Key::Escape), false));
        keys.feed(b"\x1b[1");
        assert_eq!((keys.finish(), keys.unfinished()), (None, false));
        // A string without an end is dropped, and the next key is a key again.
        assert!(keys.feed(b"\x1b]q").is_empty() && keys.unfinished());
        assert_eq!((keys.finish(), keys.unfinished(), keys.feed(b"q")), (None, false, vec![Key::Char('q')]));
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
