//! Results on stdout, words beside them on stderr.

use std::io::{self, Write, stderr};

use anyhow::{Context, Result};

/// Writes a line to stderr. Where that is gone or full, what the command is asked for still counts.
pub fn note(line: &str) {
    _ = writeln!(stderr(), "{line}");
}

/// Writes `text` to stdout. A reader that has closed its end is no error.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to stdout"),
    }
}
