//! The dashboard's state and how events change it. No drawing, no files and no clock here.

use std::path::{Path, PathBuf};

use duel_trainer::run::{
    grid::{Grid, Samples},
    history::State,
    reader::Run,
    record::{EventKind, RequestKind},
};

use super::{
    action::{Action, Effect, Event, Mode, Screen},
    log::Log,
    popup::{Outcome, Popup, words},
    runs::Runs,
    time::Time,
    view::View,
};
use crate::{term::input::Key, text::numbers::thousands, watch::keys};

/// Returns the steps that have samples. Those beyond the newest step are left out: a rollback has left them behind.
pub fn samples(run: &Run) -> &[u64] {
    let step = run.step();
    let known = run.samples.partition_point(|sample| *sample <= step);
    if step == 0 { &run.samples } else { &run.samples[..known] }
}

/// The state of the dashboard.
#[derive(Debug)]
pub struct App {
    /// The directory of the watched run.
    pub dir: PathBuf,
    /// The directory of the run on which the dashboard was started.
    home: PathBuf,
    /// Everything that was read of the run.
    pub run: Run,
    /// The way in which the dashboard was started.
    pub mode: Mode,
    /// The screen that is shown.
    pub screen: Screen,
    /// The popup over the screen.
    pub popup: Option<Popup>,
    /// The range of steps of the curves.
    pub view: View,
    /// The state of the samples.
    pub time: Time,
    /// The index in the grid of the picture that is shown alone.
    pub picture: usize,
    /// The screen from which one picture was chosen.
    before: Screen,
    /// The state of the list of runs.
    pub runs: Runs,
    /// The state of the list of events.
    pub log: Log,
    /// The present time, in seconds since 1970.
    pub now: f64,
    /// Seconds by which the local time is ahead of UTC.
    pub offset: f64,
    /// A message about the last request.
    pub note: Option<String>,
    /// Whether the state has changed since it was drawn.
    pub stale: bool,
    /// Whether a warning, or the end of the training, has come since the bell was last rung.
    pub rings: bool,
    /// The number of events at the last look, and whether the training had ended; none before the first.
    seen: Option<(u64, bool)>,
    asked: Option<(String, String)>,
    leaving: bool,
}

impl App {
    /// Makes the state of a dashboard on a run of which nothing was read yet.
    pub fn new(dir: &Path, run: Run, mode: Mode, now: f64) -> Self {
        Self {
            dir: dir.to_owned(),
            home: dir.to_owned(),
            run,
            mode,
            screen: Screen::Duel,
            popup: None,
            view: View::default(),
            time: Time::default(),
            picture: 0,
            before: Screen::Duel,
            runs: Runs::default(),
            log: Log::default(),
            now,
            offset: 0.0,
            note: None,
            stale: true,
            rings: false,
            seen: None,
            asked: None,
            leaving: false,
        }
    }

    /// Applies an event; returns an effect to carry out.
    pub fn update(&mut self, event: Event) -> Option<Effect> {
        if !matches!(event, Event::Tick(_)) {
            self.stale = true;
        }
        match event {
            Event::Key(key) => return self.press(key),
            Event::Tick(now) => self.tick(now),
            Event::Fresh => return self.refresh(),
            Event::Samples(step, samples) => self.time.shown = samples.map(|samples| (step, samples)),
            Event::Summaries(list) => self.runs.take(list),
            Event::Asked(Ok(id)) => {
                let (_, what) = self.asked.take().unwrap_or_default();
                self.asked = Some((id, what));
            }
            Event::Asked(Err(why)) => {
                (self.asked, self.leaving) = (None, false);
                self.note = Some(format!("cannot ask the trainer: {why}"));
            }
        }
        None
    }

    /// Returns the step whose samples are to be shown.
    pub fn samples_wanted(&self) -> Option<u64> {
        let asked = if self.goes_through_time() { self.time.at } else { None };
        asked.or_else(|| samples(&self.run).last().copied())
    }

    /// Tells whether the screen shows the samples of any step, not only of the newest.
    fn goes_through_time(&self) -> bool {
        matches!(self.screen, Screen::Time | Screen::Picture)
    }

    fn tick(&mut self, now: f64) {
        // Ages are shown on one screen only, in minutes at the finest.
        self.stale |= self.screen == Screen::Runs && (now / 60.0).floor() != (self.now / 60.0).floor();
        self.now = now;
        if self.goes_through_time() {
            self.stale |= self.time.tick(samples(&self.run));
        }
    }

    /// Looks for the trainer's answer to a request after the run has changed.
    fn refresh(&mut self) -> Option<Effect> {
        self.rings |= self.has_alarm();
        if let Some((id, what)) = self.asked.take() {
            let answers = self.run.history.events.iter().rev().take(100);
            let answer = answers.into_iter().find_map(|event| match &event.kind {
                EventKind::Answer { id: of, done, message } if *of == id => Some((*done, message.clone())),
                _ => None,
            });
            match answer {
                Some((true, message)) => self.note = Some(format!("trainer: {message}")),
                Some((false, message)) => {
                    self.leaving = false;
                    self.note = Some(format!("the trainer did not {what}: {message}"));
                }
                None if self.run.state().ended() => self.note = None,
                None => self.asked = Some((id, what)),
            }
        }
        (self.leaving && self.run.state().ended()).then_some(Effect::Quit)
    }

    /// Looks whether a warning, or the end of the training, is new. What the first look finds is not.
    fn has_alarm(&mut self) -> bool {
        let history = &self.run.history;
        let now = (history.total, self.run.state().ended());
        let Some(before) = self.seen.replace(now) else { return false };
        let new = usize::try_from(now.0.saturating_sub(before.0)).unwrap_or(usize::MAX);
        let mut newest = history.events.iter().rev().take(new);
        now.1 && !before.1 || newest.any(|event| matches!(event.kind, EventKind::Warning { .. }))
    }

    /// Returns the title of the terminal: the run, its step and its state.
    pub fn title(&self) -> String {
        let (run, step) = (&self.run, thousands(self.run.step()));
        match run.state() {
            State::Running => match run.steps() {
                0 => format!("{}: step {step}", run.name),
                steps => format!("{}: step {step} of {}", run.name, thousands(steps)),
            },
            state => format!("{}: {} at step {step}", run.name, state.name()),
        }
    }

    fn press(&mut self, key: Key) -> Option<Effect> {
        if let Some(popup) = &mut self.popup {
            let outcome = popup.press(key, &self.run);
            return self.outcome(outcome);
        }
        if self.screen == Screen::Log && self.log.typing {
            self.log.type_key(key);
            return None;
        }
        keys::action(self.screen, key).and_then(|action| self.act(action))
    }

    fn outcome(&mut self, outcome: Outcome) -> Option<Effect> {
        match outcome {
            Outcome::Stay => return None,
            Outcome::Open(popup) => {
                self.popup = Some(popup);
                return None;
            }
            Outcome::Close => {}
            Outcome::Ask(ask) => return self.ask(ask),
            Outcome::LeaveRunning => return Some(Effect::Quit),
            Outcome::StopAndLeave => {
                self.leaving = true;
                return self.ask(RequestKind::Stop);
            }
        }
        self.popup = None;
        None
    }

    fn ask(&mut self, ask: RequestKind) -> Option<Effect> {
        self.popup = None;
        let what = words(&ask);
        self.note = Some(format!("asked the trainer to {what}; it has not answered yet"));
        self.asked = Some((String::new(), what));
        Some(Effect::Ask(ask))
    }

    fn act(&mut self, action: Action) -> Option<Effect> {
        let (done, planned) = (self.run.step(), self.run.steps());
        match action {
            Action::Show(screen) => self.screen = screen,
            Action::Next => self.screen = self.screen.next(),
            Action::Help => self.popup = Some(Popup::Help { above: 0 }),
            Action::Control => self.control(),
            Action::Back => self.back(),
            Action::Suspend => return Some(Effect::Suspend),
            Action::Quit => return self.quit(),
            Action::Across => self.view.turn(),
            Action::Logarithm => self.view.logarithm ^= true,
            Action::Smooth => self.view.smooth(),
            Action::ZoomIn => self.view.zoom_in(done),
            Action::ZoomOut => self.view.zoom_out(done),
            Action::Whole => self.view.whole(),
            Action::PanLeft => self.view.pan(done, planned, false),
            Action::PanRight => self.view.pan(done, planned, true),
            Action::Follow => self.view.end = None,
            Action::Scrub(by) => {
                self.time.playing = false;
                self.time.scrub(samples(&self.run), by);
            }
            Action::Play => self.time.play(samples(&self.run)),
            Action::Move(by) if self.screen == Screen::Runs => self.runs.move_by(by),
            Action::Move(by) => self.log.move_by(by, self.run.history.events.len()),
            Action::Mark => self.runs.mark(),
            Action::NextScalar => self.runs.next_series(),
            Action::Open => return self.runs.here().map(|dir| Effect::Open(dir.to_owned())),
            Action::Filter => self.log.typing = true,
            Action::Enlarge => self.enlarge(),
            Action::Pick(right, down) => self.pick(right, down),
        }
        None
    }

    fn control(&mut self) {
        match (self.mode, self.run.state()) {
            (Mode::ReadOnly, _) => {}
            (_, State::Running | State::Paused) => self.popup = Some(Popup::Control { at: 0 }),
            (_, state) => self.note = Some(format!("no trainer to ask: the run is {}", state.name())),
        }
    }

    /// Returns to the view at the start: all events, the newest samples, all steps.
    fn back(&mut self) {
        match self.screen {
            Screen::Log => self.log = Log::default(),
            Screen::Time => (self.time.at, self.time.playing) = (None, false),
            Screen::Picture => self.screen = self.before,
            _ => self.view.whole(),
        }
        self.note = None;
    }

    /// Returns the grid of pictures that was read last.
    pub fn grid(&self) -> Option<&Grid> {
        match &self.time.shown {
            Some((_, Samples::Pictures(grid))) => Some(grid).filter(|grid| !grid.is_empty()),
            _ => None,
        }
    }

    /// Shows one picture alone, or all of them again.
    fn enlarge(&mut self) {
        if self.screen == Screen::Picture {
            return self.screen = self.before;
        }
        if self.grid().is_none() {
            return self.note = Some("no pictures to enlarge".into());
        }
        if self.screen != Screen::Time {
            (self.time.at, self.time.playing) = (None, false);
        }
        (self.before, self.screen) = (self.screen, Screen::Picture);
    }

    /// Chooses the picture that is shown alone, so many columns to the right and rows down in the grid.
    fn pick(&mut self, right: isize, down: isize) {
        let Some(grid) = self.grid() else { return };
        let by = right + down * grid.columns as isize;
        let there = self.picture.checked_add_signed(by).filter(|there| *there < grid.len());
        self.picture = there.unwrap_or(self.picture.min(grid.len() - 1));
    }

    fn quit(&mut self) -> Option<Effect> {
        if self.mode == Mode::Attached && self.dir != self.home {
            return Some(Effect::Open(self.home.clone()));
        }
        if self.mode == Mode::Attached && !self.run.state().ended() {
            self.popup = Some(Popup::Leave { at: 0 });
            return None;
        }
        Some(Effect::Quit)
    }

    /// Switches to another run, and forgets everything about the old one.
    pub fn open(&mut self, dir: &Path, run: Run) {
        let runs = std::mem::take(&mut self.runs);
        let home = std::mem::take(&mut self.home);
        *self = Self { runs, home, offset: self.offset, ..Self::new(dir, run, self.mode, self.now) };
    }
}
