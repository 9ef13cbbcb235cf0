//! What a training holds, and what each part of it needs: events, checkpoints, the recipe.

use super::observer::{Flow, Report, TrainError};
use crate::{
    diagnosis::{Finding, Watch},
    gan::{Duel, state},
    metrics::Reference,
    run::{record::What, writer::Writer},
};

/// A training that goes on.
pub(super) struct Training<'a> {
    pub(super) duel: &'a mut Duel,
    pub(super) run: &'a mut Writer,
    pub(super) observe: &'a mut (dyn FnMut(Report) -> Flow + Send),
    pub(super) paused: bool,
    /// The last checkpoint, or the start.
    pub(super) good: Vec<u8>,
    /// How often training went back to it.
    pub(super) retreats: u32,
    /// Looks for what goes wrong.
    pub(super) watch: Watch,
    /// The held-out images, if the recipe wants evaluations.
    pub(super) reference: Option<Reference>,
}

impl Training<'_> {
    /// Tries again what could not be written, and tells of it once.
    pub(super) fn save(&mut self) -> Result<(), TrainError> {
        self.run.retry()?;
        self.tell_of_checkpoints()?;
        match self.run.trouble() {
            Some(evidence) => self.event(What::Warning {
                what: "not saved".to_owned(),
                since: self.duel.step,
                evidence,
                remedy:
                    "make room on the disk, or mend the directory's rights; training goes on, and saves when it can"
                        .to_owned(),
            }),
            None => Ok(()),
        }
    }

    pub(super) fn warn(&mut self, found: Vec<Finding>) -> Result<(), TrainError> {
        found.into_iter().try_for_each(|Finding { what, since, evidence, remedy }| {
            self.event(What::Warning { what: what.to_owned(), since, evidence, remedy })
        })
    }

    /// Keeps a recipe that changed.
    pub(super) fn keep(&mut self) -> Result<(), TrainError> {
        state::keep_recipe(self.duel, self.run)?;
        self.forget_best();
        Ok(())
    }

    /// Where no best checkpoint is left, the next one is the best, whatever one was that training went back behind.
    pub(super) fn forget_best(&mut self) {
        if !self.run.has_best() {
            self.duel.best = None;
        }
    }

    /// Writes a checkpoint, or goes back to the last one where there is nothing to save; whether it wrote one.
    pub(super) fn checkpoint(&mut self) -> Result<bool, TrainError> {
        if !state::is_finite(self.duel).map_err(self.device_failed())? {
            return self.retreat().map(|()| false);
        }
        let bytes = state::save(self.duel).map_err(self.device_failed())?;
        self.good.clone_from(&bytes);
        self.run.checkpoint(self.duel.step, bytes)?;
        self.tell_of_checkpoints().map(|()| true)
    }

    pub(super) fn tell_of_checkpoints(&mut self) -> Result<(), TrainError> {
        self.run.written().into_iter().try_for_each(|file| self.event(What::Checkpoint { file }))
    }

    pub(super) fn event(&mut self, what: What) -> Result<(), TrainError> {
        let event = self.run.event(self.duel.step, what)?;
        (self.observe)(Report::Event(&event));
        Ok(())
    }

    pub(super) fn device_failed(&self) -> impl FnOnce(candle_core::Error) -> TrainError + use<> {
        let (device, step) = (self.duel.device_name(), self.duel.step);
        move |source| TrainError::Device { device, step, source }
    }
}
