//! What a run's events tell: its state, what it trains on, its warnings, its scores, the answers to requests.

use std::collections::{BTreeMap, VecDeque};

use duel_models::text::showable;

use super::record::{Ending, Event, EventKind, Request, RequestKind};

/// Events kept, the newest.
const EVENTS: usize = 10_000;

/// Requests kept that wait for an answer, the newest.
const WAITING: usize = 100;

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing has begun yet.
    Waiting,
    /// A trainer works on it.
    Running,
    /// A trainer holds it and waits to be told to go on.
    Paused,
    /// All steps are done.
    Done,
    /// It was asked to stop, and wrote a checkpoint.
    Stopped,
    /// Its trainer failed, or is gone without a word.
    Crashed,
}

impl State {
    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Crashed => "crashed",
        }
    }

    /// Whether no trainer will write any more.
    pub fn ended(self) -> bool {
        matches!(self, Self::Done | Self::Stopped | Self::Crashed)
    }
}

/// Where a run trains and how long, as its trainer said when it began.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Start {
    /// `cpu`, `cuda` or `metal`.
    pub device: String,
    /// Threads of the CPU.
    pub threads: usize,
    /// Steps it will have done at its end.
    pub steps: u64,
    /// Parameters of the generator and of the discriminator.
    pub parameters: [usize; 2],
}

/// The events of a run, and what follows from them.
#[derive(Debug, Default)]
pub struct RunHistory {
    /// The newest 10,000 events, oldest first; texts are shortened and their control characters written as escapes.
    pub events: VecDeque<Event>,
    /// Events there were, those that are not kept included.
    pub total: u64,
    /// How it began.
    pub start: Start,
    /// The newest scores by name.
    pub scores: BTreeMap<String, f64>,
    /// Whether anything began.
    begun: bool,
    paused: bool,
    ending: Option<Ending>,
    waiting: VecDeque<Request>,
}

impl RunHistory {
    /// Takes a request from `control.jsonl`.
    pub fn ask(&mut self, request: Request) {
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(request);
    }

    /// Takes the next event.
    pub fn add(&mut self, mut event: Event) {
        make_showable(&mut event.kind);
        match &event.kind {
            EventKind::Started { device, threads, steps, parameters, .. } => {
                self.start =
                    Start { device: device.clone(), threads: *threads, steps: *steps, parameters: *parameters };
                self.begin();
            }
            EventKind::Resumed { steps } => {
                self.start.steps = *steps;
                self.begin();
            }
            EventKind::Evaluation { scores } => self.scores.clone_from(scores),
            EventKind::Answer { id, done, .. } => self.answer(id, *done),
            EventKind::Stopped { why, .. } => self.ending = Some(*why),
            EventKind::Checkpoint { .. } | EventKind::Warning { .. } => {}
        }
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
        self.total += 1;
    }

    fn begin(&mut self) {
        (self.begun, self.paused, self.ending) = (true, false, None);
    }

    fn answer(&mut self, id: &str, done: bool) {
        let Some(at) = self.waiting.iter().position(|request| request.id == id) else { return };
        match self.waiting.remove(at).map(|request| request.kind) {
            Some(RequestKind::Pause) if done => self.paused = true,
            Some(RequestKind::Continue) if done => self.paused = false,
            _ => {}
        }
    }

    /// What the run is doing, given whether a trainer holds its lock.
    pub fn state(&self, alive: bool) -> State {
        match self.ending {
            Some(Ending::Done) => State::Done,
            Some(Ending::Asked) => State::Stopped,
            Some(Ending::Failed) => State::Crashed,
            None if alive && self.paused => State::Paused,
            None if alive => State::Running,
            None if self.begun => State::Crashed,
            None => State::Waiting,
        }
    }

    /// Whether the request of that id has no answer yet.
    pub fn awaits(&self, id: &str) -> bool {
        self.waiting.iter().any(|request| request.id == id)
    }

    /// The newest warning since training last began.
    pub fn warning(&self) -> Option<&Event> {
        let began = |event: &&Event| !matches!(event.kind, EventKind::Started { .. } | EventKind::Resumed { .. });
        self.events.iter().rev().take_while(began).find(|event| matches!(event.kind, EventKind::Warning { .. }))
    }
}

/// Shortens an event's texts and writes out what a terminal would obey or hide: a run directory is not trusted.
fn make_showable(kind: &mut EventKind) {
    match kind {
        EventKind::Started { device, version, .. } => clean([device, version]),
        EventKind::Checkpoint { file } => clean([file]),
        EventKind::Warning { what, evidence, remedy, .. } => clean([what, evidence, remedy]),
        EventKind::Answer { id, message, .. } => clean([id, message]),
        EventKind::Stopped { error: Some(error), .. } => clean([error]),
        EventKind::Evaluation { scores } => {
            *scores =
                std::mem::take(scores).into_iter().take(20).map(|(name, score)| (showable(&name), score)).collect();
        }
        EventKind::Resumed { .. } | EventKind::Stopped { error: None, .. } => {}
    }
}

fn clean<const N: usize>(texts: [&mut String; N]) {
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
                Ok(request) => history.ask(request),
                Err(_) => history.add(serde_json::from_str(line).expect(line)),
            }
        }
        history
    }

    #[test]
    fn the_state_is_told_by_the_events_and_the_lock() {
        let started = r#"{"time":1,"step":0,"event":"started","device":"cpu","threads":2,"steps":10,"parameters":[1,2],"version":"d"}"#;
        let pause = r#"{"id":"a","ask":"pause"}"#;
        let paused = r#"{"time":1,"step":1,"event":"answer","id":"a","done":true,"message":"paused"}"#;
        let go = r#"{"id":"b","ask":"continue"}"#;
        let went = r#"{"time":1,"step":1,"event":"answer","id":"b","done":true,"message":"going on"}"#;
        let done = r#"{"time":1,"step":10,"event":"stopped","why":"done"}"#;
        let asked = r#"{"time":1,"step":5,"event":"stopped","why":"asked"}"#;
        let failed = r#"{"time":1,"step":5,"event":"stopped","why":"failed","error":"no space"}"#;
        let resumed = r#"{"time":1,"step":5,"event":"resumed","steps":20}"#;
        for (lines, alive, dead) in [
            (&[][..], State::Running, State::Waiting),
            (&[started], State::Running, State::Crashed),
            (&[started, pause], State::Running, State::Crashed),
            (&[started, pause, paused], State::Paused, State::Crashed),
            (&[started, pause, paused, go, went], State::Running, State::Crashed),
            (&[started, done], State::Done, State::Done),
            (&[started, asked], State::Stopped, State::Stopped),
            (&[started, failed], State::Crashed, State::Crashed),
            (&[started, asked, resumed], State::Running, State::Crashed),
            (&[started, pause, paused, resumed], State::Running, State::Crashed),
        ] {
            let history = history(lines);
            assert_eq!((history.state(true), history.state(false)), (alive, dead), "{lines:?}");
        }
    }

    #[test]
    fn a_warning_ends_with_the_next_beginning() {
        let warning =
            r#"{"time":1,"step":5,"event":"warning","what":"collapse","since":3,"evidence":"e","remedy":"r"}"#;
        let resumed = r#"{"time":1,"step":5,"event":"resumed","steps":20}"#;
        let checkpoint = r#"{"time":1,"step":5,"event":"checkpoint","file":"f"}"#;
        assert!(history(&[warning, checkpoint]).warning().is_some());
        assert!(history(&[warning, resumed, checkpoint]).warning().is_none());
    }
}
