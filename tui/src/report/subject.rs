//! A run as the page shows it. The run directory is untrusted input: each text is escaped, each list is bounded.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use duel_models::picture::{Picture, grid};
use duel_trainer::run::{
    grid::{self, Samples},
    reader::{Reader, Run},
    record::EventKind,
    summary::RunSummary,
};

use super::{densities, svg::Figure};

/// Stages of a run that are shown by default.
pub const STAGES: usize = 8;
/// Samples of a stage, and samples in a row.
const SAMPLES: usize = 40;
const ACROSS: usize = 10;
/// Samples of a stage in the picture that has a row for each stage.
const STRIP: usize = 20;

/// A run as the page shows it.
#[derive(Debug)]
pub struct Subject {
    /// The name of the directory.
    pub name: String,
    /// Everything that was read of the run.
    pub run: Run,
    /// Samples by rising step.
    pub stages: Vec<(u64, Samples)>,
    /// The number of stages whose samples could not be read.
    pub unreadable: usize,
    /// Scores and pictures of the generator, or the reason why there are none; none if they were not asked for.
    pub shown: Option<Result<Shown, String>>,
}

/// Scores and pictures of the generator of a run's best checkpoint.
#[derive(Debug)]
pub struct Shown {
    /// The checkpoint's step.
    pub step: u64,
    /// The scores; or the reason why there are none.
    pub scored: Result<Scored, String>,
    /// Samples above their nearest training images, with the mean distance, pixels from 0 to 1; or the reason why there
    /// are none.
    pub nearest: Result<(Picture, f64), String>,
    /// Rows of samples from one latent to another.
    pub interpolation: Picture,
}

/// The scores of a generator.
#[derive(Debug)]
pub struct Scored {
    /// The judge, its name and the start of its hash.
    pub judge: String,
    /// The number of samples.
    pub count: usize,
    /// The number of test images that they are compared with.
    pub tests: usize,
    /// Scores by name.
    pub scores: BTreeMap<String, f64>,
    /// The scores of as many training images.
    pub real: BTreeMap<String, f64>,
}

impl Subject {
    /// Reads a run directory. The stages are the samples nearest to the steps `at`. If `at` is empty, the stages
    /// are [`STAGES`] steps from the first to the last, closer together at the beginning.
    pub fn read(dir: &Path, at: &[u64]) -> Result<Self> {
        let shown = dir.display();
        ensure!(RunSummary::read(dir).is_some(), "no run in {shown}: `duel runs` lists the runs");
        let (mut reader, mut run) = Reader::new(dir);
        reader.update(&mut run).with_context(|| format!("cannot read {shown}"))?;
        let picked = if at.is_empty() { pick(&run.samples, STAGES) } else { nearest(&run.samples, at) };
        let stages: Vec<_> =
            picked.iter().filter_map(|&step| Some((step, grid::read_samples(dir, step, run.shape()).ok()?))).collect();
        let unreadable = picked.len() - stages.len();
        Ok(Self { name: run.name.clone(), run, stages, unreadable, shown: None })
    }

    /// Tells whether the run trains on numbers from a toy distribution.
    pub fn is_toy(&self) -> bool {
        self.stages.iter().any(|(_, samples)| matches!(samples, Samples::Densities(_))) || self.run.recipe.is_toy()
    }

    /// Returns the judge of the evaluations: runs of old versions had one, the classifier of digits.
    pub fn judge(&self) -> &str {
        match &*self.run.history.judge {
            "" => "digits",
            judge => judge,
        }
    }

    /// Returns the scores of the evaluations during training, by step; of the newest judge alone. After a resume, a
    /// repeated evaluation of a step replaces the earlier one.
    pub fn evaluations(&self) -> BTreeMap<u64, &BTreeMap<String, f64>> {
        let events = self.run.history.events.iter();
        events
            .filter_map(|event| match &event.kind {
                EventKind::Evaluation { judge, scores, .. } if *judge == self.run.history.judge => {
                    Some((event.step, scores))
                }
                _ => None,
            })
            .collect()
    }

    /// Returns each stage as a picture.
    pub fn pictures(&self) -> impl Iterator<Item = (u64, Picture)> {
        self.stages.iter().filter_map(|(step, samples)| match samples {
            Samples::Pictures(grid) => Some((*step, first(grid, SAMPLES, ACROSS))),
            Samples::Densities(_) => None,
        })
    }

    /// Returns each stage of a toy distribution as a figure.
    pub fn densities(&self) -> impl Iterator<Item = (u64, Figure)> {
        self.stages.iter().filter_map(|(step, samples)| match samples {
            Samples::Densities(densities) => Some((*step, densities::draw(densities))),
            Samples::Pictures(_) => None,
        })
    }

    /// Returns all stages in one picture, a row for each.
    pub fn strip(&self) -> Option<Picture> {
        let pictures = self.stages.iter().filter_map(|(_, samples)| match samples {
            Samples::Pictures(grid) => Some(first(grid, STRIP, STRIP)),
            Samples::Densities(_) => None,
        });
        pictures.reduce(|above, below| Picture {
            height: above.height + below.height,
            pixels: [above.pixels, below.pixels].concat(),
            ..above
        })
    }
}

/// Returns the first samples of a grid as a picture with `across` samples in a row.
fn first(samples: &grid::Grid, count: usize, across: usize) -> Picture {
    let size = samples.shape.size();
    grid(&samples.images[..count.min(samples.len()) * size], samples.shape, across)
}

/// Returns the steps that are nearest to the wanted ones, in order.
pub fn nearest(steps: &[u64], wanted: &[u64]) -> Vec<u64> {
    let near = |wanted: &u64| steps.iter().copied().min_by_key(|step| step.abs_diff(*wanted));
    wanted.iter().filter_map(near).collect::<BTreeSet<u64>>().into_iter().collect()
}

/// Returns `count` steps at most, among them the first and the last, closer together at the beginning, where more
/// happens.
pub fn pick(steps: &[u64], count: usize) -> Vec<u64> {
    let (Some(&first), Some(&last)) = (steps.first(), steps.last()) else { return Vec::new() };
    if steps.len() <= count {
        return steps.to_vec();
    }
    let mut places = Vec::with_capacity(count);
    for index in 0..count {
        let share = index as f64 / (count - 1) as f64;
        let wanted = first as f64 + (last - first) as f64 * share * share;
        let place = steps.partition_point(|&step| (step as f64) < wanted);
        let least = places.last().map_or(0, |last| last + 1);
        places.push(place.max(least).min(steps.len() - (count - index)));
    }
    places.into_iter().map(|place| steps[place]).collect()
}
