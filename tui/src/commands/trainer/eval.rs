//! `duel eval`: scores of generated pictures.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, stderr},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use duel_models::{picture::png, shipped};
use duel_runtime::{Generator, picture::to_bytes};
use duel_trainer::{
    data::{
        self, DataError, DataSet, Images, Split,
        mnist::{self, SHAPE},
    },
    export::{Weights, export},
    gan::Duel,
    metrics::{
        cas::{self, TRAINING_SET},
        nearest, parzen,
        scores::{Judge, LEAST, SAMPLES, Scores},
        similarity::can_score,
        verdicts::Verdicts,
    },
};

use crate::{
    files::write,
    generators::by_name,
    runs::{decoding, find, restore, samples},
    term::output::{note, print},
};

/// Arguments of `duel eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// A run (a directory, or a name under ./runs), a shipped model, an ONNX file that `duel export` wrote, or a
    /// directory of IDX files that `duel sample` wrote.
    target: String,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
    /// Add the classification accuracy score (CAS): train a classifier on 60,000 generated digits, and test it on the
    /// test images; takes minutes.
    #[arg(long)]
    cas: bool,
    /// Write nearest.png, samples above their nearest training images, and interpolation.png, rows from one latent to
    /// another.
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
}

/// Scores 10,000 samples against the test images, and prints each score beside that of real images. For data that
/// the classifier does not know, prints only the discriminator's verdicts.
pub fn run(args: EvalArgs) -> Result<()> {
    let subject = Subject::find(&args.target)?;
    let scorable = subject.is_scorable();
    ensure!(scorable || !args.cas, "--cas: {}", unscorable(&args.target, &subject.data_name()));
    if stderr().is_terminal() {
        note(match (args.cas, scorable) {
            (true, _) => "scoring takes some minutes",
            (false, true) => "scoring takes half a minute",
            (false, false) => "drawing 10,000 samples",
        });
    }
    let training_set = if args.cas { Some(subject.cas_training_set(&args.target)?) } else { None };
    let images = subject.images()?;
    // Models and files need training images for the pictures alone.
    let data = match (&subject, &args.pictures) {
        (Subject::Run(..), _) | (_, Some(_)) => subject.load_data(),
        (_, None) => None,
    };
    if let Some(dir) = &args.pictures {
        write_pictures(&images, subject.generator(), data.as_ref().map(|[train, _]| train), dir)?;
    }
    let report = Report {
        target: args.target,
        data: subject.data_name(),
        count: images.len(),
        scores: if scorable { Some(Comparison::compute(&images, training_set)?) } else { None },
        verdicts: subject.verdicts(&images, data.as_ref())?,
    };
    print(&if args.json { report.json() } else { report.text() })
}

/// The name of the score that `--cas` adds.
const CAS: &str = "classification_accuracy";

/// A caution about the Parzen window score, after Theis et al. 2016.
const WEAKNESS: &str =
    "a weak measure: the window is wider than a digit's details, copies score high, and good samples may score low";

/// Says that pictures of these data have no scores, and why.
fn unscorable(target: &str, data: &str) -> String {
    format!(
        "no scores for {target}: its data are {data}, and the classifier behind the scores knows MNIST's digits alone"
    )
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
            let export = export(&duel, BTreeMap::new(), Weights::Single)?;
            return Ok(Self::Run(Box::new(duel), Generator::load(&export.onnx)?));
        }
        if path.is_dir() {
            return from_files(target, path).map(Self::Files);
        }
        Ok(Self::Model(match shipped(target) {
            Some(shipped) => Generator::load(shipped.onnx)?,
            None => Generator::load(&by_name::read(target)?).with_context(|| target.to_owned())?,
        }))
    }

    /// Tells whether the classifier of MNIST's digits may score the images.
    fn is_scorable(&self) -> bool {
        match self {
            Self::Run(duel, _) => can_score(&duel.recipe),
            Self::Model(generator) => generator.card().data == "mnist" && generator.card().shape == SHAPE,
            Self::Files(data) => data.shape == SHAPE,
        }
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

    fn images(&self) -> Result<Images> {
        match self {
            Self::Run(_, generator) | Self::Model(generator) => samples::scored(generator),
            Self::Files(data) => Ok(Images::slice(data, 0..data.len().min(SAMPLES))),
        }
    }

    /// Returns labelled images on which the CAS classifier is trained.
    fn cas_training_set(&self, target: &str) -> Result<DataSet> {
        let data = match self {
            Self::Run(_, generator) | Self::Model(generator) => {
                let mut data = DataSet::new(generator.card().shape, Vec::new(), Vec::new());
                for images in samples::by_thousands(generator, TRAINING_SET) {
                    let images = images?;
                    data.images.extend(to_bytes(&images.values));
                    data.labels.extend(images.labels);
                }
                data
            }
            Self::Files(data) => first(data.clone(), TRAINING_SET),
        };
        let labelled = !data.labels.is_empty();
        ensure!(
            labelled,
            "--cas: a classifier learns from labelled digits, and {target} has no labels: leave --cas out"
        );
        Ok(data)
    }

    /// Loads the training and test images of a run, or those of MNIST for a model or files of digits. Returns none for
    /// other models and files. If the images cannot be read, prints a note and returns none.
    fn load_data(&self) -> Option<[DataSet; 2]> {
        let Self::Run(duel, _) = self else {
            return self.is_scorable().then(|| [mnist::load(Split::Train), mnist::load(Split::Test)]);
        };
        let load = || {
            let (recipe, train) = decoding::with_bar(|progress| data::load_training(duel.recipe.clone(), progress))?;
            let test = decoding::with_bar(|progress| data::load_test(&recipe, progress))?;
            Ok::<_, DataError>(train.zip(test).map(|(train, test)| [train, test]))
        };
        load().unwrap_or_else(|why| {
            note(&format!("duel: no verdicts of the discriminator: {why}"));
            None
        })
    }

    /// Returns the discriminator's verdicts on training images, test images and samples; none without a discriminator
    /// or its data.
    fn verdicts(&self, images: &Images, data: Option<&[DataSet; 2]>) -> Result<Option<Verdicts>> {
        match (self, data) {
            (Self::Run(duel, _), Some([train, test])) => Ok(Some(Verdicts::collect(duel, [train, test], images)?)),
            _ => Ok(None),
        }
    }
}

/// Loads the images that `duel sample` wrote.
fn from_files(target: &str, dir: &Path) -> Result<DataSet> {
    let data = match data::load_generated(dir) {
        Err(DataError::Missing { file, .. }) => {
            bail!("{target} is no run, and has no {file} as `duel sample --out DIR` writes it: give one or the other")
        }
        data => data?,
    };
    ensure!(data.len() >= LEAST, "{target} has {} images: scores need at least {LEAST}, better {SAMPLES}", data.len());
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
        write::replace(&dir.join("nearest.png"), &png(&nearest))?;
    }
    if let Some(generator) = generator {
        write::replace(&dir.join("interpolation.png"), &png(&samples::interpolation(generator)?))?;
    }
    Ok(())
}

/// The scores of some images beside those of real ones, by name.
struct Comparison {
    scores: BTreeMap<String, f64>,
    real: BTreeMap<String, f64>,
    classifier: String,
}

impl Comparison {
    fn compute(images: &Images, training_set: Option<DataSet>) -> Result<Self> {
        let judge = Judge::new()?;
        let (mut scores, mut real) = (judge.score(images)?.named(), judge.real()?.named());
        if let Some(training_set) = training_set {
            let equally_many = first(mnist::load(Split::Train), training_set.len());
            scores.insert(CAS.to_owned(), cas::score(&training_set)?);
            real.insert(CAS.to_owned(), cas::score(&equally_many)?);
        }
        Ok(Self { scores, real, classifier: judge.hash().to_owned() })
    }
}

/// What `duel eval` prints.
struct Report {
    target: String,
    data: String,
    count: usize,
    scores: Option<Comparison>,
    verdicts: Option<Verdicts>,
}

impl Report {
    fn json(&self) -> String {
        let mut line = serde_json::json!({ "target": self.target, "images": self.count, "seed": samples::SEED });
        match &self.scores {
            Some(Comparison { scores, real, classifier }) => {
                let paper: BTreeMap<&str, [f64; 2]> =
                    parzen::PAPER.map(|(model, mean, error)| (model, [mean, error])).into();
                line["classifier"] = serde_json::json!(classifier);
                line["scores"] = serde_json::json!(scores);
                line["real"] = serde_json::json!(real);
                line["parzen_of_the_paper"] = serde_json::json!(paper);
                line["parzen_weakness"] = serde_json::json!(WEAKNESS);
            }
            None => line["no_scores"] = serde_json::json!(unscorable(&self.target, &self.data)),
        }
        if let Some(verdicts) = &self.verdicts {
            line["discriminator"] = serde_json::json!(verdicts.named());
        }
        format!("{line}\n")
    }

    fn text(&self) -> String {
        let scores = match &self.scores {
            Some(comparison) => self.table(comparison),
            None => unscorable(&self.target, &self.data) + ".\n",
        };
        scores + &self.verdicts.map_or_else(String::new, verdicts_in_words)
    }

    fn table(&self, Comparison { scores, real, classifier }: &Comparison) -> String {
        let mut text = format!("{}: {} images against the 10,000 test images\n\n", self.target, self.count);
        if self.count < SAMPLES {
            text += "Scores of fewer than 10,000 images are biased: compare only with scores of equally many.\n\n";
        }
        text += &format!("{:23} {:>9} {:>9}   {}\n", "", "here", "real", "best");
        for (name, best) in Scores::MEASURES {
            let shown = |scores: &BTreeMap<String, f64>| {
                scores.get(*name).map_or("-".to_owned(), |score| format!("{score:.3}"))
            };
            if *name != CAS || scores.contains_key(CAS) {
                text += &format!("{:23} {:>9} {:>9}   {best}\n", name.replace('_', " "), shown(scores), shown(real));
            }
        }
        text += &format!("\nreal: 10,000 training images. Classifier {}.\n", &classifier[..16]);
        let paper = parzen::PAPER.map(|(model, mean, error)| format!("{model} {mean} ± {error}"));
        text + &format!("parzen, in nats: {WEAKNESS}.\nIn the paper of 2014: {}.\n", paper.join(", "))
    }
}

/// Describes a discriminator's verdicts.
fn verdicts_in_words(verdicts: Verdicts) -> String {
    let [train_test, train_generated, test_generated] = verdicts.pairs.map(|share| format!("{:.1} %", 100.0 * share));
    let means = match verdicts.means {
        Some([train, test, generated]) => format!(
            "mean D(x) is {train:.3} for training images, {test:.3} for test images, {generated:.3} for generated ones"
        ),
        None => "it judges pairs of images, so D(x) of one image has no meaning".to_owned(),
    };
    format!(
        "\nThe run's discriminator: {means}.\nIt finds a training image more real than a test image in {train_test} of pairs, a training \
         image more real\nthan a generated one in {train_generated}, a test image more real than a generated one in {test_generated}; 50 % is \
         chance.\n"
    )
}
