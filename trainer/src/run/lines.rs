//! A file of lines, or of records, that only grows, on a disk that may be full for a while.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use duel_models::files;
use serde::Serialize;

/// Lines, of which those that cannot be written now wait in memory, in order.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    /// None before it is opened.
    file: Option<File>,
    waiting: Vec<u8>,
}

impl Lines {
    /// A file that is there, or is made.
    pub(super) fn new(path: PathBuf) -> io::Result<Self> {
        Ok(Self { file: Some(open(&path)?), ..Self::later(path) })
    }

    /// A file that is made when there is something to write.
    pub(super) fn later(path: PathBuf) -> Self {
        Self { path, file: None, waiting: Vec::new() }
    }

    /// Adds a line, and writes it with those that wait. In one write as a rule, so that a reader sees whole lines; where half of it
    /// found room, the rest follows, and until then a reader takes it for unfinished.
    pub(super) fn append(&mut self, record: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.waiting, record)?;
        self.waiting.push(b'\n');
        self.flush()
    }

    /// Adds bytes, likewise.
    pub(super) fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.waiting.extend(bytes);
        self.flush()
    }

    /// Writes what waits, as far as it finds room.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(open(&self.path)?),
        };
        let mut written = 0;
        let result = loop {
            if written == self.waiting.len() {
                break Ok(());
            }
            match file.write(&self.waiting[written..]) {
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
        self.file.as_ref().map_or(Ok(()), File::sync_data)
    }

    /// Bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

fn open(path: &Path) -> io::Result<File> {
    files::must_be_writable_place(path)?;
    OpenOptions::new().append(true).create(true).open(path)
}
