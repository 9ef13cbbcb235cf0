//! The trainers of a sweep: child processes, some at a time.

use std::{
    ffi::OsString,
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::{Child, ExitStatus},
    sync::atomic::Ordering,
    thread,
    time::Duration,
};

use anyhow::{Context, Result};
use duel_models::text::{quoted, showable};
use duel_trainer::{
    run::{history::State, summary::RunSummary},
    training,
};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    commands::trainer::train::{self, checkpoint_on_signals, stop_on_signals},
    term::output::note,
    text::events::scores,
};

/// The interval at which ended trainers and signals are looked for.
const POLL: Duration = Duration::from_millis(50);

/// A run that is to be trained.
#[derive(Debug)]
pub struct Job {
    /// The name of the run.
    pub name: String,
    /// The directory of the run.
    pub dir: PathBuf,
    /// The flags of `duel train --plain`, with their values.
    pub flags: Vec<(&'static str, OsString)>,
}

impl Job {
    /// Returns the command, quoted for a POSIX shell.
    pub fn command(&self) -> String {
        let flags = self.flags.iter().map(|(flag, value)| format!(" {flag} {}", quoted(Path::new(value))));
        format!("duel train --plain{}", flags.collect::<String>())
    }

    /// Returns the file with the trainer's messages. It stands beside the run, whose directory the trainer makes.
    fn log(&self) -> PathBuf {
        let mut log = self.dir.clone().into_os_string();
        log.push(".log");
        log.into()
    }

    fn start(&self, threads: usize) -> Result<Child> {
        let log = self.log();
        let output = OpenOptions::new().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("cannot write {}", log.display()))?;
        let mut trainer = train::process(&self.flags, output)?;
        trainer.env("RAYON_NUM_THREADS", threads.to_string()).spawn().context("cannot start a trainer")
    }

    /// Describes how the trainer has ended.
    fn ending(&self, status: ExitStatus) -> String {
        let log = self.log();
        match RunSummary::read(&self.dir) {
            Some(summary) if status.success() => {
                let history = &summary.run.history;
                let scores = scores(&history.judge, &history.scores, &history.real);
                let state = summary.run.state();
                let comma = if scores.is_empty() { "" } else { ", " };
                if state == State::Done { format!("done{comma}{scores}") } else { state.name().to_owned() }
            }
            _ => {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
                let why = showable(last.trim_start_matches("duel: "));
                format!("failed ({status}): {why}; its messages are in {}", log.display())
            }
        }
    }
}

/// Trains all jobs, `at_once` at a time, and divides the threads between them. Returns false if a signal asked to stop:
/// then the trainers have written checkpoints and ended.
pub fn train(jobs: &[Job], at_once: usize) -> Result<bool> {
    let (stop, checkpoint) = (stop_on_signals()?, checkpoint_on_signals()?);
    let threads = (training::threads() / at_once).max(1);
    let (mut waiting, mut running, mut ended) = (jobs.iter(), Vec::<(&Job, Child)>::new(), 0);
    let (mut is_asked, mut failed) = (false, None);
    loop {
        while running.len() < at_once && !stop.load(Ordering::Relaxed) {
            let Some(job) = waiting.next() else { break };
            note(&format!("{}: begins", job.name));
            match job.start(threads) {
                Ok(child) => running.push((job, child)),
                Err(why) => {
                    // The other trainers end with checkpoints, as after a signal.
                    stop.store(true, Ordering::Relaxed);
                    failed = Some(why);
                }
            }
        }
        if running.is_empty() {
            break;
        }
        if stop.load(Ordering::Relaxed) && !is_asked {
            is_asked = true;
            note("stopping: each trainer finishes its step and writes a checkpoint");
            send(&running, Signal::TERM);
        }
        if checkpoint.swap(false, Ordering::Relaxed) {
            send(&running, Signal::USR1);
        }
        thread::sleep(POLL);
        let mut still = Vec::new();
        for (job, mut child) in running {
            match child.try_wait().context("cannot wait for a trainer")? {
                Some(status) => {
                    ended += 1;
                    note(&format!("[{ended}/{}] {}: {}", jobs.len(), job.name, job.ending(status)));
                }
                None => still.push((job, child)),
            }
        }
        running = still;
    }
    failed.map_or(Ok(!is_asked && waiting.len() == 0), Err)
}

/// Sends a signal to all trainers. One that has just ended does not get it.
fn send(running: &[(&Job, Child)], signal: Signal) {
    running.iter().for_each(|(_, child)| _ = kill_process(Pid::from_child(child), signal));
}
