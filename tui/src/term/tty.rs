//! The terminal of this process: what it lacks to be drawn on, and its size.

use std::{
    fmt,
    io::{IsTerminal, stdin, stdout},
};

use crossterm::terminal;

/// The reason why there is no terminal that can be drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Stdin is no terminal.
    Stdin,
    /// Stdout is no terminal.
    Stdout,
    /// `TERM` is unset or empty, so nobody knows what the terminal understands.
    Term,
    /// `TERM` says that the terminal shows lines only.
    Dumb,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdin => "stdin is none",
            Self::Stdout => "stdout is none",
            Self::Term => "TERM is not set (try TERM=xterm-256color)",
            Self::Dumb => "TERM=dumb is one of lines only",
        })
    }
}

/// Returns the reason why stdin and stdout are no terminal that can be drawn on; none if they are.
pub fn missing() -> Option<Missing> {
    lacking(stdin().is_terminal(), stdout().is_terminal(), &term())
}

fn lacking(stdin: bool, stdout: bool, term: &str) -> Option<Missing> {
    match (stdin, stdout, term) {
        (false, ..) => Some(Missing::Stdin),
        (_, false, _) => Some(Missing::Stdout),
        (.., "") => Some(Missing::Term),
        (.., "dumb") => Some(Missing::Dumb),
        _ => None,
    }
}

/// Tells whether stdin and stdout are a terminal that can be drawn on.
pub fn is_there() -> bool {
    missing().is_none()
}

/// Tells whether the terminal can show lines only: `TERM` is empty or `dumb`.
#[cfg(feature = "train")]
pub fn is_dumb() -> bool {
    matches!(lacking(true, true, &term()), Some(Missing::Term | Missing::Dumb))
}

fn term() -> String {
    std::env::var("TERM").unwrap_or_default()
}

/// Returns the columns and rows of the terminal. A terminal that does not know its size says 0×0, such as a serial line, or
/// `docker run -t` before the first change of size: then the variables COLUMNS and LINES count, else 80×24.
pub fn size() -> (u16, u16) {
    let known = terminal::size().unwrap_or_default();
    size_or_default(known, |name| std::env::var(name).ok())
}

fn size_or_default((columns, rows): (u16, u16), variable: impl Fn(&str) -> Option<String>) -> (u16, u16) {
    let side = |known: u16, name: &str, default: u16| {
        let set = || variable(name)?.parse().ok().filter(|side| *side > 0);
        if known > 0 { known } else { set().unwrap_or(default) }
    };
    (side(columns, "COLUMNS", 80), side(rows, "LINES", 24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cause_is_named() {
        for (stdin, stdout, term, expected) in [
            (true, true, "xterm", None),
            (false, false, "", Some(Missing::Stdin)),
            (true, false, "xterm", Some(Missing::Stdout)),
            (true, true, "", Some(Missing::Term)),
            (true, true, "dumb", Some(Missing::Dumb)),
        ] {
            assert_eq!(lacking(stdin, stdout, term), expected, "{term:?}");
        }
    }

    #[test]
    fn a_terminal_without_a_size_has_that_of_the_variables_or_80_by_24() {
        for (known, columns, lines, expected) in [
            ((200, 50), "100", "30", (200, 50)),
            ((0, 0), "100", "30", (100, 30)),
            ((0, 0), "", "-1", (80, 24)),
            ((0, 0), "0", "70000", (80, 24)),
            ((132, 0), "100", "30", (132, 30)),
        ] {
            let variable = |name: &str| Some(if name == "LINES" { lines } else { columns }.to_owned());
            assert_eq!(size_or_default(known, variable), expected, "{known:?}, {columns:?}, {lines:?}");
        }
        assert_eq!(size_or_default((0, 0), |_| None), (80, 24));
    }
}
