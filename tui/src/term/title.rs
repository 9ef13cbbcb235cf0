//! The terminal's title and bell. The title that was there before is kept on the terminal's own stack: xterm's control
//! sequences, `CSI 22 ; 2 t` and `CSI 23 ; 2 t`.

use std::{
    io::{self, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use clap::ValueEnum;

/// Whether the title of the terminal has been changed. Static, because the panic hook has no other way to know.
static CHANGED: AtomicBool = AtomicBool::new(false);

/// Whether the bell rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Bell {
    /// At a warning, and when the training ends.
    #[default]
    On,
    /// Never.
    Off,
}

/// The title that was written last.
#[derive(Debug, Default)]
pub struct Title(String);

impl Title {
    /// Changes the title, unless it is the same, or the terminal would print the sequence instead of reading it. Control
    /// characters of `title` must be escaped.
    pub fn set(&mut self, title: &str) -> io::Result<()> {
        if self.0 == title && CHANGED.load(Ordering::Relaxed) || !has_title(&std::env::var("TERM").unwrap_or_default())
        {
            return Ok(());
        }
        title.clone_into(&mut self.0);
        let keep = if CHANGED.swap(true, Ordering::Relaxed) { "" } else { "\x1b[22;2t" };
        write(&format!("{keep}\x1b]2;{title}\x07"))
    }
}

/// Restores the title that was there before the first change.
pub fn restore() -> io::Result<()> {
    if CHANGED.swap(false, Ordering::Relaxed) { write("\x1b[23;2t") } else { Ok(()) }
}

/// Rings the bell.
pub fn ring() -> io::Result<()> {
    write("\x07")
}

fn write(sequence: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(sequence.as_bytes())?;
    stdout.flush()
}

/// Tells whether a terminal of this name has a title. The console of a PC and old terminals print the text of the sequence.
fn has_title(term: &str) -> bool {
    !matches!(term, "" | "dumb" | "unknown" | "linux") && !term.starts_with("vt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_written_when_it_changes_and_where_terminals_have_one() {
        for (term, expected) in
            [("xterm-256color", true), ("tmux", true), ("linux", false), ("vt220", false), ("", false)]
        {
            assert_eq!(has_title(term), expected, "{term}");
        }
    }
}
