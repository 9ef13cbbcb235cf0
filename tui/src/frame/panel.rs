//! A frame without a terminal: a PNG file that is replaced, for a program that drives a panel.

use std::{
    io::{ErrorKind, Read},
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use duel_models::picture::grid;
use signal_hook::low_level::pipe;

use super::{pictures::Pictures, state::Show};
use crate::{
    files::{rendering::Rendering, write},
    term::signals::ends,
};

/// Replaces the file with each picture, until a signal asks this process to end.
pub fn write(pictures: &Pictures, mut show: Show, path: &Path, rendering: Rendering) -> Result<()> {
    let mut signals = signals().context("cannot register signal handlers")?;
    let start = Instant::now();
    let mut shown = None;
    loop {
        let moment = show.at(start.elapsed());
        if shown != Some(moment) {
            let picture = grid(&pictures.draw(moment)?, pictures.card().shape, 1);
            write::replace(path, &rendering.png(&picture))?;
            shown = Some(moment);
        }
        if ended(&mut signals, show.rest(start.elapsed()))? {
            return Ok(());
        }
    }
}

/// Returns a pipe that is readable after a signal that asks for the end: a file that is being written is finished first.
fn signals() -> std::io::Result<UnixStream> {
    let (reader, writer) = UnixStream::pair()?;
    for signal in ends() {
        pipe::register(signal, writer.try_clone()?)?;
    }
    Ok(reader)
}

/// Waits for a signal, `timeout` at most; returns whether there was one.
fn ended(signals: &mut UnixStream, timeout: Duration) -> Result<bool> {
    // A timeout of zero would be none.
    signals.set_read_timeout(Some(timeout.max(Duration::from_millis(1))))?;
    match signals.read(&mut [0]) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
            Ok(false)
        }
        Err(error) => Err(error).context("cannot wait for a signal"),
    }
}
