//! What a training looks at between steps: sample grids, the diagnosis of samples, evaluations.

use duel_models::{pixels, random::Stream};

use super::{
    observer::{Report, TrainError},
    trainer::Training,
};
use crate::{
    diagnosis,
    gan::state,
    run::{record::What, writer::SAMPLES},
};

impl Training<'_> {
    pub(super) fn samples(&mut self) -> Result<(), TrainError> {
        if let Some(portrait) = self.duel.portrait().map_err(self.device_failed())? {
            self.run.portrait(&portrait)?;
            (self.observe)(Report::Portrait(&portrait));
            return Ok(());
        }
        let seed = self.duel.recipe.training.seed;
        let drawn = self.duel.drawn(seed, SAMPLES).map_err(self.device_failed())?;
        let images: Vec<u8> = drawn.values.into_iter().map(pixels::to_byte).collect();
        self.run.samples(self.duel.step, &images)?;
        (self.observe)(Report::Samples(&images));
        Ok(())
    }

    /// Looks at samples of other latents than the grid's, beside the class entropy that an evaluation of this step read, if any did.
    pub(super) fn probe(&mut self, evaluated: Option<f64>) -> Result<(), TrainError> {
        if self.duel.data().is_empty() {
            return Ok(());
        }
        let seed = !self.duel.recipe.training.seed;
        let drawn = self.duel.drawn(seed, diagnosis::PROBE).map_err(self.device_failed())?;
        let samples: Vec<u8> = drawn.values.into_iter().map(pixels::to_byte).collect();
        let data = self.duel.data();
        let opinion = |data| self.duel.opinion(data, diagnosis::JUDGED).map_err(self.device_failed());
        let opinions = match &data.held_out {
            Some(held_out) => Some([opinion(data)?, opinion(held_out)?]),
            None => None,
        };
        let (recipe, step) = (self.duel.recipe.at(self.duel.step), self.duel.step);
        let found = self.watch.samples(&recipe, step, &samples, data, opinions, evaluated);
        self.warn(found.map_err(self.device_failed())?)
    }

    /// Holds as many drawn images as there are held-out ones against those, and keeps the checkpoint if it is the best so far. The class entropy
    /// that it read; none without held-out images, or of images that are not finite.
    pub(super) fn evaluate(&mut self) -> Result<Option<f64>, TrainError> {
        let (Some(reference), Some(held_out)) = (&self.reference, &self.duel.data().held_out) else { return Ok(None) };
        let (seed, count) = (Stream::new(self.duel.recipe.training.seed, "evaluation").bits(), held_out.len());
        let drawn = self.duel.drawn(seed, count).map_err(self.device_failed())?;
        if !drawn.values.iter().all(|value| value.is_finite()) {
            return Ok(None);
        }
        let likeness = reference.compare(&drawn).map_err(self.device_failed())?;
        let best = self.duel.best.is_none_or(|best| likeness.frechet < best);
        let entropy = Some(likeness.class_balance);
        self.event(What::Evaluation { scores: likeness.named() })?;
        if !best || !state::is_finite(self.duel).map_err(self.device_failed())? {
            return Ok(entropy);
        }
        // Rounding may leave a distance of nothing below 0, which no checkpoint holds.
        self.duel.best = Some(likeness.frechet.max(0.0));
        let bytes = state::save(self.duel).map_err(self.device_failed())?;
        self.run.best(bytes)?;
        self.tell_of_checkpoints()?;
        Ok(entropy)
    }
}
