//! Results on stdout, messages on stderr.

use std::io::{self, Write, stderr};

use anyhow::{Context, Result};

/// Writes a line to stderr. An error is ignored: the result of the command does not depend on its messages.
pub fn note(line: &str) {
    _ = writeln!(stderr(), "{line}");
}

/// Writes `text` to stdout. A closed pipe is no error.
pub fn print(text: &str) -> Result<()> {
    print_bytes(text.as_bytes())
}

/// Writes bytes to stdout. A closed pipe is no error.
pub fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to stdout"),
    }
}
