//! A run printed as lines, for logs and pipes.

use std::{
    io::{self, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use duel_models::text::showable;
use duel_trainer::run::{
    reader::{Reader, Run},
    record::{Event, Metrics},
    tail::{Chunk, Tail, lines},
};

use crate::{
    term::{output::note, zone},
    text::{
        events::{kind, text},
        numbers,
        run::line,
    },
};

/// The time between two reads of the run's files.
const READ_INTERVAL: Duration = Duration::from_millis(250);

/// Prints a line every `every`, and one for each event, until the run has ended. A closed pipe is no error.
pub fn plain(dir: &Path, every: Duration) -> Result<()> {
    closed_is_done(follow_plain(dir, every))
}

fn follow_plain(dir: &Path, every: Duration) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let (mut reader, mut run) = Reader::new(dir);
    let (mut told, mut step, mut wrote) = (0u64, None, None::<Instant>);
    reader.update(&mut run)?;
    tell_wait(&run, dir);
    loop {
        reader.update(&mut run)?;
        let (events, ended) = (run.history.total, run.state().ended());
        let new = usize::try_from(events.saturating_sub(told)).unwrap_or(usize::MAX).min(run.history.events.len());
        for event in run.history.events.iter().rev().take(new).rev() {
            let (time, kind, text) =
                (numbers::time_of_day(event.time, zone::offset(event.time)), kind(event), text(event));
            writeln!(stdout, "{time} {kind} at step {}: {text}", numbers::thousands(event.step))?;
        }
        told = events;
        let news = run.last.map(|last| last.step) != step;
        if ended || news && wrote.is_none_or(|wrote| wrote.elapsed() >= every) {
            writeln!(stdout, "{}", line(&run))?;
            (step, wrote) = (run.last.map(|last| last.step), Some(Instant::now()));
        }
        stdout.flush()?;
        if ended {
            return writeln!(stdout, "{}", run.state().name());
        }
        thread::sleep(READ_INTERVAL);
    }
}

/// Says on stderr that nothing is printed before a training has begun.
fn tell_wait(run: &Run, dir: &Path) {
    if run.history.total == 0 && run.last.is_none() {
        let dir = showable(&dir.display().to_string());
        note(&format!("duel: no training has begun in {dir} yet: waiting for one; Ctrl-C ends the wait"));
    }
}

/// Prints every record of metrics and every event as it comes, until the run has ended. A closed pipe is no error.
pub fn json(dir: &Path) -> Result<()> {
    closed_is_done(follow_json(dir))
}

fn follow_json(dir: &Path) -> io::Result<()> {
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    let (mut reader, mut run) = Reader::new(dir);
    let mut metrics = Tail::new(dir.join("metrics.jsonl"));
    let mut events = Tail::new(dir.join("events.jsonl"));
    reader.update(&mut run)?;
    tell_wait(&run, dir);
    loop {
        // The state is read before the records: every record that was written before the end is then read below.
        reader.update(&mut run)?;
        // A line that is no record is left out.
        pass_on(&mut events, &mut stdout, |line| serde_json::from_slice::<Event>(line).is_ok())?;
        pass_on(&mut metrics, &mut stdout, |line| serde_json::from_slice::<Metrics>(line).is_ok())?;
        stdout.flush()?;
        if run.state().ended() {
            return Ok(());
        }
        thread::sleep(READ_INTERVAL);
    }
}

fn pass_on(tail: &mut Tail, out: &mut impl Write, is_record: impl Fn(&[u8]) -> bool) -> io::Result<()> {
    let mut written = Ok(());
    tail.read(|chunk| {
        let Chunk::Lines(block) = chunk else { return };
        for line in lines(block).filter(|line| is_record(line)) {
            if written.is_ok() {
                written = out.write_all(line).and_then(|()| out.write_all(b"\n"));
            }
        }
    })?;
    written
}

fn closed_is_done(followed: io::Result<()>) -> Result<()> {
    match followed {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        followed => followed.context("cannot follow the run"),
    }
}
