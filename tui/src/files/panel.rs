//! A PNG file that is replaced again and again, for a program that drives a panel.

use std::{os::unix::net::UnixStream, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use duel_models::picture::Picture;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::{rendering::Rendering, write};
use crate::term::{alarm::Alarm, signals};

/// The file, until a signal asks this process to end.
pub struct Panel {
    path: PathBuf,
    rendering: Rendering,
    /// Readable after a signal that asks for the end: a file that is being written is finished first.
    signals: UnixStream,
}

impl Panel {
    /// Registers the signals. The file is not written yet.
    pub fn new(path: PathBuf, rendering: Rendering) -> Result<Self> {
        let signals = signals::pipe(signals::ends()).context("cannot register signal handlers")?;
        Ok(Self { path, rendering, signals })
    }

    /// Replaces the file.
    pub fn show(&self, picture: &Picture) -> Result<()> {
        write::replace(&self.path, &self.rendering.png(picture))
    }

    /// Waits for a signal or for an alarm, `timeout` at most; returns whether there was a signal.
    pub fn ended(&self, timeout: Duration, alarm: Option<&Alarm>) -> Result<bool> {
        let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
        fds.extend(alarm.and_then(Alarm::fd).map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        match poll(&mut fds, Timespec::try_from(timeout).ok().as_ref()) {
            Ok(_) => Ok(fds[0].revents().contains(PollFlags::IN)),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error).context("cannot wait for a signal"),
        }
    }
}
