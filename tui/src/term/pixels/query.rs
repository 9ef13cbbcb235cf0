//! Asks the terminal whether it shows pixels, and how. Only its own answer counts, because environment variables are passed
//! on to terminals inside of it.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

/// The longest wait for the answer. All terminals answer the last question, so that only those that answer nothing at all
/// are waited for as long.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Bytes of an answer that are read at most.
const LONGEST: usize = 4096;

/// The questions: a graphics command of one pixel that is not shown (kitty's graphics protocol), the name and version
/// (XTVERSION), the size of a cell in pixels (XTWINOPS 16), and the primary device attributes (DA1).
const QUESTIONS: &str = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[>q\x1b[16t\x1b[c";

/// The way in which a terminal takes pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// kitty's graphics protocol.
    Kitty,
    /// Images in iTerm2's OSC 1337.
    Iterm2,
    /// Sixel.
    Sixel,
}

/// A terminal that shows pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelTerminal {
    /// The protocol.
    pub protocol: Protocol,
    /// Width and height of a cell, in pixels.
    pub cell: (u16, u16),
    /// A number of this process's own from which it counts the ids of its pictures.
    pub first_id: u32,
}

/// What a terminal has answered so far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    kitty: bool,
    sixel: bool,
    name: String,
    cell: Option<(u16, u16)>,
    complete: bool,
}

/// Tells whether tmux, screen or zellij stands between this process and the terminal. They do not pass pictures on, or
/// only in a configuration that a program cannot see.
pub fn is_multiplexed(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let term = variable("TERM").unwrap_or_default();
    ["TMUX", "STY", "ZELLIJ"].into_iter().any(is_set) || term.starts_with("screen") || term.starts_with("tmux")
}

/// Asks the terminal on stdin and stdout, which must be in raw mode. Returns the terminal if it shows pixels, and all bytes
/// that were read: keys may be among them.
pub fn ask() -> io::Result<(Option<PixelTerminal>, Vec<u8>)> {
    let mut stdout = io::stdout();
    stdout.write_all(QUESTIONS.as_bytes())?;
    stdout.flush()?;
    let until = Instant::now() + TIMEOUT;
    let mut bytes = Vec::new();
    let mut answer = Answer::default();
    while !answer.complete && bytes.len() < LONGEST {
        let Some(left) = until.checked_duration_since(Instant::now()) else { break };
        if !read(&mut bytes, left)? {
            break;
        }
        answer = Answer::of(&bytes);
    }
    let cell = answer.cell.or_else(cell);
    Ok((answer.protocol(cell).map(PixelTerminal::new), bytes))
}

/// Reads what stdin has within `wait`; returns false at its end and after a silence.
fn read(bytes: &mut Vec<u8>, wait: Duration) -> io::Result<bool> {
    let stdin = io::stdin();
    let timespec = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() };
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let ready = match poll(&mut fds, Some(&timespec)) {
        Err(Errno::INTR) => return Ok(true),
        ready => ready?,
    };
    let mut buffer = [0; 1024];
    let count = if ready > 0 { rustix::io::read(&stdin, &mut buffer)? } else { 0 };
    bytes.extend_from_slice(&buffer[..count]);
    Ok(count > 0)
}

/// Returns the size of a cell in pixels, as the kernel knows it; none if the terminal has not told the kernel.
pub fn cell() -> Option<(u16, u16)> {
    let size = crossterm::terminal::window_size().ok()?;
    let cell = (size.width.checked_div(size.columns)?, size.height.checked_div(size.rows)?);
    (cell.0 > 0 && cell.1 > 0).then_some(cell)
}

impl PixelTerminal {
    fn new((protocol, cell): (Protocol, (u16, u16))) -> Self {
        // Pictures of two programs in one window must not have the same ids.
        Self { protocol, cell, first_id: (std::process::id() & 0xffff) << 8 | 1 }
    }
}

impl Answer {
    fn of(bytes: &[u8]) -> Self {
        let mut answer = Self::default();
        for sequence in bytes.split(|byte| *byte == 0x1b) {
            let text = String::from_utf8_lossy(sequence);
            if let Some(name) = text.strip_prefix("P>|") {
                answer.name = name.to_owned();
            } else if text == "_Gi=31;OK" {
                answer.kitty = true;
            } else if let Some((parameters, _)) = text.strip_prefix("[6;").and_then(|text| text.split_once('t')) {
                answer.cell = parameters.split_once(';').and_then(|(height, width)| {
                    let cell = (width.parse().ok()?, height.parse().ok()?);
                    // No font is smaller or larger; a wrong answer must not ask for gigabytes.
                    ((1..=128).contains(&cell.0) && (1..=256).contains(&cell.1)).then_some(cell)
                });
            } else if let Some((attributes, _)) = text.strip_prefix("[?").and_then(|text| text.split_once('c')) {
                answer.complete = true;
                answer.sixel = attributes.split(';').skip(1).any(|attribute| attribute == "4");
            }
        }
        answer
    }

    /// Chooses the protocol. Terminals that have iTerm2's images and more show those most reliably.
    fn protocol(&self, cell: Option<(u16, u16)>) -> Option<(Protocol, (u16, u16))> {
        let is = |names: &[&str]| names.iter().any(|name| self.name.starts_with(name));
        if is(&["tmux", "screen", "zellij"]) {
            return None;
        }
        // Where the size of a cell is not known, the others scale a picture to its cells.
        let guess = cell.unwrap_or((10, 20));
        if is(&["iTerm2", "WezTerm", "mintty"]) {
            return Some((Protocol::Iterm2, guess));
        }
        if self.kitty {
            return Some((Protocol::Kitty, guess));
        }
        cell.filter(|_| self.sixel).map(|cell| (Protocol::Sixel, cell))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_shows_pixels_only_if_it_says_so() {
        let ok = "\x1b_Gi=31;OK\x1b\\";
        let rows = [
            // What each of them answers.
            ("kitty", format!("{ok}\x1bP>|kitty(0.42.1)\x1b\\\x1b[6;20;10t\x1b[?62;52;c"), Some(Protocol::Kitty)),
            ("ghostty", format!("{ok}\x1bP>|ghostty 1.2.0\x1b\\\x1b[6;20;10t\x1b[?62;22;52c"), Some(Protocol::Kitty)),
            ("foot", "\x1bP>|foot(1.21.0)\x1b\\\x1b[6;20;10t\x1b[?62;4;22;28;29c".into(), Some(Protocol::Sixel)),
            ("xterm", "\x1bP>|XTerm(390)\x1b\\\x1b[6;20;10t\x1b[?64;1;2;4;6;9c".into(), Some(Protocol::Sixel)),
            ("xterm as VT220", "\x1bP>|XTerm(390)\x1b\\\x1b[6;20;10t\x1b[?62;1;2;6c".into(), None),
            ("iTerm2", "\x1bP>|iTerm2 3.5.11\x1b\\\x1b[6;17;8t\x1b[?64;1;2;4;6c".into(), Some(Protocol::Iterm2)),
            ("WezTerm", format!("{ok}\x1bP>|WezTerm 20240203\x1b\\\x1b[?65;4;6c"), Some(Protocol::Iterm2)),
            ("vte", "\x1bP>|VTE(7600)\x1b\\\x1b[6;20;10t\x1b[?61;1;21;22;28c".into(), None),
            ("tmux with sixel", "\x1bP>|tmux 3.5\x1b\\\x1b[6;20;10t\x1b[?1;2;4c".into(), None),
            ("screen", "\x1b[?1;2c".into(), None),
            ("an error", "\x1b_Gi=31;ENOTSUPPORTED\x1b\\\x1b[6;20;10t\x1b[?62;22c".into(), None),
            ("VT340 without a cell's size", "\x1b[?63;1;2;4c".into(), None),
            ("nothing", String::new(), None),
            ("keys", "q\x1b[A4c".into(), None),
        ];
        for (name, bytes, expected) in rows {
            let answer = Answer::of(bytes.as_bytes());
            assert_eq!(answer.protocol(answer.cell).map(|(protocol, _)| protocol), expected, "{name}: {answer:?}");
            assert_eq!(answer.complete, bytes.contains("\x1b[?"), "{name}");
        }
        assert_eq!(Answer::of(b"\x1b[6;20;10t").cell, Some((10, 20)));
        for wrong in ["\x1b[6;0;10t", "\x1b[6;65535;65535t", "\x1b[6;20t", "\x1b[6;;t", "\x1b[6;-1;99999t"] {
            assert_eq!(Answer::of(wrong.as_bytes()).cell, None, "{wrong:?}");
        }
    }

    #[test]
    fn multiplexers_are_known_by_the_environment() {
        for (variables, expected) in [
            (&[("TERM", "xterm-kitty")][..], false),
            (&[("TERM", "xterm-256color"), ("TMUX", "/tmp/tmux-0/default,1,0")], true),
            (&[("TERM", "tmux-256color")], true),
            (&[("TERM", "screen.xterm-256color")], true),
            (&[("TERM", "xterm"), ("STY", "1.pts-0")], true),
            (&[("TERM", "xterm"), ("TMUX", "")], false),
        ] {
            let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(is_multiplexed(get), expected, "{variables:?}");
        }
    }
}
