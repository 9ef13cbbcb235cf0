//! The history of a run, from its events and requests: state, device, warnings, scores, and requests without an answer.

use std::collections::{BTreeMap, VecDeque};

use duel_models::text::showable;

use super::record::{Ending, Event, EventKind, Request, RequestKind};

/// The number of newest events that are kept.
const EVENTS: usize = 10_000;

/// The number of newest requests without an answer that are kept.
const REQUESTS: usize = 100;

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Training has not started yet.
    Waiting,
    /// A trainer is running.
    Running,
    /// A trainer is paused.
    Paused,
    /// All steps are done.
    Done,
    /// The user stopped training; a checkpoint was written.
    Stopped,
    /// The trainer ended with an error, which it wrote down.
    Failed,
    /// The trainer ended without a word.
    Crashed,
}

impl State {
    /// Returns the name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
        }
    }

    /// Returns whether the training has ended.
    pub fn ended(self) -> bool {
        matches!(self, Self::Done | Self::Stopped | Self::Failed | Self::Crashed)
    }
}

/// The details that the trainer wrote when training started.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Start {
    /// `cpu`, `cuda` or `metal`.
    pub device: String,
    /// The number of CPU threads.
    pub threads: usize,
    /// The number of steps done at the end of training.
    pub steps: u64,
    /// The numbers of parameters of the generator and of the discriminator.
    pub parameters: [usize; 2],
}

/// The events of a run and its state after them.
#[derive(Debug, Default)]
pub struct RunHistory {
    /// The newest 10,000 events, oldest first. Their texts are shortened, with control characters escaped.
    pub events: VecDeque<Event>,
    /// The number of all events, including events that are no longer kept.
    pub total: u64,
    /// The details of the start.
    pub start: Start,
    /// The newest scores by name.
    pub scores: BTreeMap<String, f64>,
    /// The judge of these scores: its name and the start of its hash.
    pub judge: String,
    /// The scores of real pictures beside the newest scores.
    pub real: BTreeMap<String, f64>,
    /// Whether training has ever started.
    started: bool,
    paused: bool,
    ending: Option<Ending>,
    /// Requests without an answer, oldest first.
    unanswered: VecDeque<Request>,
}

impl RunHistory {
    /// Adds a request of `control.jsonl`.
    pub fn add_request(&mut self, request: Request) {
        if self.unanswered.len() == REQUESTS {
            self.unanswered.pop_front();
        }
        self.unanswered.push_back(request);
    }

    /// Adds an event of `events.jsonl`.
    pub fn add_event(&mut self, mut event: Event) {
        sanitize(&mut event.kind);
        match &event.kind {
            EventKind::Started { device, threads, steps, parameters, .. } => {
                self.start =
                    Start { device: device.clone(), threads: *threads, steps: *steps, parameters: *parameters };
                self.restart();
            }
            EventKind::Resumed { steps } => {
                self.start.steps = *steps;
                self.restart();
            }
            EventKind::Evaluation { judge, scores, real } => {
                self.scores.clone_from(scores);
                self.judge.clone_from(judge);
                self.real.clone_from(real);
            }
            EventKind::Answer { id, done, .. } => self.answer(id, *done),
            EventKind::Stopped { why, .. } => self.ending = Some(*why),
            EventKind::Checkpoint { .. } | EventKind::Warning { .. } | EventKind::Change { .. } => {}
        }
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
        self.total += 1;
    }

    fn restart(&mut self) {
        (self.started, self.paused, self.ending) = (true, false, None);
    }

    fn answer(&mut self, id: &str, done: bool) {
        let Some(at) = self.unanswered.iter().position(|request| request.id == id) else { return };
        match self.unanswered.remove(at).map(|request| request.kind) {
            Some(RequestKind::Pause) if done => self.paused = true,
            Some(RequestKind::Continue) if done => self.paused = false,
            _ => {}
        }
    }

    /// Returns the state; `has_trainer` tells whether a trainer holds the lock of the run directory.
    pub fn state(&self, has_trainer: bool) -> State {
        match self.ending {
            Some(Ending::Done) => State::Done,
            Some(Ending::Asked) => State::Stopped,
            Some(Ending::Failed) => State::Failed,
            None if has_trainer && self.paused => State::Paused,
            None if has_trainer => State::Running,
            None if self.started => State::Crashed,
            None => State::Waiting,
        }
    }

    /// Returns whether the request `id` has no answer yet.
    pub fn awaits(&self, id: &str) -> bool {
        self.unanswered.iter().any(|request| request.id == id)
    }

    /// Returns the newest warning since training last started or resumed.
    pub fn warning(&self) -> Option<&Event> {
        let began = |event: &&Event| !matches!(event.kind, EventKind::Started { .. } | EventKind::Resumed { .. });
        self.events.iter().rev().take_while(began).find(|event| matches!(event.kind, EventKind::Warning { .. }))
    }
}

/// Shortens the texts of an event and escapes their control characters. The run directory is untrusted input.
fn sanitize(kind: &mut EventKind) {
    match kind {
        EventKind::Started { device, version, .. } => shorten([device, version]),
        EventKind::Checkpoint { file } => shorten([file]),
        EventKind::Change { key, .. } => shorten([key]),
        EventKind::Warning { what, evidence, remedy, .. } => shorten([what, evidence, remedy]),
        EventKind::Answer { id, message, .. } => shorten([id, message]),
        EventKind::Stopped { error: Some(error), .. } => shorten([error]),
        EventKind::Evaluation { judge, scores, real } => {
            shorten([judge]);
            for scores in [scores, real] {
                *scores =
                    std::mem::take(scores).into_iter().take(20).map(|(name, score)| (showable(&name), score)).collect();
            }
        }
        EventKind::Resumed { .. } | EventKind::Stopped { error: None, .. } => {}
    }
}

fn shorten<const N: usize>(texts: [&mut String; N]) {
    for text in texts {
        *text = showable(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(lines: &[&str]) -> RunHistory {
        let mut history = RunHistory::default();
        for line in lines {
            match serde_json::from_str(line) {
                Ok(request) => history.add_request(request),
                Err(_) => history.add_event(serde_json::from_str(line).expect(line)),
            }
        }
        history
    }

    #[test]
    fn state_follows_from_events_and_lock() {
        let started = r#"{"time":1,"step":0,"event":"started","device":"cpu","threads":2,"steps":10,"parameters":[1,2],"version":"d"}"#;
        let pause = r#"{"id":"a","ask":"pause"}"#;
        let paused = r#"{"time":1,"step":1,"event":"answer","id":"a","done":true,"message":"paused"}"#;
        let go = r#"{"id":"b","ask":"continue"}"#;
        let went = r#"{"time":1,"step":1,"event":"answer","id":"b","done":true,"message":"going on"}"#;
        let done = r#"{"time":1,"step":10,"event":"stopped","why":"done"}"#;
        let asked = r#"{"time":1,"step":5,"event":"stopped","why":"asked"}"#;
        let failed = r#"{"time":1,"step":5,"event":"stopped","why":"failed","error":"no space"}"#;
        let resumed = r#"{"time":1,"step":5,"event":"resumed","steps":20}"#;
        for (lines, with_trainer, without) in [
            (&[][..], State::Running, State::Waiting),
            (&[started], State::Running, State::Crashed),
            (&[started, pause], State::Running, State::Crashed),
            (&[started, pause, paused], State::Paused, State::Crashed),
            (&[started, pause, paused, go, went], State::Running, State::Crashed),
            (&[started, done], State::Done, State::Done),
            (&[started, asked], State::Stopped, State::Stopped),
            (&[started, failed], State::Failed, State::Failed),
            (&[started, asked, resumed], State::Running, State::Crashed),
            (&[started, pause, paused, resumed], State::Running, State::Crashed),
        ] {
            let history = history(lines);
            assert_eq!((history.state(true), history.state(false)), (with_trainer, without), "{lines:?}");
        }
    }

    #[test]
    fn a_warning_ends_when_training_resumes() {
        let warning =
            r#"{"time":1,"step":5,"event":"warning","what":"collapse","since":3,"evidence":"e","remedy":"r"}"#;
        let resumed = r#"{"time":1,"step":5,"event":"resumed","steps":20}"#;
        let checkpoint = r#"{"time":1,"step":5,"event":"checkpoint","file":"f"}"#;
        assert!(history(&[warning, checkpoint]).warning().is_some());
        assert!(history(&[warning, resumed, checkpoint]).warning().is_none());
    }
}
