//! What is not finite is taken back.

use super::{
    observer::{RETREATS, TrainError},
    trainer::Training,
};
use crate::{gan::state, run::record::What};

impl Training<'_> {
    /// Back to the last checkpoint, or the start, with half the learning rates.
    pub(super) fn retreat(&mut self) -> Result<(), TrainError> {
        let step = self.duel.step;
        let recipe = self.duel.recipe.at(step.saturating_sub(1));
        let rates = [recipe.generator.learning_rate, recipe.discriminator.learning_rate];
        self.retreats += 1;
        if self.retreats > RETREATS {
            return Err(TrainError::Diverged { step, generator: rates[0], discriminator: rates[1] });
        }
        // What a new run should begin with, where the rates are those that the recipe began with, but for what was halved.
        let begun = [self.duel.recipe.generator.learning_rate, self.duel.recipe.discriminator.learning_rate];
        let halved = begun.map(|rate| rate * 0.5f64.powi(self.retreats as i32 - 1));
        let [generator, discriminator] = rates.map(|rate| 0.5 * rate);
        let instead = if rates == halved {
            format!("--set generator.learning_rate={generator:e} --set discriminator.learning_rate={discriminator:e}")
        } else {
            "lower rates in training.changes".to_owned()
        };
        state::load(self.duel, &self.good).expect("what this training saved");
        let back = self.duel.step;
        self.duel.recipe.halve_rates(back);
        self.keep()?;
        self.event(What::Warning {
            what: "not finite".to_owned(),
            since: step,
            evidence: format!(
                "a loss or a weight was not finite at step {step}, with rates of {:e} and {:e}",
                rates[0], rates[1]
            ),
            remedy: format!("training went back to step {back} with half the rates; begin the next run with {instead}"),
        })
    }
}
