//! Samples between steps: writes grids, diagnoses samples, and evaluates the generator.

use duel_models::{
    picture::{grid, to_bytes},
    random::Stream,
};

use super::{
    observer::{Report, TrainError},
    trainer::Training,
};
use crate::{
    diagnosis::{LOGITS, Observation, PROBE},
    gan::{Best, state},
    metrics::auc::area_under_curve,
    run::{
        grid::{Grid, SAMPLE_COLUMNS, SAMPLES},
        record::EventKind,
    },
};

/// The number of training pictures, and of held-out ones, that show memorisation at a measured step.
const JUDGED: usize = 128;

impl Training<'_> {
    /// Writes samples of the fixed latents, or the densities of a toy distribution.
    pub(super) fn write_samples(&mut self) -> Result<(), TrainError> {
        if let Some(densities) = self.duel.densities().map_err(self.device_failed())? {
            self.run.write_densities(&densities)?;
            self.report(Report::Densities(&densities));
            return Ok(());
        }
        let Some(shape) = self.duel.recipe.shape() else { return Ok(()) };
        let samples = self.duel.sample(self.duel.recipe.training.seed, SAMPLES).map_err(self.device_failed())?;
        let samples = Grid { shape, columns: SAMPLE_COLUMNS, images: to_bytes(&samples.values) };
        self.run.write_samples(self.duel.step, &grid(&samples.images, shape, SAMPLE_COLUMNS))?;
        self.report(Report::Samples(&samples));
        Ok(())
    }

    /// Diagnoses samples from other latents than those of the grid. `class_entropy` is the class entropy from the
    /// evaluation at this step; none if there was no evaluation.
    pub(super) fn diagnose_samples(&mut self, class_entropy: Option<f64>) -> Result<(), TrainError> {
        let Some(data) = self.duel.data() else { return Ok(()) };
        let seed = !self.duel.recipe.training.seed;
        let samples = self.duel.sample(seed, PROBE).map_err(self.device_failed())?;
        let samples = to_bytes(&samples.values);
        let logits = |data| self.duel.logits_of_some(data, LOGITS).map_err(self.device_failed());
        let logits = match &data.held_out {
            Some(held_out) => Some([logits(data)?, logits(held_out)?]),
            None => None,
        };
        let (recipe, step) = (self.duel.recipe.at(self.duel.step), self.duel.step);
        let judge = self.evaluation.as_ref().map(|evaluation| &evaluation.reference.judge).or(self.digits.as_ref());
        let observation = Observation { step, samples: &samples, logits, class_entropy, judge };
        let found = self.watch.samples(&recipe, observation, data);
        self.warn(found.map_err(self.device_failed())?)
    }

    /// The share of pairs in which the discriminator finds a training picture more real than a held-out one; NaN
    /// without held-out pictures.
    pub(super) fn memorisation(&self) -> Result<f64, TrainError> {
        let Some((data, held_out)) = self.duel.data().and_then(|data| Some((data, data.held_out.as_deref()?))) else {
            return Ok(f64::NAN);
        };
        let logits = |data| self.duel.logits_of_some(data, JUDGED).map_err(self.device_failed());
        let [training, held_out] = [logits(data)?, logits(held_out)?];
        Ok(area_under_curve([(&training[..], &held_out[..])]))
    }

    /// Compares the held-out pictures with equally many samples, and keeps the checkpoint if its Fréchet distance is
    /// the lowest so far by this judge. Returns the class entropy of the samples; none if the judge reads no classes, if
    /// nothing can be compared, or if samples are not finite.
    pub(super) fn evaluate(&mut self) -> Result<Option<f64>, TrainError> {
        let held_out = self.duel.data().and_then(|data| data.held_out.as_ref());
        let (Some(evaluation), Some(held_out)) = (&self.evaluation, held_out) else { return Ok(None) };
        let (seed, count) = (Stream::new(self.duel.recipe.training.seed, "evaluation").bits(), held_out.len());
        let samples = self.duel.sample(seed, count).map_err(self.device_failed())?;
        if !samples.values.iter().all(|value| value.is_finite()) {
            return Ok(None);
        }
        let judge = &evaluation.reference.judge;
        let similarity = evaluation.reference.compare(&samples).map_err(self.device_failed())?;
        let same_judge = |best: &&Best| best.judge.as_ref().is_none_or(|hash| *hash == judge.hash);
        let best = self.duel.best.as_ref().filter(same_judge).is_none_or(|best| similarity.frechet < best.frechet);
        let entropy = similarity.class_balance;
        let (hash, label, real) = (judge.hash.clone(), judge.label(), evaluation.real.clone());
        self.event(EventKind::Evaluation { judge: label, scores: similarity.named(), real })?;
        if !best || !state::is_finite(self.duel).map_err(self.device_failed())? {
            return Ok(entropy);
        }
        // Rounding may give a distance below 0, which no checkpoint may hold.
        self.duel.best = Some(Best { frechet: similarity.frechet.max(0.0), judge: Some(hash) });
        let bytes = state::save(self.duel).map_err(self.device_failed())?;
        self.run.write_best(bytes)?;
        self.report_checkpoints()?;
        Ok(entropy)
    }
}
