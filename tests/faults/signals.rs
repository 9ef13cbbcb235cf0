//! Signals from a terminal, a user or the system, and a clock that is set back.

use std::{fs, path::PathBuf, process::Child, thread, time::Duration};

use duel_models::random::Stream;
use duel_trainer::run::record::{Ending, Event, EventKind};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    Form,
    small::{Small, complaints, lines, start, start_with},
    table::Table,
};

/// Name of the fault, its signals, and the expected exit code of the trainer. The exit code 0 is accepted, too, because
/// the trainer may have finished before the signal.
const ENDS: [(&str, &[Signal], i32); 4] = [
    ("the terminal is gone (SIGHUP)", &[Signal::HUP], 0),
    ("asked to end (SIGTERM)", &[Signal::TERM], 0),
    ("Ctrl-C", &[Signal::INT], 0),
    ("Ctrl-C twice", &[Signal::INT, Signal::INT], 130),
];

pub fn all(small: &Small, table: &mut Table, form: Form, seed: u64) {
    let times = if form == Form::Full { 20 } else { 2 };
    for (name, signals, code) in ENDS {
        table.fault(name, times, |time| {
            let mut stream = Stream::new(seed, name).item(time);
            ends(small, signals, code, moment(&mut stream))
        });
    }
    table.fault("stopped and continued (SIGSTOP, SIGCONT)", times, |time| {
        let mut stream = Stream::new(seed, "stops").item(time);
        let mut trainer = begin(small, "stopped")?;
        for _ in 0..3 {
            thread::sleep(moment(&mut stream) / 3);
            send(&mut trainer, Signal::STOP);
            thread::sleep(Duration::from_millis(150));
            send(&mut trainer, Signal::CONT);
        }
        done(trainer)?;
        small.check_done(&small.path("stopped"))
    });
    table.fault("the clock set back by a day", times, |time| {
        let mut stream = Stream::new(seed, "clocks").item(time);
        clock_set_back(small, moment(&mut stream))
    });
}

/// A random delay, from the start of a training to its end.
fn moment(stream: &mut Stream) -> Duration {
    Duration::from_micros(stream.below(500_000) as u64)
}

/// Begins the training as a new run.
fn begin(small: &Small, name: &str) -> Result<Child, String> {
    let _ = fs::remove_dir_all(small.path(name));
    Ok(start(&small.train(name, &[])))
}

/// Sends a signal to a trainer if it still runs.
pub fn send(trainer: &mut Child, signal: Signal) {
    if trainer.try_wait().is_ok_and(|ended| ended.is_none()) {
        let _ = kill_process(Pid::from_child(trainer), signal);
    }
}

/// Waits for a trainer, which must exit with 0.
pub fn done(trainer: Child) -> Result<(), String> {
    let ended = trainer.wait_with_output().map_err(|error| error.to_string())?;
    match ended.status.success() {
        true => Ok(()),
        false => Err(format!("{}: {}", ended.status, String::from_utf8_lossy(&ended.stderr))),
    }
}

/// Checks that an interrupted trainer writes a checkpoint and an event; that a second Ctrl-C ends it at once; and that
/// both runs can be resumed.
fn ends(small: &Small, signals: &[Signal], code: i32, after: Duration) -> Result<(), String> {
    let dir = small.path("interrupted");
    let mut trainer = begin(small, "interrupted")?;
    thread::sleep(after);
    for &signal in signals {
        send(&mut trainer, signal);
    }
    let ended = trainer.wait_with_output().map_err(|error| error.to_string())?;
    let said = complaints(&ended.stderr);
    match ended.status.code() {
        Some(0) => {}
        Some(other) if other == code => {}
        // A signal that comes before its handler is set kills the trainer.
        None if !dir.join("events.jsonl").exists() || lines::<Event>(&dir.join("events.jsonl"))?.is_empty() => {}
        _ => return Err(format!("{after:?}: {}: {said:?}", ended.status)),
    }
    if !said.is_empty() {
        return Err(format!("{after:?}: the trainer printed {said:?}"));
    }
    let events = if dir.exists() { lines::<Event>(&dir.join("events.jsonl"))? } else { Vec::new() };
    let last = events.last().map(|event| event.kind.clone());
    if ended.status.success() {
        match last {
            Some(EventKind::Stopped { why: Ending::Done, .. }) => return small.check_done(&dir),
            Some(EventKind::Stopped { why: Ending::Asked, .. }) => {}
            other => return Err(format!("{after:?}: the last event of the run is {other:?}")),
        }
        if !dir.join("checkpoints").read_dir().is_ok_and(|mut files| files.next().is_some()) {
            return Err(format!("{after:?}: the trainer ended without a checkpoint"));
        }
    }
    if dir.exists() {
        small.check(&dir)?;
    }
    done(start(&small.go_on("interrupted")))?;
    small.check_done(&dir)
}

/// Checks that a clock set back changes the times of events and nothing else.
#[expect(clippy::zombie_processes, reason = "an early return reports a fault, and the trainer then ends by itself")]
fn clock_set_back(small: &Small, after: Duration) -> Result<(), String> {
    let library = fs::read_dir("/usr/lib").into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut library = library.map(|dir| dir.join("faketime/libfaketime.so.1")).filter(|library| library.exists());
    let library: PathBuf = library.next().ok_or("libfaketime is not there: apt-get install faketime")?;
    let (dir, clock) = (small.path("clock"), small.path("clock.txt"));
    let _ = fs::remove_dir_all(&dir);
    let set = |text: &str| fs::write(&clock, text).map_err(|error| error.to_string());
    set("+0")?;
    let variables = [
        ("LD_PRELOAD", library.as_os_str()),
        ("FAKETIME_TIMESTAMP_FILE", clock.as_os_str()),
        ("FAKETIME_NO_CACHE", "1".as_ref()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".as_ref()),
    ];
    let trainer = start_with(&small.train("clock", &[]), &variables);
    thread::sleep(after);
    set("-1d")?;
    done(trainer)?;
    small.check_done(&dir)
}
