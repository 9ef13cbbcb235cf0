//! `duel eval`: scores of generated pictures.

mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use duel_models::{picture::png, shipped};
use duel_runtime::{Generator, picture::to_bytes};
use duel_trainer::{
    data::{self, DataError, DataSet, Images, SCORED_LEAST, SILENT, mnist::SHAPE},
    gan::Duel,
    metrics::{
        cas::{self, TRAINING_SET},
        modes::{self, Modes},
        nearest,
        similarity::SAMPLES,
        verdicts::Verdicts,
    },
    recipe::{Recipe, Source},
};

use self::report::{CAS, Comparison, Report};
use super::completions::models;
use crate::{
    commands::model,
    files::write,
    runs::{
        decoding,
        exam::{self, Prepared},
        find, restore, samples, sources,
    },
    term::output::{note, print},
};

/// Arguments of `duel eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// A run (a directory, or a name under ./runs), a shipped model, an ONNX file or directory that `duel export` wrote, or a
    /// directory of IDX files that `duel sample` wrote.
    #[arg(add = ArgValueCompleter::new(models))]
    target: String,
    /// The data to compare with, for a model or for files [default: those that are named in the model's card, if they
    /// are bundled; for files of 28x28 grey pixels mnist].
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
    /// Add the classification accuracy score (CAS): train a classifier on as many generated pictures as there are
    /// training pictures, 60,000 at most, and test it on the test pictures; takes minutes.
    #[arg(long)]
    cas: bool,
    /// Write nearest.png, samples above their nearest training images, and interpolation.png, rows from one latent to
    /// another.
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Replace files of --pictures that exist.
    #[arg(long, requires = "pictures")]
    force: bool,
}

/// The files of `--pictures`.
const NEAREST: &str = "nearest.png";
const INTERPOLATION: &str = "interpolation.png";

/// Scores samples against the test pictures of their data, and prints each score beside that of real pictures. Where
/// there is nothing to compare with, says why, and prints only the discriminator's verdicts.
pub fn run(args: EvalArgs) -> Result<()> {
    if let Some(dir) = &args.pictures {
        write::must_be_directory("--pictures", dir)?;
        write::must_be_free([NEAREST, INTERPOLATION].map(|name| dir.join(name)), "", args.force)?;
    }
    let subject = Subject::find(&args.target)?;
    ensure!(
        !args.cas || subject.is_labelled(),
        "--cas: a classifier learns from labelled pictures, and {} has no labels: leave --cas out",
        args.target
    );
    let recipe = subject.recipe(args.data.as_deref())?;
    let unscored = |why: String| format!("no scores for {}: {why}", args.target);
    let prepared = match &recipe {
        Some(recipe) => exam::prepare(recipe).map_err(|why| unscored(format!("{why:#}"))),
        None => Err(unscored(format!("its data are {}: name them with --data PATH", subject.data_name()))),
    };
    if let (Err(why), true) = (&prepared, args.cas) {
        bail!("--cas: {why}");
    }
    let count = prepared.as_ref().map_or(SAMPLES, |prepared| prepared.exam.count());
    let training_set = match &prepared {
        Ok(prepared) if args.cas => Some(subject.cas_training_set(prepared.exam.train().len())?),
        _ => None,
    };
    let images = subject.images(count)?;
    let verdicts = subject.verdicts(&images)?;
    if let Some(dir) = &args.pictures {
        let train = prepared.as_ref().ok().map(|prepared| prepared.exam.train());
        write_pictures(&images, subject.generator(), train, dir)?;
    }
    let report = Report {
        count: images.len(),
        scores: match prepared {
            Ok(prepared) => {
                let words = if args.cas { "scoring, which takes some minutes" } else { "scoring" };
                Ok(decoding::with_spinner(words, || subject.compare(&images, &prepared, training_set.as_ref()))?)
            }
            Err(why) => Err(why),
        },
        target: args.target,
        verdicts,
    };
    print(&if args.json { report.json() } else { report.text() })
}

/// The images that are scored.
enum Subject {
    /// Samples of a run's generator; the run's discriminator judges them, too.
    Run(Box<Duel>, Generator),
    /// Samples of a model.
    Model(Generator),
    /// Images from files.
    Files(DataSet),
}

impl Subject {
    fn find(target: &str) -> Result<Self> {
        let path = Path::new(target);
        // A shipped model takes precedence over a run of its name under ./runs.
        let run = if shipped(target).is_some() { path.to_owned() } else { find::named(path) };
        if find::is_run(&run) {
            let duel = restore::best(&run)?;
            let generator = Generator::load(&restore::onnx(&duel)?)?;
            return Ok(Self::Run(Box::new(duel), generator));
        }
        if path.is_dir() && !model::is_export(path) {
            return from_files(target, path).map(Self::Files);
        }
        Ok(Self::Model(Generator::load(&model::read(target)?).with_context(|| target.to_owned())?))
    }

    /// Returns a recipe of the data to compare with: those of a run, those that `--data` names, or bundled ones. None if
    /// nobody says which data it is.
    fn recipe(&self, named: Option<&Path>) -> Result<Option<Recipe>> {
        let (shape, bundled) = match self {
            Self::Run(duel, _) => {
                ensure!(named.is_none(), "--data: a run is compared with the data that it trained on");
                return Ok(Some(duel.recipe.clone()));
            }
            Self::Model(generator) => (generator.card().shape, Source::bundled(&generator.card().data)),
            Self::Files(data) => (data.shape, (data.shape == SHAPE).then_some(Source::Mnist)),
        };
        let recipe = Recipe::default();
        let recipe = match (named, bundled) {
            (Some(path), _) => sources::named(recipe, path)?,
            (None, Some(source)) => recipe.with_data(&source.to_string())?,
            (None, None) => return Ok(None),
        };
        let colour = if shape.channels == 1 { "grey" } else { "colour" };
        let fitting = [format!("data.size={}x{}", shape.height, shape.width), format!("data.colour={colour}")];
        let (recipe, _) = decoding::with_bar(|progress| data::load_training(recipe.with(&fitting)?, progress))?;
        let theirs = recipe.shape();
        ensure!(theirs == Some(shape), "{} has other pictures than {shape}", recipe.data.source);
        Ok(Some(recipe))
    }

    /// Names the data that the generator learned from.
    fn data_name(&self) -> String {
        match self {
            Self::Run(duel, _) => duel.recipe.data.source.to_string(),
            Self::Model(generator) => format!("pictures of {} from {}", generator.card().shape, generator.card().data),
            Self::Files(data) => format!("pictures of {}", data.shape),
        }
    }

    fn generator(&self) -> Option<&Generator> {
        match self {
            Self::Run(_, generator) | Self::Model(generator) => Some(generator),
            Self::Files(_) => None,
        }
    }

    fn images(&self, count: usize) -> Result<Images> {
        match self {
            Self::Run(_, generator) | Self::Model(generator) => samples::scored(generator, count),
            Self::Files(data) => Ok(Images::slice(data, 0..data.len().min(SAMPLES))),
        }
    }

    /// Scores the images and equally many real ones.
    fn compare(&self, images: &Images, prepared: &Prepared, training_set: Option<&DataSet>) -> Result<Comparison> {
        let Prepared { exam, test, source, classes } = prepared;
        let (mut scores, mut real) = (exam.score(images)?.named(), exam.real(images.len())?.named());
        if let (Source::StackedMnist, Some(generator)) = (source, self.generator()) {
            let train = exam.train();
            let starts = (0..modes::SAMPLES).step_by(1_000);
            let real_images = starts.map(|start| Ok(Images::slice(train, start..start + 1_000)));
            scores.extend(modes(samples::by_thousands(generator, modes::SAMPLES))?);
            real.extend(modes(real_images)?);
        }
        if let Some(training_set) = training_set {
            let equally_many = first(exam.train().clone(), training_set.len());
            scores.insert(CAS.to_owned(), cas::score(training_set, source, *classes, test)?);
            real.insert(CAS.to_owned(), cas::score(&equally_many, source, *classes, test)?);
        }
        let (judge, tests, reals) = (exam.judge(), exam.tests(), images.len().min(exam.train().len()));
        let (name, hash) = (judge.name.clone(), judge.hash.clone());
        Ok(Comparison { scores, real, name, hash, tests, reals, data: source.name(), mnist: *source == Source::Mnist })
    }

    fn is_labelled(&self) -> bool {
        match self {
            Self::Run(_, generator) | Self::Model(generator) => generator.card().classes > 0,
            Self::Files(data) => !data.labels.is_empty(),
        }
    }

    /// Returns labelled images on which the CAS classifier is trained: as many as there are training images, or as files
    /// hold.
    fn cas_training_set(&self, training: usize) -> Result<DataSet> {
        let count = training.min(TRAINING_SET);
        Ok(match self {
            Self::Run(_, generator) | Self::Model(generator) => {
                let mut data = DataSet::new(generator.card().shape, Vec::new(), Vec::new());
                for images in samples::by_thousands(generator, count) {
                    let images = images?;
                    data.images.extend(to_bytes(&images.values));
                    data.labels.extend(images.labels);
                }
                data
            }
            Self::Files(data) => first(data.clone(), count),
        })
    }

    /// Returns the verdicts of a run's discriminator on training images, test images and samples; none without a
    /// discriminator or its data.
    fn verdicts(&self, images: &Images) -> Result<Option<Verdicts>> {
        let Self::Run(duel, _) = self else { return Ok(None) };
        let load = || {
            let (recipe, train) = data::load_training(duel.recipe.clone(), SILENT)?;
            Ok::<_, DataError>(train.zip(data::load_test(&recipe, SILENT)?))
        };
        match load() {
            Ok(Some((_, test))) if duel.recipe.classes() > 0 && test.labels.is_empty() => {
                let why = "the test pictures have no labels, which it was trained with";
                note(&format!("duel: no verdicts of the discriminator: {why}"));
                Ok(None)
            }
            Ok(Some((train, test))) => Ok(Some(Verdicts::collect(duel, [&train, &test], images)?)),
            Ok(None) => Ok(None),
            Err(why) => {
                note(&format!("duel: no verdicts of the discriminator: {why}"));
                Ok(None)
            }
        }
    }
}

/// The modes of stacked MNIST that pictures show, by name of the score.
fn modes(images: impl Iterator<Item = Result<Images>>) -> Result<[(String, f64); 2]> {
    let mut modes = Modes::new()?;
    for images in images {
        modes.add(&images?)?;
    }
    Ok([("modes".to_owned(), modes.covered() as f64), ("modes_kl".to_owned(), modes.divergence())])
}

/// Loads the images that `duel sample` wrote.
fn from_files(target: &str, dir: &Path) -> Result<DataSet> {
    let data = match data::load_generated(dir) {
        Err(DataError::Missing { file, .. }) => {
            bail!("{target} is no run, and has no {file} as `duel sample --out DIR` writes it: give one or the other")
        }
        data => data?,
    };
    let there = data.len();
    ensure!(
        there >= SCORED_LEAST,
        "{target} has {there} images: scores need at least {SCORED_LEAST}, better {SAMPLES}"
    );
    Ok(data)
}

fn first(mut data: DataSet, count: usize) -> DataSet {
    data.images.truncate(count * data.shape.size());
    data.labels.truncate(count);
    data
}

/// Writes the pictures of `--pictures`; without training images the interpolation alone.
fn write_pictures(images: &Images, generator: Option<&Generator>, train: Option<&DataSet>, dir: &Path) -> Result<()> {
    if let Some(train) = train.filter(|train| train.shape.size() == images.size) {
        let (nearest, _) = nearest::beside(&samples::shown(images), train);
        write::replace(&dir.join(NEAREST), &png(&nearest))?;
    }
    if let Some(generator) = generator {
        write::replace(&dir.join(INTERPOLATION), &png(&samples::interpolation(generator)?))?;
    }
    Ok(())
}
