//! The samples of earlier steps, and moving among them.

use duel_trainer::run::grid::Samples;

/// The state of the samples.
#[derive(Debug, Default)]
pub struct Time {
    /// The selected step; none for the newest.
    pub at: Option<u64>,
    /// Whether the selection moves on by itself.
    pub playing: bool,
    /// The samples that were read last, and their step.
    pub shown: Option<(u64, Samples)>,
}

impl Time {
    /// Moves the selection by `by` entries in `samples`, the list of steps that have samples. A selection of the newest
    /// step follows the training.
    pub fn scrub(&mut self, samples: &[u64], by: isize) {
        let last = samples.len().saturating_sub(1);
        let here = self.at.map_or(last, |step| samples.partition_point(|sample| *sample < step));
        let there = here.saturating_add_signed(by).min(last);
        self.at = if there == last { None } else { samples.get(there).copied() };
    }

    /// Starts or stops playing. Playing starts at the first step if the newest was shown.
    pub fn play(&mut self, samples: &[u64]) {
        self.playing ^= true;
        if self.playing && self.at.is_none() {
            self.at = samples.first().copied();
        }
    }

    /// While playing, selects the next step, and stops at the newest. Returns whether it was playing.
    pub fn tick(&mut self, samples: &[u64]) -> bool {
        if self.playing {
            self.scrub(samples, 1);
            self.playing = self.at.is_some();
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selection_stays_within_the_steps_that_have_samples() {
        let samples = [0, 500, 1000];
        let mut time = Time::default();
        for (by, expected) in
            [(-1, Some(500)), (-1, Some(0)), (-1, Some(0)), (1, Some(500)), (isize::MAX, None), (isize::MIN, Some(0))]
        {
            time.scrub(&samples, by);
            assert_eq!(time.at, expected, "{by}");
        }
        time.scrub(&[], 1);
        assert_eq!(time.at, None);
        time.play(&samples);
        assert!(time.tick(&samples) && time.tick(&samples) && !time.tick(&samples), "playing ends at the newest step");
    }
}
