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

/// Keeps the kernels and readers that share their work on this thread: a second one would be woken for each of millions of small inputs.
///
/// # Panics
/// If work was shared before.
pub fn alone() {
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().expect("no pool yet");
}

/// A directory in memory, where there is such a place.
///
/// # Panics
/// If it cannot be made.
pub fn room() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a temporary directory")
}
