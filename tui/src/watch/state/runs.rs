//! The list of runs, the selected run, and the marked runs.

use std::path::{Path, PathBuf};

use duel_trainer::run::{
    curves::Series,
    reader::{Glance, Run},
};

/// The most runs that can be marked: as many as there are colours.
pub const MARKS: usize = 6;

/// Scalars whose curves can be compared, with their names.
pub const SCALARS: [(Series, &str); 8] = [
    (Series::Value, "V(D, G)"),
    (Series::DLoss, "loss of D"),
    (Series::GLoss, "loss of G"),
    (Series::DReal, "D(x)"),
    (Series::DFake, "D(G(z))"),
    (Series::DGradient, "gradient of D"),
    (Series::GGradient, "gradient of G"),
    (Series::Speed, "images/s"),
];

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
    pub list: Vec<Glance>,
    /// The index of the selected run.
    pub at: usize,
    /// The directories of the marked runs, in the order of marking.
    pub marked: Vec<PathBuf>,
    /// The marked runs that were read.
    pub overlays: Vec<Overlay>,
    scalar: usize,
}

impl Runs {
    /// Replaces the list; the same run stays selected.
    pub fn take(&mut self, list: Vec<Glance>) {
        let here = self.here().map(Path::to_owned);
        self.list = list;
        let at = here.and_then(|here| self.list.iter().position(|glance| glance.dir == here));
        self.at = at.unwrap_or(self.at).min(self.list.len().saturating_sub(1));
    }

    /// Returns the directory of the selected run.
    pub fn here(&self) -> Option<&Path> {
        self.list.get(self.at).map(|glance| glance.dir.as_path())
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

    /// Returns the scalar whose curves are compared, and its name.
    pub fn scalar(&self) -> (Series, &'static str) {
        SCALARS[self.scalar % SCALARS.len()]
    }

    /// Selects the next scalar.
    pub fn next_scalar(&mut self) {
        self.scalar = (self.scalar + 1) % SCALARS.len();
    }
}
