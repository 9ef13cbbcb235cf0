//! Requests to a trainer through `control.jsonl`: sending and reading.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use duel_models::files;

use super::record::{Request, RequestKind};

/// Sends a request to the trainer of `run`, and returns the id that the answer in `events.jsonl` will repeat.
///
/// The line is appended in one write, so that requests of two programs never mix. It starts with a line end if a killed
/// program left a partial line.
pub fn send(run: &Path, kind: RequestKind) -> io::Result<String> {
    let request = Request { id: new_id(), kind };
    let mut line = serde_json::to_string(&request)? + "\n";
    let path = run.join("control.jsonl");
    files::must_be_writable_place(&path)?;
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    // An empty file has no last byte.
    if file.seek(SeekFrom::End(-1)).is_ok() {
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            line.insert(0, '\n');
        }
    }
    file.write_all(line.as_bytes())?;
    Ok(request.id)
}

/// Returns milliseconds since 1970, process and a count, so that two programs never use the same id, even on a shared
/// disk.
fn new_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    format!("{now:x}-{:x}-{:x}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The most bytes of requests that are read at a time, and the longest accepted line.
const REQUESTS_MAX: u64 = 1 << 16;

/// Reads the requests to a trainer as they are added to `control.jsonl`.
#[derive(Debug, Default)]
pub(super) struct RequestReader {
    /// None before the file exists.
    file: Option<File>,
    /// A line without its end yet.
    partial: String,
}

impl RequestReader {
    /// Returns a reader that skips the requests in the file at `path`, which were made to earlier trainers.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        // A path that is no regular file has no requests.
        let Ok(mut file) = files::open(path) else { return Ok(Self::default()) };
        file.seek(SeekFrom::End(0))?;
        Ok(Self { file: Some(file), partial: String::new() })
    }

    /// Returns the requests since the last call. Lines that are no requests are skipped.
    pub(super) fn read(&mut self, path: &Path) -> io::Result<Vec<Request>> {
        if self.file.is_none() {
            self.file = files::open(path).ok();
        }
        let Some(file) = &mut self.file else { return Ok(Vec::new()) };
        let mut bytes = Vec::new();
        file.take(REQUESTS_MAX).read_to_end(&mut bytes)?;
        self.partial.push_str(&String::from_utf8_lossy(&bytes));
        let mut requests = Vec::new();
        while let Some(end) = self.partial.find('\n') {
            let line: String = self.partial.drain(..=end).collect();
            requests.extend(serde_json::from_str::<Request>(&line).ok());
        }
        if self.partial.len() > REQUESTS_MAX as usize {
            self.partial.clear();
        }
        Ok(requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_line() {
        let dir = tempfile::tempdir().expect("a directory");
        let kinds = [RequestKind::Pause, RequestKind::Set { key: "training.k_generator".into(), value: "2".into() }];
        let ids: Vec<_> =
            kinds.iter().map(|kind| send(dir.path(), kind.clone()).expect("a writable directory")).collect();
        assert_ne!(ids[0], ids[1]);
        let text = std::fs::read_to_string(dir.path().join("control.jsonl")).expect("the file");
        let requests: Vec<Request> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        assert!(requests.iter().map(|request| &request.id).eq(&ids));
        assert!(requests.iter().map(|request| &request.kind).eq(&kinds));
        // A program that was killed while it sent a request.
        OpenOptions::new()
            .append(true)
            .open(dir.path().join("control.jsonl"))
            .and_then(|mut f| f.write_all(b"{\"id"))
            .expect("space");
        let id = send(dir.path(), RequestKind::Stop).expect("a writable directory");
        let text = std::fs::read_to_string(dir.path().join("control.jsonl")).expect("the file");
        let last = text.lines().last().expect("lines");
        assert_eq!(serde_json::from_str::<Request>(last).expect(last).id, id);
    }

    #[test]
    fn requests_are_not_written_to_a_link_or_a_directory() {
        let dir = tempfile::tempdir().expect("a directory");
        let (control, other) = (dir.path().join("control.jsonl"), dir.path().join("other"));
        std::fs::write(&other, "mine").expect("space");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&other, &control).expect("space");
            send(dir.path(), RequestKind::Stop).expect_err("a link");
            std::fs::remove_file(&control).expect("it is there");
        }
        std::fs::create_dir(&control).expect("space");
        send(dir.path(), RequestKind::Stop).expect_err("a directory");
        assert_eq!(std::fs::read_to_string(&other).expect("the file"), "mine");
    }
}
