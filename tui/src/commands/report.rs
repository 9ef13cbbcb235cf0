//! `duel report RUN`: a page about a run, or about several side by side.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use clap::Args;
use duel_runtime::Generator;
use duel_trainer::{
    dataset::Dataset,
    evaluate::{Judge, nearest},
    export::{Weights, export},
};

use crate::{
    files,
    output::{note, print},
    report::{self, Shown, Subject},
    runs, samples,
};

/// Runs that still stand side by side.
const RUNS: usize = 8;

/// Stages of a run that are shown at most.
const STAGES: usize = 20;

/// Arguments of `duel report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Run directories; several are shown side by side.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Where to write the page [default: report.html in the run directory, here for several runs].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write each figure as a file of its own, too: DIR/RUN-losses.svg and so on.
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
    /// Show the samples nearest to these steps, instead of eight stages that are closer together at the beginning.
    #[arg(long, value_name = "STEP,...", value_delimiter = ',')]
    at: Vec<u64>,
    /// Only what the run directory tells: no scores, nearest training images and interpolations, which take half a minute a run.
    #[arg(long)]
    quick: bool,
}

/// Writes one HTML file that needs nothing else, and prints where it and the figures are.
pub fn run(args: ReportArgs) -> Result<()> {
    ensure!(args.runs.len() <= RUNS, "{} runs: a page takes at most {RUNS}", args.runs.len());
    let dirs = args.runs.iter().map(|run| runs::find(Some(run))).collect::<Result<Vec<PathBuf>>>()?;
    ensure!(args.at.len() <= STAGES, "--at: {} steps, and a page shows {STAGES} at most", args.at.len());
    let mut subjects = dirs.iter().map(|dir| Subject::read(dir, &args.at)).collect::<Result<Vec<Subject>>>()?;
    let names: BTreeSet<String> = subjects.iter().map(|subject| report::file_name(&subject.name)).collect();
    ensure!(names.len() == subjects.len(), "two of the runs have the same name in files: rename the directory of one");
    let real = if args.quick { None } else { judge(&mut subjects, &dirs)? };
    let mut said = String::new();
    let mut written = Vec::new();
    if let Some(dir) = &args.figures {
        for subject in &subjects {
            said += &report::figures(subject, dir, &mut written);
        }
    }
    let out = args.out.unwrap_or_else(|| match &dirs[..] {
        [dir] => dir.join("report.html"),
        _ => "report.html".into(),
    });
    said += &format!("{}\n", out.display());
    written.push((out, report::page(&subjects, real.as_ref()).into_bytes()));
    for (path, bytes) in written {
        files::replace(&path, &bytes)?;
    }
    print(&said)
}

/// Adds to each run over images what its generator shows; gives what real digits score, if anything was scored.
fn judge(subjects: &mut [Subject], dirs: &[PathBuf]) -> Result<Option<BTreeMap<String, f64>>> {
    if subjects.iter().all(Subject::is_of_numbers) {
        return Ok(None);
    }
    let judge = Judge::new()?;
    for (subject, dir) in subjects.iter_mut().zip(dirs) {
        if !subject.is_of_numbers() {
            note(&format!("scoring {} ...", subject.name));
            subject.shown = Some(shown(dir, &judge).map_err(|error| format!("{error:#}")));
        }
    }
    Ok(Some(judge.real()?.named()))
}

/// What the generator of a run's best checkpoint shows.
fn shown(dir: &Path, judge: &Judge) -> Result<Shown> {
    let duel = runs::best(dir)?;
    let generator = Generator::load(&export(&duel, BTreeMap::new(), Weights::Single)?.onnx)?;
    let images = samples::scored(&generator)?;
    let train = Dataset::of(&duel.recipe).map_err(|error| error.to_string());
    Ok(Shown {
        step: duel.step,
        scores: judge.score(&images)?.named(),
        nearest: train.map(|train| {
            let (picture, found) = nearest::beside(&samples::shown(&images), &train);
            let apart: f64 = found.iter().map(|found| f64::from(found.squared).sqrt()).sum();
            (picture, apart / found.len() as f64)
        }),
        interpolation: samples::interpolation(&generator)?,
    })
}
