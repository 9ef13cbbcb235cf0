//! Signals to a trainer.

use std::{
    ops::{Deref, DerefMut},
    process::Child,
};

use super::*;

/// A trainer that does not outlive its test.
pub struct Trainer(Child);

impl Drop for Trainer {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Deref for Trainer {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Trainer {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

/// Starts an endless training in `dir/run`, in a shell that first runs `before`, and waits until it trains.
pub fn begin(dir: &Path, before: &str) -> Trainer {
    let duel = duel();
    let mut shell = Command::new("sh");
    shell.env("XDG_CONFIG_HOME", duel_tests::NO_DEFAULTS);
    shell.args(["-c", &format!("{before}exec \"$0\" \"$@\"")]).arg(duel).current_dir(dir);
    shell.args(["train", "--run", "./run", "--plain", "--steps", "100000000"]).args(SMALL);
    shell.args(["--set", "record.checkpoint_every=100000000"]);
    let trainer = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("sh");
    let trainer = Trainer(trainer);
    wait("no metrics", || metrics(dir) > 0);
    trainer
}

fn wait(what: &str, is: impl Fn() -> bool) {
    let since = Instant::now();
    while !is() {
        assert!(since.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn send(trainer: &Child, signal: Signal) {
    kill_process(Pid::from_child(trainer), signal).expect("a signal");
}

/// Bytes of measured steps.
fn metrics(dir: &Path) -> u64 {
    dir.join("run/metrics.jsonl").metadata().map_or(0, |file| file.len())
}

fn checkpoints(dir: &Path) -> usize {
    fs::read_to_string(dir.join("run/events.jsonl")).expect("events").matches("\"checkpoint\"").count()
}

/// Waits until the training has gone on.
fn goes_on(dir: &Path, after: &str) {
    let before = metrics(dir);
    wait(after, || metrics(dir) > before + 4096);
}

#[test]
fn signals_that_are_ignored_at_the_start_stay_ignored() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    // As `nohup` does, and a shell without job control for its background jobs.
    let mut trainer = begin(dir, "trap '' HUP INT QUIT; ");
    for signal in [Signal::HUP, Signal::INT, Signal::INT, Signal::QUIT] {
        send(&trainer, signal);
    }
    goes_on(dir, "an ignored signal ended the training");
    send(&trainer, Signal::TERM);
    assert!(trainer.wait().expect("it ends").success());
}

#[test]
fn user_signals_write_a_checkpoint_and_sigquit_ends_with_one() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    let mut trainer = begin(dir, "");
    for (at, signal) in [Signal::USR1, Signal::USR2].into_iter().enumerate() {
        assert_eq!(checkpoints(dir), at, "before {signal:?}");
        send(&trainer, signal);
        wait("no checkpoint", || checkpoints(dir) > at);
        goes_on(dir, "the training does not go on after a checkpoint");
    }
    send(&trainer, Signal::QUIT);
    assert!(trainer.wait().expect("it ends").success());
    assert_eq!(checkpoints(dir), 3);
}

#[test]
fn a_run_that_was_killed_before_its_first_checkpoint_begins_again_without_old_samples() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let dir = dir.path();
    train(dir, "run", &["--steps", "8", "--set", "record.samples_every=2"]);
    // As if it had been killed.
    let events = fs::read_to_string(dir.join("run/events.jsonl")).expect("events");
    let begun = events.lines().next().expect("an event").to_owned() + "\n";
    fs::write(dir.join("run/events.jsonl"), begun).expect("space");
    fs::remove_dir_all(dir.join("run/checkpoints")).expect("checkpoints");
    let output = run(dir, &["train", "--plain", "--resume", "run", "--steps", "4"]);
    let said = err(&output);
    assert!(
        output.status.success() && said.contains("run ended before its first checkpoint: training begins again"),
        "{said}"
    );
    let left = dir.join("run/samples").read_dir().expect("samples").map(|entry| entry.expect("a file").file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, ["00000000.png", "00000002.png", "00000004.png"]);
}
