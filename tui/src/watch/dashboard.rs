//! The dashboard's event loop: files into the state, the state onto the screen, keys into the state.

use std::{io, path::Path, time::SystemTime};

use anyhow::{Context, Result};
use duel_trainer::run::control;

use super::{
    files::{Files, READ_INTERVAL},
    screens::frame,
    state::{
        action::{Effect, Event, Mode},
        app::App,
    },
};
use crate::term::{
    look::Look,
    title::{self, Bell, Title},
    window::{Input, Window},
    zone,
};

/// The end of the event loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The user left.
    Left,
    /// The terminal has vanished, or another process ended this one.
    Gone,
}

/// Shows a run until the user leaves; returns the last state, or none if the terminal has vanished.
pub fn show(dir: &Path, mode: Mode, look: Look, bell: Bell) -> Result<Option<App>> {
    let window = Window::open(look)?;
    let (files, run) = Files::open(dir);
    let mut app = App::new(dir, run, mode, now());
    app.offset = zone::offset(app.now);
    let mut dashboard = Dashboard { window, files, app, title: Title::default(), bell };
    let end = dashboard.run()?;
    Ok((end == End::Left).then_some(dashboard.app))
}

struct Dashboard {
    window: Window,
    files: Files,
    app: App,
    title: Title,
    bell: Bell,
}

impl Dashboard {
    fn run(&mut self) -> Result<End> {
        loop {
            if self.files.until_due().is_zero() {
                if self.files.read(&mut self.app) == Some(Effect::Quit) {
                    return Ok(End::Left);
                }
                self.app.update(Event::Tick(now()));
            }
            self.files.read_samples(&mut self.app);
            // An error of drawing means that the terminal has vanished.
            if self.draw_if_due().is_err() {
                return Ok(End::Gone);
            }
            let due = if self.app.stale { self.window.until_due() } else { READ_INTERVAL };
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
        let theme = self.window.theme;
        self.title.set(&self.app.title())?;
        if std::mem::take(&mut self.app.rings) && self.bell == Bell::On {
            title::ring()?;
        }
        self.window.draw(|frame| frame::draw(frame, &self.app, theme))
    }

    fn take(&mut self, input: Input) -> Result<Option<End>> {
        match input {
            Input::Gone => return Ok(Some(End::Gone)),
            Input::Finer => self.app.stale = true,
            Input::Suspend => self.suspend()?,
            Input::Redraw => {
                self.window.take_again()?;
                self.app.stale = true;
            }
            Input::Key(key) => match self.app.update(Event::Key(key)) {
                Some(Effect::Quit) => return Ok(Some(End::Left)),
                Some(Effect::Suspend) => self.suspend()?,
                Some(Effect::Ask(ask)) => {
                    let asked = control::send(&self.app.dir, ask).map_err(|error| error.to_string());
                    self.app.update(Event::Asked(asked));
                }
                Some(Effect::Open(dir)) => {
                    let run;
                    (self.files, run) = Files::open(&dir);
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

/// Returns the seconds since 1970.
fn now() -> f64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0.0, |since| since.as_secs_f64())
}
