//! Follows a file to which another process appends lines.

use std::{
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
};

use duel_models::files;

/// The number of bytes read at once, which is also the longest accepted line.
const BLOCK: usize = 1 << 20;

/// The number of bytes at the end of a file that are read at first: about the metrics of two million measured steps. A
/// sparse file may claim any length.
const MOST: u64 = 1 << 30;

/// A position in a growing file of lines.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    offset: u64,
    /// [`MOST`], or less in tests.
    most: u64,
    buffer: Vec<u8>,
}

/// A part of the file.
#[derive(Debug, Clone, Copy)]
pub enum Chunk<'a> {
    /// The file has become shorter than the position: it was replaced, and is read from its start.
    Restart,
    /// Complete lines with their line ends.
    Lines(&'a [u8]),
    /// 1 MiB without a line end, which is skipped.
    TooLong,
}

impl Tail {
    /// Returns the position at the start of `path`, which need not exist yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, offset: 0, most: MOST, buffer: Vec::new() }
    }

    /// Calls `each` with everything that was added since the last call, in chunks of at most 1 MiB, and returns whether
    /// there was anything. An unfinished last line is left for the next call. A missing file is an empty one.
    pub fn read(&mut self, mut each: impl FnMut(Chunk)) -> io::Result<bool> {
        let mut file = match files::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        if length == self.offset {
            return Ok(false);
        }
        let mut found = length < self.offset;
        if found {
            self.offset = 0;
            each(Chunk::Restart);
        }
        // The reading may start within a line, whose rest is no valid record.
        self.offset = self.offset.max(length.saturating_sub(self.most));
        loop {
            file.seek(SeekFrom::Start(self.offset))?;
            self.buffer.clear();
            (&mut file).take(BLOCK as u64).read_to_end(&mut self.buffer)?;
            let full = self.buffer.len() == BLOCK;
            let whole = match self.buffer.iter().rposition(|byte| *byte == b'\n') {
                Some(end) => {
                    each(Chunk::Lines(&self.buffer[..=end]));
                    end + 1
                }
                None if full => {
                    each(Chunk::TooLong);
                    BLOCK
                }
                None => 0,
            };
            found |= whole > 0;
            self.offset += whole as u64;
            if !full {
                self.buffer = Vec::new();
                return Ok(found);
            }
        }
    }
}

/// Returns the lines of a block without line ends; empty lines are left out.
pub fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    block.split(|byte| *byte == b'\n').map(|line| line.trim_ascii()).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        io::Write,
    };

    use super::*;

    fn read(tail: &mut Tail) -> Vec<String> {
        let mut found = Vec::new();
        tail.read(|part| {
            let Chunk::Lines(block) = part else { return };
            found.extend(lines(block).map(|line| String::from_utf8_lossy(line).into_owned()));
        })
        .expect("a readable file");
        found
    }

    #[test]
    fn an_unfinished_line_is_left_for_the_next_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("lines");
        let mut tail = Tail::new(path.clone());
        assert!(read(&mut tail).is_empty(), "a missing file");
        let mut file = File::create(&path).expect("a file");
        file.write_all(b"one\n\ntwo\nthr").expect("a write");
        assert_eq!(read(&mut tail), ["one", "two"]);
        file.write_all(b"ee\r\n").expect("a write");
        assert_eq!(read(&mut tail), ["three"]);
        assert!(read(&mut tail).is_empty());
        fs::write(&path, "new\n").expect("a write");
        assert_eq!(read(&mut tail), ["new"], "a replaced file");
        fs::write(&path, "first\nsecond\nthird\n").expect("a write");
        assert_eq!(read(&mut Tail { most: 9, ..Tail::new(path) }), ["nd", "third"], "the end of a long one");
    }

    #[test]
    fn lines_across_blocks_are_complete_and_too_long_ones_are_skipped() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("lines");
        let text: String = (0..1_000_000).map(|n| format!("{n}\n")).collect();
        fs::write(&path, &text).expect("a write");
        let mut tail = Tail::new(path.clone());
        assert!(read(&mut tail).into_iter().eq((0..1_000_000).map(|n| n.to_string())));
        fs::write(&path, [vec![b'x'; BLOCK + 3], b"\nlast\n".to_vec()].concat()).expect("a write");
        let mut tail = Tail::new(path);
        assert_eq!(read(&mut tail), ["xxx", "last"]);
    }
}
