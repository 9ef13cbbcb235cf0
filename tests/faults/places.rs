//! Run directories that are moved, used by two trainers at once, damaged, or watched by many.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use duel_models::random::Stream;
use duel_tests::{duel, pty::Pty};
use duel_trainer::run::record::{Event, EventKind, Metrics};
use rustix::process::Signal;

use crate::{
    Form,
    signals::{done, send},
    small::{STEPS, Small, complaints, lines, names, start},
    table::Table,
};

pub fn all(small: &Small, table: &mut Table, form: Form, seed: u64) {
    let times = if form == Form::Full { 20 } else { 2 };
    table.fault("moved while it trains", times, |time| {
        moved(small, Duration::from_micros(Stream::new(seed, "moves").item(time).below(400_000) as u64))
    });
    table.fault("a second trainer for a run", times, |_| second(small));
    table.fault("five trainers begin one run", times, |_| five(small));
    table.fault("a damaged checkpoint", 5 * times, |time| damaged(small, Stream::new(seed, "damages").item(time)));
    table.fault("ten watchers, one of them stopped", 1 + times / 10, |_| watched(small));
}

fn moved(small: &Small, after: Duration) -> Result<(), String> {
    let (here, there) = (small.path("here"), small.path("there"));
    let _ = (fs::remove_dir_all(&here), fs::remove_dir_all(&there));
    let mut trainer = start(&small.train("here", &[]));
    let began = || fs::metadata(here.join("events.jsonl")).is_ok_and(|file| file.len() > 0);
    while !began() && trainer.try_wait().is_ok_and(|ended| ended.is_none()) {
        thread::yield_now();
    }
    thread::sleep(after);
    fs::rename(&here, &there).map_err(|error| error.to_string())?;
    done(trainer)?;
    if here.exists() {
        return Err("the trainer wrote to the old path of the run directory".to_owned());
    }
    small.check_done(&there)
}

/// Checks that a second trainer on a run is refused, and that the first is not disturbed.
fn second(small: &Small) -> Result<(), String> {
    let dir = small.path("wanted");
    let _ = fs::remove_dir_all(&dir);
    let mut first = start(&small.train("wanted", &[]));
    while !dir.join("recipe.toml").exists() {
        if first.try_wait().is_ok_and(|ended| ended.is_some()) {
            return done(first);
        }
        thread::yield_now();
    }
    send(&mut first, Signal::STOP);
    for arguments in [small.go_on("wanted"), small.train("wanted", &[])] {
        refused(start(&arguments))?;
    }
    send(&mut first, Signal::CONT);
    done(first)?;
    small.check_done(&dir)
}

fn refused(trainer: std::process::Child) -> Result<(), String> {
    let ended = trainer.wait_with_output().map_err(|error| error.to_string())?;
    let said = complaints(&ended.stderr);
    let is_refusal = |line: &String| line.contains("another trainer is at work") || line.contains("holds a run");
    if ended.status.code() == Some(1) && said.len() == 1 && said.iter().all(is_refusal) {
        return Ok(());
    }
    Err(format!("{}: {said:?}", ended.status))
}

/// Checks that of five trainers that begin one run, one trains and four are refused.
fn five(small: &Small) -> Result<(), String> {
    let dir = small.path("five");
    let _ = fs::remove_dir_all(&dir);
    let trainers: Vec<_> = (0..5).map(|_| start(&small.train("five", &[]))).collect();
    let mut trained = 0;
    for mut trainer in trainers {
        let ended = trainer.wait().map_err(|error| error.to_string())?;
        if ended.success() { trained += 1 } else { refused(trainer)? }
    }
    if trained != 1 {
        return Err(format!("{trained} of them trained"));
    }
    small.check_done(&dir)
}

/// Checks that a run whose newest one or two checkpoints are damaged is resumed from an older one.
fn damaged(small: &Small, mut stream: Stream) -> Result<(), String> {
    let (whole, dir) = (small.path("whole"), small.path("damaged"));
    if !whole.exists() {
        done(start(&small.train("whole", &[])))?;
    }
    let _ = fs::remove_dir_all(&dir);
    let copied = Command::new("cp").arg("-r").arg(&whole).arg(&dir).status().map_err(|error| error.to_string())?;
    assert!(copied.success(), "cp");
    let checkpoints = names(&dir.join("checkpoints"))?;
    let mut what = Vec::new();
    for name in checkpoints.iter().rev().take(1 + stream.below(2)) {
        let file = dir.join("checkpoints").join(name);
        let mut bytes = fs::read(&file).map_err(|error| error.to_string())?;
        let at = stream.below(bytes.len());
        let kind = stream.below(4);
        match kind {
            0 => bytes[at] ^= 1 << stream.below(8),
            1 => bytes.truncate(at),
            2 => {
                // Inverted, since writing zeros over zeros would change nothing.
                let end = bytes.len().min(at + 4096);
                bytes[at..end].iter_mut().for_each(|byte| *byte = !*byte);
            }
            _ => bytes.clear(),
        }
        what.push((name, kind, at));
        fs::write(&file, bytes).map_err(|error| error.to_string())?;
    }
    let trainer = start(&small.go_on("damaged")).wait_with_output().map_err(|error| error.to_string())?;
    let said = complaints(&trainer.stderr);
    if !trainer.status.success() || said.len() != what.len() || !said.iter().all(|line| line.contains("is damaged")) {
        return Err(format!("{what:?}: {}: {said:?}", trainer.status));
    }
    let is_report =
        |event: &&Event| matches!(&event.kind, EventKind::Warning { what, .. } if what == "damaged checkpoint");
    if lines::<Event>(&dir.join("events.jsonl"))?.iter().filter(is_report).count() != what.len() {
        return Err(format!("{what:?}: events.jsonl does not have one warning for each damaged checkpoint"));
    }
    small.check_done(&dir).map_err(|why| format!("{what:?}: {why}"))
}

/// Checks that watchers see every record, and that a stopped watcher delays neither the trainer nor the others.
#[expect(clippy::zombie_processes, reason = "an early return reports a fault, and the trainer then ends by itself")]
fn watched(small: &Small) -> Result<(), String> {
    let dir = small.path("watched");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir(&dir).map_err(|error| error.to_string())?;
    let path = dir.display().to_string();
    let (program, room) = (duel().display().to_string(), small.path(""));
    let mut trainer = start(&small.train("watched", &[]));
    let watch = |_| Command::new(duel()).args(["watch", "--json", &path]).stdout(Stdio::piped()).spawn();
    let watchers: Result<Vec<_>, _> = (0..9).map(watch).collect();
    let watchers = watchers.map_err(|error| error.to_string())?;
    let stopped = Pty::start((80, 24), &room, &[], &[program.as_str(), "watch", "--read-only", &path]);
    thread::sleep(Duration::from_millis(100));
    stopped.signal(Signal::STOP);
    send(&mut trainer, Signal::CONT);
    done(trainer)?;
    for watcher in watchers {
        let ended = watcher.wait_with_output().map_err(|error| error.to_string())?;
        let seen = String::from_utf8_lossy(&ended.stdout).into_owned();
        let last = seen.lines().filter_map(|line| serde_json::from_str::<Metrics>(line).ok()).next_back();
        if !ended.status.success() || last.is_none_or(|last| last.step != STEPS) {
            return Err(format!("a watcher ended with {} at {:?}", ended.status, last.map(|last| last.step)));
        }
    }
    stopped.signal(Signal::CONT);
    drop(stopped);
    small.check_done(&dir)
}
