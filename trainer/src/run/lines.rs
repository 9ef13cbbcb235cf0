//! A file of lines that only grows, on a disk that may be full for a while.

use std::{
    fs::File,
    io::{self, Write},
};

use serde::Serialize;

/// Lines, of which those that cannot be written now wait in memory, in order.
#[derive(Debug)]
pub(super) struct Lines {
    file: File,
    waiting: Vec<u8>,
}

impl Lines {
    /// A file that is open for appending.
    pub(super) fn new(file: File) -> Self {
        Self { file, waiting: Vec::new() }
    }

    /// Adds a line, and writes it with those that wait. In one write as a rule, so that a reader sees whole lines; where half of it
    /// found room, the rest follows, and until then a reader takes it for unfinished.
    pub(super) fn append(&mut self, record: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.waiting, record)?;
        self.waiting.push(b'\n');
        self.flush()
    }

    /// Writes what waits, as far as it finds room.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let mut written = 0;
        let result = loop {
            if written == self.waiting.len() {
                break Ok(());
            }
            match self.file.write(&self.waiting[written..]) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.waiting.drain(..written);
        result
    }

    /// Makes what was written outlast a power cut.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
