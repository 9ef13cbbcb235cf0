//! Reads the files of the watched run, and of the other runs in the same directory, into the dashboard's state.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use duel_trainer::run::{
    grid,
    history::State,
    reader::{Reader, Run},
    summary::RunSummary,
};

use super::state::{
    action::{Effect, Event, Screen},
    app::App,
    runs::Overlay,
};

/// The time between two reads of the run's files.
pub const READ_INTERVAL: Duration = Duration::from_millis(250);

/// The time between two reads of the list of runs.
const LIST_INTERVAL: Duration = Duration::from_secs(2);

/// Readers of the files, and what they read last.
pub struct Files {
    reader: Reader,
    overlays: Vec<(PathBuf, Reader)>,
    last_read: Option<Instant>,
    list_read: Option<Instant>,
    around: Vec<(PathBuf, State, u64, Option<SystemTime>)>,
    samples: Option<u64>,
}

impl Files {
    /// Opens the files of a run; nothing is read yet.
    pub fn open(dir: &Path) -> (Self, Run) {
        let (reader, run) = Reader::new(dir);
        let files =
            Self { reader, overlays: Vec::new(), last_read: None, list_read: None, around: Vec::new(), samples: None };
        (files, run)
    }

    /// Returns the time until the next read is due.
    pub fn until_due(&self) -> Duration {
        self.last_read.map_or(Duration::ZERO, |last_read| READ_INTERVAL.saturating_sub(last_read.elapsed()))
    }

    /// Reads the files that have changed into the state.
    pub fn read(&mut self, app: &mut App) -> Option<Effect> {
        self.last_read = Some(Instant::now());
        let mut fresh = match self.reader.update(&mut app.run) {
            Ok(fresh) => fresh,
            Err(error) => {
                let note = Some(format!("cannot read the run: {error}"));
                app.stale |= app.note != note;
                app.note = note;
                false
            }
        };
        fresh |= self.read_marked(app);
        if app.screen == Screen::Runs && self.list_read.is_none_or(|last_read| last_read.elapsed() >= LIST_INTERVAL) {
            self.read_list(app);
        }
        if fresh { app.update(Event::Fresh) } else { None }
    }

    fn read_marked(&mut self, app: &mut App) -> bool {
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
            // If a run cannot be read, its curve is missing; this is no error.
            fresh |= overlay.is_some_and(|overlay| reader.update(&mut overlay.run).unwrap_or(false));
        }
        fresh
    }

    fn read_list(&mut self, app: &mut App) {
        self.list_read = Some(Instant::now());
        let parent = match app.dir.file_name().and(app.dir.parent()) {
            Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
            Some(parent) => parent.to_owned(),
            None => app.dir.join(".."),
        };
        let summaries = RunSummary::list(&parent, 0).unwrap_or_default();
        let seen =
            |summary: &RunSummary| (summary.dir.clone(), summary.run.state(), summary.run.step(), summary.touched);
        let around: Vec<_> = summaries.iter().map(seen).collect();
        if around != self.around {
            self.around = around;
            app.update(Event::Summaries(summaries));
        }
    }

    /// Reads the samples of the wanted step, unless the last read was of the same step.
    pub fn read_samples(&mut self, app: &mut App) {
        let wanted = app.samples_wanted();
        if wanted == self.samples {
            return;
        }
        self.samples = wanted;
        if let Some(step) = wanted {
            let read = grid::read_samples(&app.dir, step, app.run.shape()).ok();
            app.update(Event::Samples(step, read));
        }
    }
}
