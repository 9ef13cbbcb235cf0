//! The signals that ask this process to end. A signal that was ignored when the program started stays ignored: `nohup` ignores
//! SIGHUP, and a shell without job control ignores SIGINT and SIGQUIT for its background jobs.

use std::{io, os::unix::net::UnixStream};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    low_level,
};

/// Returns those of SIGTERM, SIGHUP, SIGINT and SIGQUIT that this process does not ignore.
pub fn ends() -> impl Iterator<Item = i32> {
    [SIGTERM, SIGHUP, SIGINT, SIGQUIT].into_iter().filter(|signal| !is_ignored(*signal))
}

/// Returns a pipe that is readable after one of these signals.
pub fn pipe(signals: impl Iterator<Item = i32>) -> io::Result<UnixStream> {
    let (reader, writer) = UnixStream::pair()?;
    for signal in signals {
        low_level::pipe::register(signal, writer.try_clone()?)?;
    }
    Ok(reader)
}

/// Tells whether this process ignores a signal; no where the system has no /proc, which Linux has (proc(5), `SigIgn`). No handler
/// is set for an ignored signal, so that the answer is always the one at the start of the program.
pub fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
