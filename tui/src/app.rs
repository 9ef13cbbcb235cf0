//! The dashboard's state, and how it changes: no screen, no files, no clock in here.

mod log;
mod popup;
mod runs;
mod time;
mod view;

use std::path::{Path, PathBuf};

use duel_trainer::run::{
    grid::Samples,
    reader::{Glance, Run},
    record::{Ask, What},
    story::State,
};

pub use self::{
    log::{Log, kind, text},
    popup::{ITEMS, LEAVE, Popup, Turn},
    runs::{Overlay, Runs},
    time::Time,
    view::View,
};
use crate::{event::Key, keys};

/// What fills the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// The run as it is now.
    Duel,
    /// Its samples through time.
    Time,
    /// The value function, and where the batches lie on it.
    Value,
    /// Every run.
    Runs,
    /// Its events.
    Log,
}

impl Screen {
    /// All, in the order of their keys.
    pub const ALL: [Self; 5] = [Self::Duel, Self::Time, Self::Value, Self::Runs, Self::Log];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Duel => "duel",
            Self::Time => "time",
            Self::Value => "value",
            Self::Runs => "runs",
            Self::Log => "log",
        }
    }

    fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the key table says what each does")]
pub enum Action {
    Show(Screen),
    Next,
    Help,
    Control,
    Back,
    Suspend,
    Quit,
    Logarithm,
    Smooth,
    ZoomIn,
    ZoomOut,
    Whole,
    PanLeft,
    PanRight,
    Follow,
    Scrub(isize),
    Play,
    Move(isize),
    Mark,
    Figure,
    Open,
    Filter,
}

/// What happens to the dashboard.
#[derive(Debug)]
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// Time passed: seconds since 1970.
    Tick(f64),
    /// The watched run, or one laid over it, has changed.
    Fresh,
    /// The samples of a step were read; none if they cannot be.
    Samples(u64, Option<Samples>),
    /// The runs beside this one were looked at.
    Glances(Vec<Glance>),
    /// A request was written, with its id, or could not be.
    Asked(Result<String, String>),
}

/// What the dashboard wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the trainer.
    Ask(Ask),
    /// Watch another run.
    Open(PathBuf),
    /// Stop this process until it is continued.
    Suspend,
    /// Leave the terminal.
    Quit,
}

/// How the dashboard stands to the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It may ask the trainer for something.
    Watch,
    /// It only looks.
    ReadOnly,
    /// It was started together with the trainer: leaving asks what is to become of that.
    Attached,
}

/// The steps for which a run has samples; without those that it left behind before it was resumed from further back.
pub fn samples(run: &Run) -> &[u64] {
    let step = run.step();
    let known = run.samples.partition_point(|sample| *sample <= step);
    if step == 0 { &run.samples } else { &run.samples[..known] }
}

/// The dashboard.
#[derive(Debug)]
pub struct App {
    /// The watched run's directory.
    pub dir: PathBuf,
    /// That of the run it was started on.
    home: PathBuf,
    /// All that is known of it.
    pub run: Run,
    /// How the dashboard stands to it.
    pub mode: Mode,
    /// What fills the terminal.
    pub screen: Screen,
    /// What lies over that.
    pub popup: Option<Popup>,
    /// Which steps the curves show.
    pub view: View,
    /// The samples.
    pub time: Time,
    /// The list of runs.
    pub runs: Runs,
    /// The list of events.
    pub log: Log,
    /// Seconds since 1970.
    pub now: f64,
    /// Seconds that the user's clock is ahead of UTC.
    pub offset: f64,
    /// What the user should know about the last request.
    pub note: Option<String>,
    /// Whether something changed since it was drawn.
    pub stale: bool,
    asked: Option<(String, String)>,
    leaving: bool,
}

impl App {
    /// A dashboard on a run of which nothing is known yet.
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
            runs: Runs::default(),
            log: Log::default(),
            now,
            offset: 0.0,
            note: None,
            stale: true,
            asked: None,
            leaving: false,
        }
    }

    /// Takes what happened; what it wants done.
    pub fn update(&mut self, event: Event) -> Option<Effect> {
        if !matches!(event, Event::Tick(_)) {
            self.stale = true;
        }
        match event {
            Event::Key(key) => return self.press(key),
            Event::Tick(now) => self.tick(now),
            Event::Fresh => return self.refresh(),
            Event::Samples(step, samples) => self.time.shown = samples.map(|samples| (step, samples)),
            Event::Glances(list) => self.runs.take(list),
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

    /// The step whose samples are to be shown.
    pub fn samples_wanted(&self) -> Option<u64> {
        let asked = if self.screen == Screen::Time { self.time.at } else { None };
        asked.or_else(|| samples(&self.run).last().copied())
    }

    fn tick(&mut self, now: f64) {
        // Ages are shown in minutes at the finest, on one screen.
        self.stale |= self.screen == Screen::Runs && (now / 60.0).floor() != (self.now / 60.0).floor();
        self.now = now;
        if self.screen == Screen::Time {
            self.stale |= self.time.tick(samples(&self.run));
        }
    }

    /// The run has changed: is there an answer?
    fn refresh(&mut self) -> Option<Effect> {
        if let Some((id, what)) = self.asked.take() {
            let answers = self.run.story.events.iter().rev().take(100);
            let answer = answers.into_iter().find_map(|event| match &event.what {
                What::Answer { id: of, done, message } if *of == id => Some((*done, message.clone())),
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

    fn press(&mut self, key: Key) -> Option<Effect> {
        if let Some(popup) = &mut self.popup {
            let turn = popup.press(key, &self.run);
            return self.turn(turn);
        }
        if self.screen == Screen::Log && self.log.typing {
            self.log.type_key(key);
            return None;
        }
        keys::watch_action(self.screen, key).and_then(|action| self.act(action))
    }

    fn turn(&mut self, turn: Turn) -> Option<Effect> {
        match turn {
            Turn::Stay => return None,
            Turn::Open(popup) => {
                self.popup = Some(popup);
                return None;
            }
            Turn::Close => {}
            Turn::Ask(ask) => return self.ask(ask),
            Turn::LeaveRunning => return Some(Effect::Quit),
            Turn::StopAndLeave => {
                self.leaving = true;
                return self.ask(Ask::Stop);
            }
        }
        self.popup = None;
        None
    }

    fn ask(&mut self, ask: Ask) -> Option<Effect> {
        self.popup = None;
        let what = match &ask {
            Ask::Pause => "pause".into(),
            Ask::Continue => "continue".into(),
            Ask::Checkpoint => "write a checkpoint".into(),
            Ask::Stop => "stop".into(),
            Ask::Set { key, value } => format!("set {key} = {value}"),
        };
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
            Action::Move(by) => self.log.move_by(by, self.run.story.events.len()),
            Action::Mark => self.runs.mark(),
            Action::Figure => self.runs.next_figure(),
            Action::Open => return self.runs.here().map(|dir| Effect::Open(dir.to_owned())),
            Action::Filter => self.log.typing = true,
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

    /// Back to what a screen shows at first: all events, the newest samples, all steps.
    fn back(&mut self) {
        match self.screen {
            Screen::Log => self.log = Log::default(),
            Screen::Time => (self.time.at, self.time.playing) = (None, false),
            _ => self.view.whole(),
        }
        self.note = None;
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

    /// Turns to another run: what belongs to the old one is forgotten.
    pub fn open(&mut self, dir: &Path, run: Run) {
        let runs = std::mem::take(&mut self.runs);
        let home = std::mem::take(&mut self.home);
        *self = Self { runs, home, offset: self.offset, ..Self::new(dir, run, self.mode, self.now) };
    }
}
