//! The dashboard at work: files into the state, the state onto the screen, keys into the state.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result};
use duel_trainer::run::{
    control, grid,
    reader::{Glance, Reader, Run},
    story::State,
};

use crate::{
    app::{App, Effect, Event, Mode, Overlay, Screen},
    screen,
    terminal::{Input, Window},
    theme::Theme,
    zone,
};

/// The time from one look at the files to the next.
const LOOK: Duration = Duration::from_millis(250);

/// The time from one look at the other runs to the next.
const LOOK_AROUND: Duration = Duration::from_secs(2);

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The user left.
    Left,
    /// The terminal has vanished, or another process ended this one.
    Gone,
}

/// Shows a run until the user leaves; what was known of it then. None if the terminal has vanished.
pub fn show(dir: &Path, mode: Mode, theme: Theme) -> Result<Option<App>> {
    let window = Window::open().context("cannot take the terminal over")?;
    let (files, run) = Files::of(dir);
    let mut app = App::new(dir, run, mode, now());
    app.offset = zone::offset(app.now);
    let mut dashboard = Dashboard { window, files, app, theme };
    let end = dashboard.run()?;
    Ok((end == End::Left).then_some(dashboard.app))
}

struct Dashboard {
    window: Window,
    files: Files,
    app: App,
    theme: Theme,
}

impl Dashboard {
    fn run(&mut self) -> Result<End> {
        loop {
            if self.files.until_due().is_zero() {
                if self.files.look(&mut self.app) == Some(Effect::Quit) {
                    return Ok(End::Left);
                }
                self.app.update(Event::Tick(now()));
            }
            self.files.look_at_samples(&mut self.app);
            // A terminal that cannot be drawn on has vanished.
            if self.draw_if_due().is_err() {
                return Ok(End::Gone);
            }
            let due = if self.app.stale { self.window.until_due() } else { LOOK };
            for input in self.window.wait(due.min(self.files.until_due())) {
                if let Some(end) = self.take(input)? {
                    return Ok(end);
                }
            }
        }
    }

    fn draw_if_due(&mut self) -> io::Result<()> {
        if !self.app.stale || !self.window.until_due().is_zero() {
            return Ok(());
        }
        self.app.stale = false;
        self.window.draw(|frame| screen::draw(frame, &self.app, self.theme))
    }

    fn take(&mut self, input: Input) -> Result<Option<End>> {
        match input {
            Input::Gone => return Ok(Some(End::Gone)),
            Input::Suspend => self.suspend()?,
            Input::Redraw => {
                self.window.take_again()?;
                self.app.stale = true;
            }
            Input::Key(key) => match self.app.update(Event::Key(key)) {
                Some(Effect::Quit) => return Ok(Some(End::Left)),
                Some(Effect::Suspend) => self.suspend()?,
                Some(Effect::Ask(ask)) => {
                    let asked = control::ask(&self.app.dir, ask).map_err(|error| error.to_string());
                    self.app.update(Event::Asked(asked));
                }
                Some(Effect::Open(dir)) => {
                    let run;
                    (self.files, run) = Files::of(&dir);
                    self.app.open(&dir, run);
                }
                None => {}
            },
        }
        Ok(None)
    }

    fn suspend(&mut self) -> Result<()> {
        self.app.stale = true;
        self.window.suspend().context("cannot take the terminal over again")
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0.0, |since| since.as_secs_f64())
}

/// What is read, and when it was read last.
pub struct Files {
    reader: Reader,
    overlays: Vec<(PathBuf, Reader)>,
    looked: Option<Instant>,
    looked_around: Option<Instant>,
    around: Vec<(PathBuf, State, u64, Option<SystemTime>)>,
    samples: Option<u64>,
}

impl Files {
    /// The files of a run of which nothing is known yet.
    pub fn of(dir: &Path) -> (Self, Run) {
        let (reader, run) = Reader::new(dir);
        let files =
            Self { reader, overlays: Vec::new(), looked: None, looked_around: None, around: Vec::new(), samples: None };
        (files, run)
    }

    fn until_due(&self) -> Duration {
        self.looked.map_or(Duration::ZERO, |looked| LOOK.saturating_sub(looked.elapsed()))
    }

    /// Brings the state up to date with all files that it is about.
    pub fn look(&mut self, app: &mut App) -> Option<Effect> {
        self.looked = Some(Instant::now());
        let mut fresh = match self.reader.update(&mut app.run) {
            Ok(fresh) => fresh,
            Err(error) => {
                let note = Some(format!("cannot read the run: {error}"));
                app.stale |= app.note != note;
                app.note = note;
                false
            }
        };
        fresh |= self.look_at_overlays(app);
        if app.screen == Screen::Runs && self.looked_around.is_none_or(|looked| looked.elapsed() >= LOOK_AROUND) {
            self.look_around(app);
        }
        if fresh { app.update(Event::Fresh) } else { None }
    }

    fn look_at_overlays(&mut self, app: &mut App) -> bool {
        self.overlays.retain(|(dir, _)| app.runs.marked.contains(dir));
        for dir in &app.runs.marked {
            if !self.overlays.iter().any(|(known, _)| known == dir) {
                let (reader, run) = Reader::new(dir);
                self.overlays.push((dir.clone(), reader));
                app.runs.overlays.retain(|overlay| overlay.dir != *dir);
                app.runs.overlays.push(Overlay { dir: dir.clone(), run });
            }
        }
        let mut fresh = false;
        for (dir, reader) in &mut self.overlays {
            let overlay = app.runs.overlays.iter_mut().find(|overlay| overlay.dir == *dir);
            // A run that cannot be read shows no curve.
            fresh |= overlay.is_some_and(|overlay| reader.update(&mut overlay.run).unwrap_or(false));
        }
        fresh
    }

    fn look_around(&mut self, app: &mut App) {
        self.looked_around = Some(Instant::now());
        let parent = match app.dir.file_name().and(app.dir.parent()) {
            Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
            Some(parent) => parent.to_owned(),
            None => app.dir.join(".."),
        };
        let glances = Glance::all(&parent).unwrap_or_default();
        let seen = |glance: &Glance| (glance.dir.clone(), glance.run.state(), glance.run.step(), glance.touched);
        let around: Vec<_> = glances.iter().map(seen).collect();
        if around != self.around {
            self.around = around;
            app.update(Event::Glances(glances));
        }
    }

    /// Reads the samples that are wanted, if they are others than those there are.
    pub fn look_at_samples(&mut self, app: &mut App) {
        let wanted = app.samples_wanted();
        if wanted == self.samples {
            return;
        }
        self.samples = wanted;
        if let Some(step) = wanted {
            let read = grid::samples(&app.dir, step).ok();
            app.update(Event::Samples(step, read));
        }
    }
}
