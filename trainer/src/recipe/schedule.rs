//! Learning rates and momentum in the course of a training.

use super::{sections::Training, words::Schedule};

impl Training {
    /// Returns the factor on the learning rates at the step after `done` steps.
    pub fn rate_at(&self, done: u64) -> f64 {
        let progress = done as f64 / self.steps.max(1) as f64;
        let fallen = ((progress - self.decay_from) / (1.0 - self.decay_from).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        let left = match self.schedule {
            Schedule::Constant => return 1.0,
            Schedule::Linear => 1.0 - fallen,
            Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * fallen).cos()),
            Schedule::Exponential => return self.decay.powf(-(done as f64)).max(self.decay_to),
        };
        self.decay_to + (1.0 - self.decay_to) * left
    }

    /// Returns the momentum of the step after `done` steps.
    pub fn momentum_at(&self, done: u64) -> f64 {
        let steps = if self.momentum_steps == 0 { self.steps } else { self.momentum_steps };
        let progress = (done as f64 / steps.max(1) as f64).min(1.0);
        self.momentum + (self.momentum_to - self.momentum) * progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;

    #[test]
    fn rates_stay_and_then_fall_to_their_end() {
        let mut training = Training { steps: 100, ..Training::default() };
        assert_eq!((training.rate_at(0), training.rate_at(100)), (1.0, 1.0));
        for (schedule, between) in [(Schedule::Linear, 0.265), (Schedule::Cosine, 0.02 + 0.98 * 0.146_446_6)] {
            training.schedule = schedule;
            for (step, expected) in [(0, 1.0), (50, 1.0), (75, 0.51), (100, 0.02), (200, 0.02)] {
                assert!((training.rate_at(step) - expected).abs() < 1e-9, "{schedule:?} {step}");
            }
            training.decay_from = 0.0;
            assert!((training.rate_at(75) - between).abs() < 1e-6, "{schedule:?} {}", training.rate_at(75));
            training.decay_from = 0.5;
        }
    }

    #[test]
    fn the_recipe_paper_has_the_papers_rates_and_momentum() {
        let training = Recipe::load("paper", &[]).expect("shipped").training;
        assert_eq!((training.rate_at(0), training.momentum_at(0)), (1.0, 0.5));
        assert!((training.rate_at(1_000) - 1.000_004f64.powi(-1_000)).abs() < 1e-12);
        assert!((training.rate_at(10_000_000) - 1e-5).abs() < 1e-12);
        assert!((training.momentum_at(62_500) - 0.6).abs() < 1e-12);
        assert_eq!((training.momentum_at(125_000), training.momentum_at(200_000)), (0.7, 0.7));
        let whole = Training { momentum_steps: 0, ..training };
        assert!((whole.momentum_at(whole.steps / 2) - 0.6).abs() < 1e-12);
    }
}
