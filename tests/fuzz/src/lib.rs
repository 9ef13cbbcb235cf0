//! What the fuzzers share.

use std::{fmt::Display, path::Path};

use tempfile::TempDir;

/// An error must be a line, and nothing that a terminal would obey.
///
/// # Panics
/// If it is not.
pub fn is_a_line(error: &impl Display) {
    let text = error.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

/// A directory in memory, where there is such a place.
///
/// # Panics
/// If it cannot be made.
pub fn room() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a temporary directory")
}
