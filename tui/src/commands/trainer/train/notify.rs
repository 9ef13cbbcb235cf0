//! `--notify`: a shell command that is told of a run's warnings and of its end.

use std::{
    os::unix::process::CommandExt,
    path::{self, Path, PathBuf},
    process::{Child, Command, Stdio},
};

use duel_trainer::run::record::{Ending, Event, EventKind};

use crate::{term::output::note, text::events::text};

/// The most commands that may run at the same time.
const COMMANDS: usize = 16;

/// Starts a command for each event that a user wants to know of. Nobody waits for its end, so that neither a slow command nor
/// one that fails concerns the training.
#[derive(Debug)]
pub struct Notifier {
    command: String,
    /// The absolute path of the run.
    run: PathBuf,
    running: Vec<Child>,
}

impl Notifier {
    /// Makes a notifier of the run in `dir`. An empty command notifies nobody.
    pub fn new(command: &str, dir: &Path) -> Self {
        let run = path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        Self { command: command.trim().to_owned(), run, running: Vec::new() }
    }

    /// Starts the command if the event is a warning or the end of the training, but not an end that the user asked for.
    pub fn tell(&mut self, event: &Event) {
        let Some(name) = name(&event.kind).filter(|_| !self.command.is_empty()) else { return };
        self.running.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        if self.running.len() == COMMANDS {
            note(&format!("duel: --notify: {COMMANDS} commands have not ended yet, so this one is left out"));
            return;
        }
        let started = Command::new("sh")
            .args(["-c", &self.command])
            .env("DUEL_RUN", &self.run)
            .env("DUEL_EVENT", name)
            .env("DUEL_STEP", event.step.to_string())
            .env("DUEL_TEXT", text(event))
            .stdin(Stdio::null())
            // A program that waits for the end of what this process prints must not wait for the command.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C and a closing terminal end the training, not the message about its end.
            .process_group(0)
            .spawn();
        match started {
            Ok(child) => self.running.push(child),
            Err(why) => note(&format!("duel: --notify: cannot start sh: {why}")),
        }
    }
}

/// Returns the name of an event that the user is told of.
fn name(kind: &EventKind) -> Option<&'static str> {
    match kind {
        EventKind::Warning { .. } => Some("warning"),
        EventKind::Stopped { why: Ending::Done, .. } => Some("done"),
        EventKind::Stopped { why: Ending::Failed, .. } => Some("failed"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs, thread,
        time::{Duration, Instant},
    };

    use super::*;

    #[test]
    fn a_user_is_told_of_warnings_and_ends_that_nobody_asked_for() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut notifier = Notifier::new("echo \"$DUEL_EVENT $DUEL_TEXT\" > \"$DUEL_RUN/$DUEL_STEP\"", dir.path());
        let warning = EventKind::Warning {
            what: "collapse".to_owned(),
            since: 3,
            evidence: "it's $(one) \"picture\"".to_owned(),
            remedy: "--set a=b".to_owned(),
        };
        for (step, kind) in [
            (1, EventKind::Checkpoint { file: "f".to_owned() }),
            (2, EventKind::Stopped { why: Ending::Asked, error: None }),
            (3, warning),
            (4, EventKind::Stopped { why: Ending::Failed, error: Some("no luck".to_owned()) }),
        ] {
            notifier.tell(&Event { time: 1.0, step, kind });
        }
        let since = Instant::now();
        for (step, expected) in [
            ("3", "warning collapse since step 3: it's $(one) \"picture\"; --set a=b\n"),
            ("4", "failed failed: no luck\n"),
        ] {
            let file = dir.path().join(step);
            while !fs::read_to_string(&file).is_ok_and(|text| text == expected) {
                assert!(since.elapsed() < Duration::from_secs(20), "{:?}", fs::read_to_string(&file));
                thread::sleep(Duration::from_millis(5));
            }
        }
        assert_eq!(dir.path().read_dir().expect("there").count(), 2);
    }
}
