//! Collects the evidence of one training and reports new failures.

use std::collections::{BTreeSet, VecDeque};

use candle_core::Result;

use super::{
    finding::Finding,
    sample_failures::{self, SMOOTH, has_variety},
    sample_statistics::{Observation, Probe, Reference, Statistics, change_of_pixels},
    step_failures::{self, LONG_WINDOW, WINDOW},
};
use crate::{data::DataSet, metrics::auc::area_under_curve, recipe::Recipe, run::record::Metrics};

/// The number of successive probes of samples that must all show a failure.
const PROBES: usize = 3;

/// Collects the evidence of one training and reports new failures.
#[derive(Debug, Default)]
pub struct Watch {
    window: VecDeque<Metrics>,
    /// Metrics of more steps, which show oscillations.
    long_window: VecDeque<Metrics>,
    probes: VecDeque<Probe>,
    /// The samples of the last probe.
    last_samples: Vec<u8>,
    reference: Option<Reference>,
    /// Whether samples were ever almost as smooth as training pictures.
    pub(super) were_smooth: bool,
    /// Whether samples ever showed several classes.
    had_variety: bool,
    reported_of_steps: Reported,
    reported_of_samples: Reported,
}

/// The failures of one kind of evidence that were reported.
#[derive(Debug, Default)]
struct Reported(BTreeSet<&'static str>);

impl Reported {
    /// Returns the findings that were not reported yet. A failure that is gone may be reported again.
    fn news(&mut self, found: impl IntoIterator<Item = Option<Finding>>) -> Vec<Finding> {
        let found: Vec<Finding> = found.into_iter().flatten().collect();
        self.0.retain(|reported| found.iter().any(|finding| finding.what == *reported));
        found.into_iter().filter(|finding| self.0.insert(finding.what)).collect()
    }
}

impl Watch {
    /// The watch of a resumed training, whose earlier samples are unknown and may have shown several classes.
    pub fn resumed() -> Self {
        Self { had_variety: true, ..Self::default() }
    }

    /// Takes a measured step, and returns new failures.
    pub fn metrics(&mut self, recipe: &Recipe, metrics: &Metrics) -> Vec<Finding> {
        push(&mut self.window, *metrics, WINDOW);
        push(&mut self.long_window, *metrics, LONG_WINDOW);
        let (window, long) = (self.window.make_contiguous(), self.long_window.make_contiguous());
        if window.len() < WINDOW {
            return Vec::new();
        }
        self.reported_of_steps.news(step_failures::all(window, long, recipe))
    }

    /// Takes an observation of samples beside the training pictures, and returns new failures.
    pub fn samples(&mut self, recipe: &Recipe, observation: Observation, data: &DataSet) -> Result<Vec<Finding>> {
        let reference = match &mut self.reference {
            Some(reference) => reference,
            none => none.insert(Reference::new(observation.judge, data)?),
        };
        let Observation { step, samples, logits, class_entropy, judge } = observation;
        let statistics = Statistics::compute(samples, data.shape);
        let share = |mine: f64, real: f64| if real > 0.0 { mine / real } else { 1.0 };
        let probe = Probe {
            step,
            entropy: reference.entropy_share(samples, judge, class_entropy)?,
            spread: share(statistics.spread, reference.statistics.spread),
            roughness: share(statistics.roughness, reference.statistics.roughness),
            duplicates: statistics.pairs_nearer_than(reference.nearest_pair() / 4.0),
            motion: change_of_pixels(&self.last_samples, samples),
            memory: logits.map_or(f64::NAN, |[known, held_out]| area_under_curve([(&known[..], &held_out[..])])),
        };
        self.last_samples = samples.to_vec();
        push(&mut self.probes, probe, PROBES);
        let probes = self.probes.make_contiguous();
        self.were_smooth |= probes.iter().any(|probe| probe.roughness < SMOOTH);
        self.had_variety |= probes.iter().any(has_variety);
        let history = sample_failures::History {
            probes,
            window: self.window.make_contiguous(),
            were_smooth: self.were_smooth,
            had_variety: self.had_variety,
        };
        let found = if history.probes.len() == PROBES { sample_failures::all(&history, recipe) } else { Vec::new() };
        Ok(self.reported_of_samples.news(found))
    }
}

/// Adds an item and drops the oldest beyond `most`.
fn push<T>(items: &mut VecDeque<T>, item: T, most: usize) {
    items.push_back(item);
    if items.len() > most {
        items.pop_front();
    }
}
