//! A training: its state, and the helpers that each part of it needs for events, checkpoints and the recipe.

use std::collections::BTreeMap;

use super::{
    observer::{Flow, Report, TrainError},
    usage::Usage,
};
use crate::{
    diagnosis::{Finding, Watch},
    gan::{Duel, state},
    metrics::{judge::Judge, similarity::Reference},
    recipe::Change,
    run::{record::EventKind, writer::Writer},
};

/// The held-out pictures that samples are compared with.
pub(super) struct Evaluation {
    pub(super) reference: Reference,
    /// The scores of as many training pictures as are held out.
    pub(super) real: BTreeMap<String, f64>,
}

/// A training.
pub(super) struct Training<'a> {
    pub(super) duel: &'a mut Duel,
    pub(super) run: &'a mut Writer,
    pub(super) observe: &'a mut (dyn FnMut(Report) -> Flow + Send),
    /// What the observer has asked for since the last step.
    pub(super) asked: Flow,
    pub(super) paused: bool,
    /// The bytes of the last checkpoint, or of the start: a rollback goes back to it.
    pub(super) last_checkpoint: Vec<u8>,
    /// Rollbacks so far.
    pub(super) rollbacks: u32,
    /// Changes of settings that requests made at the present step.
    pub(super) requested: Vec<Change>,
    /// What the trainer takes of the machine.
    pub(super) usage: Usage,
    /// The diagnosis.
    pub(super) watch: Watch,
    /// The judge and the held-out pictures that samples are compared with, if the recipe wants evaluations.
    pub(super) evaluation: Option<Evaluation>,
    /// The judge that reads classes for the diagnosis if there is no evaluation; for MNIST alone, whose judge is ready.
    pub(super) digits: Option<Judge>,
}

impl Training<'_> {
    /// Reports to the observer, whose answer waits for the next step.
    pub(super) fn report(&mut self, report: Report) {
        self.asked = self.asked.max((self.observe)(report));
    }

    /// Reports that the present step is done. Returns what the observer asks for, and has asked for since the last step.
    pub(super) fn report_step(&mut self) -> Flow {
        self.report(Report::Step(self.duel.step));
        std::mem::replace(&mut self.asked, Flow::Continue)
    }

    /// Tries again to write files that could not be written, and reports them once.
    pub(super) fn save(&mut self) -> Result<(), TrainError> {
        self.run.retry()?;
        self.report_checkpoints()?;
        match self.run.take_failure() {
            Some(evidence) => self.event(EventKind::Warning {
                what: "not saved".to_owned(),
                since: self.duel.step,
                evidence,
                remedy:
                    "free disk space, or correct the permissions of the run directory; training goes on and tries again"
                        .to_owned(),
            }),
            None => Ok(()),
        }
    }

    pub(super) fn warn(&mut self, found: Vec<Finding>) -> Result<(), TrainError> {
        found.into_iter().try_for_each(|Finding { what, since, evidence, remedy }| {
            self.event(EventKind::Warning { what: what.to_owned(), since, evidence, remedy })
        })
    }

    /// Reports the settings that change at the present step, apart from those that a request changed: it has an answer.
    pub(super) fn report_changes(&mut self) -> Result<(), TrainError> {
        let (step, requested) = (self.duel.step, std::mem::take(&mut self.requested));
        let changes = self.duel.recipe.training.changes.iter();
        let changes = changes.filter(|change| change.step == step && !requested.contains(change)).cloned();
        changes
            .collect::<Vec<_>>()
            .into_iter()
            .try_for_each(|Change { key, value, .. }| self.event(EventKind::Change { key, value }))
    }

    /// Writes a recipe that changed.
    pub(super) fn write_recipe(&mut self) -> Result<(), TrainError> {
        state::keep_recipe(self.duel, self.run)?;
        self.forget_best();
        Ok(())
    }

    /// After a rollback that deleted best.safetensors, the next evaluation becomes the best again.
    pub(super) fn forget_best(&mut self) {
        if !self.run.has_best() {
            self.duel.best = None;
        }
    }

    /// Writes a checkpoint and returns true; or rolls back to the last one if a value is not finite, and returns false.
    pub(super) fn checkpoint(&mut self) -> Result<bool, TrainError> {
        if !state::is_finite(self.duel).map_err(self.device_failed())? {
            return self.roll_back().map(|()| false);
        }
        let bytes = state::save(self.duel).map_err(self.device_failed())?;
        self.last_checkpoint.clone_from(&bytes);
        self.run.write_checkpoint(self.duel.step, bytes)?;
        self.report_checkpoints().map(|()| true)
    }

    pub(super) fn report_checkpoints(&mut self) -> Result<(), TrainError> {
        self.run.take_written().into_iter().try_for_each(|file| self.event(EventKind::Checkpoint { file }))
    }

    pub(super) fn event(&mut self, kind: EventKind) -> Result<(), TrainError> {
        let event = self.run.add_event(self.duel.step, kind)?;
        self.report(Report::Event(&event));
        Ok(())
    }

    pub(super) fn device_failed(&self) -> impl FnOnce(candle_core::Error) -> TrainError + use<> {
        let (device, step) = (self.duel.device_name(), self.duel.step);
        move |source| TrainError::Device { device, step, source }
    }
}
