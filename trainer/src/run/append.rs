//! A file to which records are appended. Records that cannot be written, because the disk is full, wait in memory.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use duel_models::files;
use serde::Serialize;

/// A file that is only appended to, and the bytes that wait to be written.
#[derive(Debug)]
pub(super) struct AppendFile {
    path: PathBuf,
    /// None before the file is opened.
    file: Option<File>,
    waiting: Vec<u8>,
}

impl AppendFile {
    /// Opens or creates a file.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        Ok(Self { file: Some(open(&path)?), ..Self::lazy(path) })
    }

    /// Returns a file that is created with its first record.
    pub(super) fn lazy(path: PathBuf) -> Self {
        Self { path, file: None, waiting: Vec::new() }
    }

    /// Appends a record as a line of JSON, after the bytes that wait. A line is usually one write, so that readers see
    /// complete lines; if the disk has room for a part of it, the rest follows later, and readers wait for it.
    pub(super) fn add_line(&mut self, record: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.waiting, record)?;
        self.waiting.push(b'\n');
        self.flush()
    }

    /// Appends bytes in the same way.
    pub(super) fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.waiting.extend(bytes);
        self.flush()
    }

    /// Writes the bytes that wait, as many as the disk has room for.
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

    /// Syncs the written bytes to the disk, so that they survive a power cut.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), File::sync_data)
    }

    /// Returns the number of bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

fn open(path: &Path) -> io::Result<File> {
    files::must_be_writable_place(path)?;
    OpenOptions::new().append(true).create(true).open(path)
}
