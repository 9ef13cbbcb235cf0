//! Requests to a trainer, through `control.jsonl`.

use std::{
    fs::OpenOptions,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use duel_models::files;

use super::record::{Request, RequestKind};

/// Asks the trainer of `run` and returns the request's id, which the answer in `events.jsonl` will carry.
///
/// The line goes out in one write to a file opened for appending, so that two watchers' requests never mix; behind a line that a killed watcher
/// left half, it begins a new one.
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

/// Milliseconds since 1970, the process and a count: two watchers never share one, on one machine or on a shared disk.
fn new_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    format!("{now:x}-{:x}-{:x}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_line() {
        let dir = tempfile::tempdir().expect("a directory");
        let asks = [RequestKind::Pause, RequestKind::Set { key: "training.k_generator".into(), value: "2".into() }];
        let ids: Vec<_> = asks.iter().map(|a| send(dir.path(), a.clone()).expect("a writable directory")).collect();
        assert_ne!(ids[0], ids[1]);
        let text = std::fs::read_to_string(dir.path().join("control.jsonl")).expect("the file");
        let requests: Vec<Request> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        assert!(requests.iter().map(|request| &request.id).eq(&ids));
        assert!(requests.iter().map(|request| &request.kind).eq(&asks));
        // A watcher that was killed while it asked.
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
    fn a_link_or_a_directory_is_asked_nothing() {
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
