//! `duel eval`: how good are the digits?

use std::{
    collections::BTreeMap,
    io::{IsTerminal, stderr},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use duel_models::{PIXELS, grid::png, shipped};
use duel_runtime::{Generator, to_bytes};
use duel_trainer::{
    dataset::{Dataset, DatasetError, Split},
    duel::Duel,
    evaluate::{
        Images, Judge, LEAST, SAMPLES, Scores,
        learning::{self, LEARNED},
        nearest,
        opinion::Opinion,
        parzen,
    },
    export::{Weights, export},
};

use crate::{
    files, model,
    output::{note, print},
    runs, samples,
};

/// Arguments of `duel eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// A run (a directory, or a name under ./runs), a shipped model, an ONNX file that `duel export` wrote, or a directory of IDX files that `duel sample` wrote.
    target: String,
    /// One line of JSON.
    #[arg(long)]
    json: bool,
    /// Also the classification accuracy score: a classifier learns from 60,000 drawn digits alone, and reads the test images; minutes.
    #[arg(long)]
    cas: bool,
    /// Also draw nearest.png, samples above their nearest training images, and interpolation.png, rows from one latent to another.
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
}

/// Scores 10,000 samples against the test images, each measure beside what other real images score.
pub fn run(args: EvalArgs) -> Result<()> {
    let subject = Subject::find(&args.target)?;
    if stderr().is_terminal() {
        note(if args.cas { "scoring takes some minutes" } else { "scoring takes half a minute" });
    }
    let lessons = if args.cas { Some(subject.lessons(&args.target)?) } else { None };
    let images = subject.images()?;
    if let Some(dir) = &args.pictures {
        pictures(&images, subject.generator(), dir)?;
    }
    let judge = Judge::new()?;
    let (mut scores, mut real) = (judge.score(&images)?.named(), judge.real()?.named());
    if let Some(lessons) = lessons {
        scores.insert(LEARNING.to_owned(), learning::score(&lessons)?);
        real.insert(LEARNING.to_owned(), learning::score(&first(Dataset::mnist(Split::Train), lessons.len()))?);
    }
    let opinion = subject.opinion(&images)?;
    if args.json {
        let paper: BTreeMap<&str, [f64; 2]> = parzen::PAPER.map(|(what, mean, error)| (what, [mean, error])).into();
        let mut line = serde_json::json!({
            "target": args.target, "images": images.len(), "seed": samples::SEED, "classifier": judge.hash(),
            "scores": scores, "real": real, "parzen_of_the_paper": paper, "parzen_weakness": WEAKNESS,
        });
        if let Some(opinion) = opinion {
            line["discriminator"] = serde_json::json!(opinion.named());
        }
        return print(&format!("{line}\n"));
    }
    let table = table(&args.target, images.len(), &scores, &real, judge.hash());
    print(&(table + &opinion.map_or_else(String::new, said)))
}

/// The name of the score that `--cas` adds.
const LEARNING: &str = "classification_accuracy";

/// Why the Parzen window is not all that is shown: Theis et al. 2016.
const WEAKNESS: &str =
    "a weak measure: the window is wider than a digit's details, copies score high, and good samples may score low";

/// What is scored.
enum Subject {
    /// What a run's generator draws; and the run, for its discriminator.
    Run(Box<Duel>, Generator),
    /// What a model draws.
    Model(Generator),
    /// Images that something drew.
    Drawn(Dataset),
}

impl Subject {
    fn find(target: &str) -> Result<Self> {
        let path = Path::new(target);
        // A shipped model is meant before a run of its name under ./runs.
        let run = if shipped(target).is_some() { path.to_owned() } else { runs::named(path) };
        if runs::is_run(&run) {
            let duel = runs::best(&run)?;
            let export = export(&duel, BTreeMap::new(), Weights::Single)?;
            return Ok(Self::Run(Box::new(duel), Generator::load(&export.onnx)?));
        }
        if path.is_dir() {
            let drawn = match Dataset::drawn(path) {
                Err(DatasetError::Missing { file, .. }) => {
                    bail!(
                        "{target} is no run, and has no {file} as `duel sample --out DIR` writes it: name one or the other"
                    )
                }
                drawn => drawn?,
            };
            ensure!(
                drawn.len() >= LEAST,
                "{target} has {} images: scores take {LEAST} at least, best {SAMPLES}",
                drawn.len()
            );
            return Ok(Self::Drawn(drawn));
        }
        Ok(Self::Model(match shipped(target) {
            Some(shipped) => Generator::load(shipped.onnx)?,
            None => Generator::load(&model::read(target)?).with_context(|| target.to_owned())?,
        }))
    }

    fn generator(&self) -> Option<&Generator> {
        match self {
            Self::Run(_, generator) | Self::Model(generator) => Some(generator),
            Self::Drawn(_) => None,
        }
    }

    fn images(&self) -> Result<Images> {
        match self {
            Self::Run(_, generator) | Self::Model(generator) => samples::scored(generator),
            Self::Drawn(data) => Ok(Images::of(data, 0..data.len().min(SAMPLES))),
        }
    }

    /// Images with labels for a classifier to learn from.
    fn lessons(&self, target: &str) -> Result<Dataset> {
        let data = match self {
            Self::Run(_, generator) | Self::Model(generator) if generator.card().classes > 0 => {
                let mut data = Dataset::default();
                for images in samples::by_thousands(generator, LEARNED) {
                    let Images { values, labels } = images?;
                    data.images.extend(to_bytes(&values));
                    data.labels.extend(labels);
                }
                data
            }
            Self::Drawn(data) => first(data.clone(), LEARNED),
            _ => Dataset::default(),
        };
        let told = !data.labels.is_empty();
        ensure!(told, "--cas: a classifier learns from digits with labels, and {target} has none: leave --cas out");
        Ok(data)
    }

    /// What the discriminator of a run makes of its training images, of test images and of what was drawn.
    fn opinion(&self, images: &Images) -> Result<Option<Opinion>> {
        let Self::Run(duel, _) = self else { return Ok(None) };
        let data = || Ok::<_, DatasetError>((Dataset::of(&duel.recipe)?, Dataset::test_of(&duel.recipe)?));
        match data() {
            Ok((train, test)) => Ok(Some(Opinion::of(duel, [&train, &test], images)?)),
            Err(why) => {
                note(&format!("duel: no D(x): {why}"));
                Ok(None)
            }
        }
    }
}

fn first(mut data: Dataset, count: usize) -> Dataset {
    data.images.truncate(count * PIXELS);
    data.labels.truncate(count);
    data
}

/// Writes the pictures that tell more than a score.
fn pictures(images: &Images, generator: Option<&Generator>, dir: &Path) -> Result<()> {
    let (nearest, _) = nearest::beside(&samples::shown(images), &Dataset::mnist(Split::Train));
    files::replace(&dir.join("nearest.png"), &png(&nearest))?;
    if let Some(generator) = generator {
        files::replace(&dir.join("interpolation.png"), &png(&samples::interpolation(generator)?))?;
    }
    Ok(())
}

fn table(
    target: &str,
    count: usize,
    scores: &BTreeMap<String, f64>,
    real: &BTreeMap<String, f64>,
    hash: &str,
) -> String {
    let mut text = format!("{target}: {count} images against the 10,000 test images\n\n");
    if count < SAMPLES {
        text += "Fewer than 10,000 score otherwise: hold them beside as many of another, not beside the real ones.\n\n";
    }
    text += &format!("{:23} {:>9} {:>9}   {}\n", "", "here", "real", "best");
    for (name, best) in Scores::MEASURES {
        let shown =
            |scores: &BTreeMap<String, f64>| scores.get(*name).map_or("-".to_owned(), |score| format!("{score:.3}"));
        if *name != LEARNING || scores.contains_key(LEARNING) {
            text += &format!("{:23} {:>9} {:>9}   {best}\n", name.replace('_', " "), shown(scores), shown(real));
        }
    }
    text += &format!("\nreal: 10,000 training images. Classifier {}.\n", &hash[..16]);
    let paper = parzen::PAPER.map(|(what, mean, error)| format!("{what} {mean} ± {error}"));
    text + &format!("parzen, in nats: {WEAKNESS}.\nIn the paper of 2014: {}.\n", paper.join(", "))
}

/// What a discriminator says, in words.
fn said(opinion: Opinion) -> String {
    let [train_test, train_drawn, test_drawn] = opinion.pairs.map(|share| format!("{:.1} %", 100.0 * share));
    let alone = match opinion.means {
        Some([train, test, drawn]) => {
            format!("D(x) {train:.3} of training images, {test:.3} of test images, {drawn:.3} of drawn ones")
        }
        None => "learned to judge pairs: D of an image alone means nothing".to_owned(),
    };
    format!(
        "\nits discriminator: {alone}.\nOf two images it takes for the more real one a training image before a test image in {train_test} \
         of pairs,\na training image before a drawn one in {train_drawn}, a test image before a drawn one in {test_drawn}; 50 % if it \
         cannot tell.\n"
    )
}
