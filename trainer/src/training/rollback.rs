//! Rollback: training goes back to its last checkpoint after values that are not finite.

use super::{
    observer::{ROLLBACKS, TrainError},
    trainer::Training,
};
use crate::{gan::state, run::record::EventKind};

impl Training<'_> {
    /// Goes back to the last checkpoint, or the start, with half the learning rates.
    pub(super) fn roll_back(&mut self) -> Result<(), TrainError> {
        let step = self.duel.step;
        let recipe = self.duel.recipe.at(step.saturating_sub(1));
        let rates = [recipe.generator.learning_rate, recipe.discriminator.learning_rate];
        self.rollbacks += 1;
        if self.rollbacks > ROLLBACKS {
            return Err(TrainError::Diverged { step, generator: rates[0], discriminator: rates[1] });
        }
        // If rollbacks alone have changed the recipe's learning rates, a new run can begin with the halved ones.
        let begun = [self.duel.recipe.generator.learning_rate, self.duel.recipe.discriminator.learning_rate];
        let halved = begun.map(|rate| rate * 0.5f64.powi(self.rollbacks as i32 - 1));
        let [generator, discriminator] = rates.map(|rate| 0.5 * rate);
        let instead = if rates == halved {
            format!("--set generator.learning_rate={generator:e} --set discriminator.learning_rate={discriminator:e}")
        } else {
            "lower learning rates in training.changes".to_owned()
        };
        state::load(self.duel, &self.last_checkpoint).expect("this training saved it");
        let back = self.duel.step;
        self.duel.recipe.halve_rates(back);
        self.write_recipe()?;
        self.event(EventKind::Warning {
            what: "not finite".to_owned(),
            since: step,
            evidence: format!(
                "a loss or a weight was not finite at step {step}, with learning rates of {:e} and {:e}",
                rates[0], rates[1]
            ),
            remedy: format!(
                "training went back to step {back} with half the learning rates; begin the next run with {instead}"
            ),
        })
    }
}
