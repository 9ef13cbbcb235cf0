//! The list of runs, the selected run, and the marked runs.

use std::path::{Path, PathBuf};

use duel_trainer::run::{reader::Run, scalars::Series, summary::RunSummary};

/// The most runs that can be marked: as many as there are colours.
pub const MARKS: usize = 6;

/// A marked run whose curve is drawn.
#[derive(Debug)]
pub struct Overlay {
    /// The directory.
    pub dir: PathBuf,
    /// Everything that was read of the run.
    pub run: Run,
}

/// The state of the runs screen.
#[derive(Debug, Default)]
pub struct Runs {
    /// The runs beside the watched one, newest first.
    pub list: Vec<RunSummary>,
    /// The index of the selected run.
    pub at: usize,
    /// The directories of the marked runs, in the order of marking.
    pub marked: Vec<PathBuf>,
    /// The marked runs that were read.
    pub overlays: Vec<Overlay>,
    /// The place of the selected scalar among those that can be compared.
    series: usize,
}

impl Runs {
    /// Replaces the list; the same run stays selected.
    pub fn take(&mut self, list: Vec<RunSummary>) {
        let here = self.here().map(Path::to_owned);
        self.list = list;
        let at = here.and_then(|here| self.list.iter().position(|summary| summary.dir == here));
        self.at = at.unwrap_or(self.at).min(self.list.len().saturating_sub(1));
    }

    /// Returns the directory of the selected run.
    pub fn here(&self) -> Option<&Path> {
        self.list.get(self.at).map(|summary| summary.dir.as_path())
    }

    /// Moves the selection down by `by` runs.
    pub fn move_by(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.list.len().saturating_sub(1));
    }

    /// Marks the selected run, or removes its mark.
    pub fn mark(&mut self) {
        let Some(here) = self.here().map(Path::to_owned) else { return };
        match self.number(&here) {
            Some(at) => {
                self.marked.remove(at);
            }
            None if self.marked.len() < MARKS => self.marked.push(here),
            None => {}
        }
        self.overlays.retain(|overlay| self.marked.contains(&overlay.dir));
    }

    /// Returns the number of a marked run.
    pub fn number(&self, dir: &Path) -> Option<usize> {
        self.marked.iter().position(|marked| marked == dir)
    }

    /// Returns the scalar whose curves are compared.
    pub fn series(&self) -> Series {
        compared().nth(self.series).expect("the table of scalars has curves")
    }

    /// Selects the next scalar.
    pub fn next_series(&mut self) {
        self.series = (self.series + 1) % compared().count();
    }
}

/// Returns the scalars whose curves can be compared: V(D, G) first, which runs with different losses share.
fn compared() -> impl Iterator<Item = Series> {
    let (value, others): (Vec<Series>, Vec<Series>) = Series::all().partition(|series| series.key == "value");
    value.into_iter().chain(others)
}
