//! The list of runs: where the user is in it, and what is marked.

use std::path::{Path, PathBuf};

use duel_trainer::run::{
    curves::Series,
    reader::{Glance, Run},
};

/// Runs whose curves are laid over each other at most: as many as there are colours.
pub const MARKS: usize = 6;

/// Figures that can be compared, with their names.
pub const FIGURES: [(Series, &str); 8] = [
    (Series::Value, "V(D, G)"),
    (Series::DLoss, "loss of D"),
    (Series::GLoss, "loss of G"),
    (Series::DReal, "D(x)"),
    (Series::DFake, "D(G(z))"),
    (Series::DGradient, "gradient of D"),
    (Series::GGradient, "gradient of G"),
    (Series::Speed, "images/s"),
];

/// A marked run and what was read of it.
#[derive(Debug)]
pub struct Overlay {
    /// Its directory.
    pub dir: PathBuf,
    /// All that is known of it.
    pub run: Run,
}

/// The runs screen's state.
#[derive(Debug, Default)]
pub struct Runs {
    /// Every run beside the watched one, newest first.
    pub list: Vec<Glance>,
    /// The run that the user is at.
    pub at: usize,
    /// The directories of the marked runs, in the order of marking.
    pub marked: Vec<PathBuf>,
    /// Those that have been read.
    pub overlays: Vec<Overlay>,
    figure: usize,
}

impl Runs {
    /// Takes a new list; the user stays at the same run.
    pub fn take(&mut self, list: Vec<Glance>) {
        let here = self.here().map(Path::to_owned);
        self.list = list;
        let at = here.and_then(|here| self.list.iter().position(|glance| glance.dir == here));
        self.at = at.unwrap_or(self.at).min(self.list.len().saturating_sub(1));
    }

    /// The directory of the run that the user is at.
    pub fn here(&self) -> Option<&Path> {
        self.list.get(self.at).map(|glance| glance.dir.as_path())
    }

    /// Down the list, by so many.
    pub fn move_by(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.list.len().saturating_sub(1));
    }

    /// Marks the run that the user is at, or takes its mark away.
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

    /// The number of a marked run.
    pub fn number(&self, dir: &Path) -> Option<usize> {
        self.marked.iter().position(|marked| marked == dir)
    }

    /// The figure that is compared, and its name.
    pub fn figure(&self) -> (Series, &'static str) {
        FIGURES[self.figure % FIGURES.len()]
    }

    /// The next figure.
    pub fn next_figure(&mut self) {
        self.figure = (self.figure + 1) % FIGURES.len();
    }
}
