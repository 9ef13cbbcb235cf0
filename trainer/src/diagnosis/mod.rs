//! Names what is going wrong in a duel while it happens, and the remedy in the recipe's own keys.
//!
//! Two kinds of evidence: a window of measured steps, and a probe of samples whenever a grid of them is written. Each check is a
//! function of one of them alone. A failure is told once, when it begins, and again only after it was gone.

mod sample_statistics;
mod samples;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};

use candle_core::Result;
use duel_models::PIXELS;

pub use self::sample_statistics::Probe;
use self::{
    sample_statistics::{Look, Reference, memory, motion},
    samples::{SMOOTH, collapse, memorises, noise, stalls, varies},
    steps::{diverged, fooled, oscillates, overpowers},
};
use crate::{data::Dataset, metrics::classifier::Classifier, recipe::Recipe, run::record::Metrics};

/// Measured steps that a check looks at: enough that a bad batch is no failure.
const WINDOW: usize = 20;

/// Measured steps that show an oscillation.
const LONG: usize = 60;

/// Samples of a probe, and training images that it is held against.
pub const PROBE: usize = 128;
/// Training images whose classes are held against those of samples.
const READ: usize = 1000;
/// Training images, and as many held-out ones, that the discriminator is asked about.
pub const JUDGED: usize = 512;

/// A failure, as it stands in `events.jsonl`.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Its name.
    pub what: &'static str,
    /// The first step that shows it.
    pub since: u64,
    /// What shows it, in numbers.
    pub evidence: String,
    /// What to change, with a `--set` to copy.
    pub remedy: String,
}

/// Watches one training.
#[derive(Debug, Default)]
pub struct Watch {
    window: VecDeque<Metrics>,
    /// Losses of the generator over a longer while.
    swings: VecDeque<Metrics>,
    probes: VecDeque<Probe>,
    /// The samples of the last probe.
    last: Vec<u8>,
    reference: Option<Reference>,
    /// Whether samples were ever as smooth as digits, nearly.
    drew: bool,
    /// Whether samples were ever of several classes.
    varied: bool,
    told_of_steps: Told,
    told_of_samples: Told,
}

/// The failures that one kind of evidence shows and that were told.
#[derive(Debug, Default)]
struct Told(BTreeSet<&'static str>);

impl Told {
    /// Of what was found, what was not told; what was told and is gone may be told again.
    fn news(&mut self, found: impl IntoIterator<Item = Option<Finding>>) -> Vec<Finding> {
        let found: Vec<Finding> = found.into_iter().flatten().collect();
        self.0.retain(|told| found.iter().any(|finding| finding.what == *told));
        found.into_iter().filter(|finding| self.0.insert(finding.what)).collect()
    }
}

impl Watch {
    /// Of a training that goes on: what it drew before is not known, and may have been of several classes.
    pub fn of_a_resume() -> Self {
        Self { varied: true, ..Self::default() }
    }

    /// What a measured step adds to the evidence.
    pub fn metrics(&mut self, recipe: &Recipe, metrics: &Metrics) -> Vec<Finding> {
        self.window.push_back(*metrics);
        if self.window.len() > WINDOW {
            self.window.pop_front();
        }
        self.swings.push_back(*metrics);
        if self.swings.len() > LONG {
            self.swings.pop_front();
        }
        let (window, long) = (self.window.make_contiguous(), self.swings.make_contiguous());
        if window.len() < WINDOW {
            return Vec::new();
        }
        let found =
            [diverged(window, recipe), overpowers(window, recipe), fooled(window, recipe), oscillates(long, recipe)];
        self.told_of_steps.news(found)
    }

    /// What samples, grey levels [[`PROBE`], 784], add to it, beside the training images; and what the discriminator thinks of training
    /// and of held-out images, their logits. `evaluated` is the class entropy that an evaluation of the same step read: of many more
    /// samples than a probe's, which are so few that theirs would be off by 0.04 for as long as the training lasts.
    pub fn samples(
        &mut self,
        recipe: &Recipe,
        step: u64,
        samples: &[u8],
        data: &Dataset,
        opinions: Option<[Vec<f32>; 2]>,
        evaluated: Option<f64>,
    ) -> Result<Vec<Finding>> {
        let reference = match &mut self.reference {
            Some(reference) => reference,
            none => {
                let classifier = Classifier::shipped()?;
                let values = sample_statistics::values(&data.images[..READ.min(data.len()) * PIXELS]);
                let entropy = sample_statistics::entropy(&values, &classifier)?;
                let look = Look::of(&values[..PROBE.min(data.len()) * PIXELS]);
                none.insert(Reference { classifier, entropy, look })
            }
        };
        let values = sample_statistics::values(samples);
        let entropy = match evaluated {
            Some(entropy) => entropy,
            None => sample_statistics::entropy(&values, &reference.classifier)?,
        };
        let look = Look::of(&values);
        let of = |mine: f64, real: f64| if real > 0.0 { mine / real } else { 1.0 };
        self.probes.push_back(Probe {
            step,
            entropy: of(entropy, reference.entropy),
            spread: of(look.spread, reference.look.spread),
            roughness: of(look.roughness, reference.look.roughness),
            duplicates: look.nearer_than(reference.look.pairs.first().map_or(0.0, |nearest| nearest / 4.0)),
            motion: motion(&self.last, samples),
            memory: opinions.map_or(f64::NAN, |[known, held_out]| memory(&known, &held_out)),
        });
        self.last = samples.to_vec();
        if self.probes.len() > 3 {
            self.probes.pop_front();
        }
        let probes = self.probes.make_contiguous();
        self.drew |= probes.iter().any(|probe| probe.roughness < SMOOTH);
        self.varied |= probes.iter().any(varies);
        let (drew, varied) = (self.drew, self.varied);
        let found = [
            noise(probes, recipe).filter(|_| drew),
            collapse(probes, varied, recipe),
            memorises(probes, recipe),
            stalls(probes, self.window.make_contiguous(), recipe),
        ];
        Ok(self.told_of_samples.news(found))
    }
}
