//! One or more runs as a page that a person would rather look at than read. What a run directory holds is not trusted: each text is
//! escaped, each list bounded.

mod bell;
mod chart;
mod curves;
mod html;
mod scores;
mod sections;
mod svg;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use duel_models::{
    PIXELS,
    grid::{Picture, grid, png},
};
use duel_trainer::run::{
    grid::{self, Samples},
    reader::{Glance, Reader, Run},
    record::What,
};

use self::svg::Figure;

/// Stages of a run that are shown.
const STAGES: usize = 8;
/// Digits of a stage, and digits in a row of them.
const DIGITS: usize = 40;
const ACROSS: usize = 10;
/// Digits of a stage in the picture that has a row for each.
const STRIP: usize = 20;

/// A run as it is shown.
#[derive(Debug)]
pub struct Subject {
    /// Its directory's name.
    pub name: String,
    /// What is known of it.
    pub run: Run,
    /// What it drew, by rising steps.
    pub stages: Vec<(u64, Samples)>,
    /// Samples that could not be read.
    pub unreadable: usize,
    /// What its generator shows; none if nobody asked, or why it shows nothing.
    pub shown: Option<Result<Shown, String>>,
}

/// What the generator of a run's best checkpoint shows.
#[derive(Debug)]
pub struct Shown {
    /// The checkpoint's step.
    pub step: u64,
    /// Its scores by name.
    pub scores: BTreeMap<String, f64>,
    /// Samples, below each its nearest training image; and the mean distance, pixels from 0 to 1. Or why there is nothing to compare.
    pub nearest: Result<(Picture, f64), String>,
    /// A row from one latent to another each.
    pub interpolation: Picture,
}

impl Subject {
    /// Reads a run directory. Its stages are the samples nearest to the steps `at`, or some of its beginning, middle and end if none are
    /// given.
    pub fn read(dir: &Path, at: &[u64]) -> Result<Self> {
        let shown = dir.display();
        ensure!(Glance::at(dir).is_some(), "no run in {shown}: `duel runs` lists those there are");
        let (mut reader, mut run) = Reader::new(dir);
        reader.update(&mut run).with_context(|| format!("cannot read {shown}"))?;
        let picked = if at.is_empty() { pick(&run.samples, STAGES) } else { nearest(&run.samples, at) };
        let stages: Vec<_> = picked.iter().filter_map(|&step| Some((step, grid::samples(dir, step).ok()?))).collect();
        let unreadable = picked.len() - stages.len();
        Ok(Self { name: run.name.clone(), run, stages, unreadable, shown: None })
    }

    /// Whether it is a duel over numbers.
    pub fn is_of_numbers(&self) -> bool {
        self.stages.iter().any(|(_, samples)| matches!(samples, Samples::Numbers(_)))
            || self.run.recipe.get("data.source").is_some_and(|source| duel_trainer::bell::Bell::of(&source).is_some())
    }

    /// The scores that were taken while it trained, by step; what a resume did again replaces what had been.
    fn evaluations(&self) -> BTreeMap<u64, &BTreeMap<String, f64>> {
        let events = self.run.story.events.iter();
        events
            .filter_map(|event| match &event.what {
                What::Evaluation { scores } => Some((event.step, scores)),
                _ => None,
            })
            .collect()
    }

    /// Each stage of digits as a picture.
    fn digits(&self) -> impl Iterator<Item = (u64, Picture)> {
        self.stages.iter().filter_map(|(step, samples)| match samples {
            Samples::Digits(digits) => Some((*step, first(digits, DIGITS, ACROSS))),
            Samples::Numbers(_) => None,
        })
    }

    /// Each stage of a duel over numbers, drawn.
    fn portraits(&self) -> impl Iterator<Item = (u64, Figure)> {
        self.stages.iter().filter_map(|(step, samples)| match samples {
            Samples::Numbers(portrait) => Some((*step, bell::draw(portrait))),
            Samples::Digits(_) => None,
        })
    }

    /// All stages of digits in one picture, a row each.
    fn strip(&self) -> Option<Picture> {
        let mut images = Vec::new();
        for (_, samples) in &self.stages {
            if let Samples::Digits(digits) = samples {
                images.extend(first(digits, STRIP, STRIP).pixels);
            }
        }
        let height = images.len() / (STRIP * duel_models::SIDE);
        (height > 0).then_some(Picture { width: STRIP * duel_models::SIDE, height, pixels: images })
    }
}

/// The first digits of a grid in rows of so many.
fn first(digits: &grid::Grid, count: usize, across: usize) -> Picture {
    let images: Vec<u8> = digits.digits.iter().take(count).flatten().copied().collect();
    debug_assert!(images.len().is_multiple_of(PIXELS));
    grid(&images, across)
}

/// Of some steps those that are nearest to the wanted ones, in order.
fn nearest(steps: &[u64], wanted: &[u64]) -> Vec<u64> {
    let near = |wanted: &u64| steps.iter().copied().min_by_key(|step| step.abs_diff(*wanted));
    wanted.iter().filter_map(near).collect::<BTreeSet<u64>>().into_iter().collect()
}

/// At most `count` of some steps, the first and the last among them, closer at the beginning, where more happens.
fn pick(steps: &[u64], count: usize) -> Vec<u64> {
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

/// The page.
pub fn page(subjects: &[Subject], real: Option<&BTreeMap<String, f64>>) -> String {
    let names: Vec<&str> = subjects.iter().map(|subject| subject.name.as_str()).collect();
    let style = format!("{}{}", include_str!("page.css"), svg::STYLE);
    html::page(&format!("{}: duel", names.join(", ")), &style, &sections::all(subjects, real))
}

/// The page's figures as files in `dir`, each named by its run and by what it shows; and in a line each, what they are.
pub fn figures(subject: &Subject, dir: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) -> String {
    let mut said = String::new();
    let mut add = |what: &str, bytes: Vec<u8>, words: &str| {
        let path = dir.join(format!("{}-{what}", file_name(&subject.name)));
        _ = writeln!(said, "{}: {words}", path.display());
        files.push((path, bytes));
    };
    for (what, figure) in curves::all(&[subject]).into_iter().map(|(what, mut figures)| (what, figures.swap_remove(0)))
    {
        if let Some(figure) = figure {
            add(&format!("{what}.svg"), figure.file().into_bytes(), &figure.words);
        }
    }
    let steps =
        |steps: &mut dyn Iterator<Item = u64>| steps.map(crate::words::thousands).collect::<Vec<_>>().join(", ");
    if let Some(strip) = subject.strip() {
        let words = format!("digits, a row a step: {}", steps(&mut subject.digits().map(|(step, _)| step)));
        add("digits.png", png(&strip), &words);
    }
    let portraits: Vec<(String, Figure)> =
        subject.portraits().map(|(step, figure)| (format!("step {}", crate::words::thousands(step)), figure)).collect();
    if !portraits.is_empty() {
        let sheet = Figure::sheet(&portraits, STAGES / 2);
        add("figure-1.svg", sheet.file().into_bytes(), &format!("{} stages", portraits.len()));
    }
    if let Some(Ok(shown)) = &subject.shown {
        if let Ok((picture, _)) = &shown.nearest {
            add("nearest.png", png(picture), sections::NEAREST);
        }
        add("interpolation.png", png(&shown.interpolation), sections::INTERPOLATION);
    }
    said
}

/// A run's name as a part of a file's.
pub fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests;
