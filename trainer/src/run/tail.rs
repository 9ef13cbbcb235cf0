//! Follows a file that another process appends lines to.

use std::{
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
};

use duel_models::files;

/// Bytes read at once; also the longest line that is believed.
const BLOCK: usize = 1 << 20;

/// Bytes at the end of a file that are read at first, the metrics of two million measured steps: a file without a block on the disk may claim to be
/// longer than anyone would wait for.
const MOST: u64 = 1 << 30;

/// A place in a growing file of lines.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    offset: u64,
    /// [`MOST`].
    most: u64,
    buffer: Vec<u8>,
}

/// What a look at the file finds.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    /// The file is shorter than what had been read of it: it was written anew, and is read from its start.
    Anew,
    /// Whole lines, line ends included.
    Lines(&'a [u8]),
    /// A stretch without a line end, longer than any line is: passed over.
    Endless,
}

impl Tail {
    /// The start of the file at `path`, which need not exist yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, offset: 0, most: MOST, buffer: Vec::new() }
    }

    /// Gives `each` what was added since the last call, in blocks of at most 1 MiB, and tells whether there was anything.
    /// An unfinished last line is left for the next call; a file that is not there has no lines.
    pub fn read(&mut self, mut each: impl FnMut(Found)) -> io::Result<bool> {
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
            each(Found::Anew);
        }
        // What is left of a line there is no record.
        self.offset = self.offset.max(length.saturating_sub(self.most));
        loop {
            file.seek(SeekFrom::Start(self.offset))?;
            self.buffer.clear();
            (&mut file).take(BLOCK as u64).read_to_end(&mut self.buffer)?;
            let full = self.buffer.len() == BLOCK;
            let whole = match self.buffer.iter().rposition(|byte| *byte == b'\n') {
                Some(end) => {
                    each(Found::Lines(&self.buffer[..=end]));
                    end + 1
                }
                None if full => {
                    each(Found::Endless);
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

/// The lines of a block, without their ends; empty ones left out.
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
            let Found::Lines(block) = part else { return };
            found.extend(lines(block).map(|line| String::from_utf8_lossy(line).into_owned()));
        })
        .expect("a readable file");
        found
    }

    #[test]
    fn an_unfinished_line_is_not_yet_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("lines");
        let mut tail = Tail::new(path.clone());
        assert!(read(&mut tail).is_empty(), "a file that is not there yet");
        let mut file = File::create(&path).expect("a file");
        file.write_all(b"one\n\ntwo\nthr").expect("a write");
        assert_eq!(read(&mut tail), ["one", "two"]);
        file.write_all(b"ee\r\n").expect("a write");
        assert_eq!(read(&mut tail), ["three"]);
        assert!(read(&mut tail).is_empty());
        fs::write(&path, "new\n").expect("a write");
        assert_eq!(read(&mut tail), ["new"], "a file that was written anew");
        fs::write(&path, "first\nsecond\nthird\n").expect("a write");
        assert_eq!(read(&mut Tail { most: 9, ..Tail::new(path) }), ["nd", "third"], "the end of a long one");
    }

    #[test]
    fn blocks_meet_without_a_gap_and_an_endless_line_is_passed_over() {
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
