//! `duel eval`: how good are the digits?

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;
use duel_models::{grid::png, shipped};
use duel_runtime::{Generator, Samples};
use duel_trainer::{
    dataset::{Dataset, Split},
    evaluate::{Images, Judge, SAMPLES, Scores, nearest},
    export::{Weights, export},
};

use super::{export::best, report};
use crate::{files, model, output::print};

/// The seed of the samples that are scored.
pub const SEED: u64 = 2014;

/// Samples that are drawn at a time.
const CHUNK: u64 = 1000;

/// Arguments of `duel eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// A run directory, a shipped model, an ONNX file that `duel export` wrote, or a directory of IDX files that `duel sample` wrote.
    target: String,
    /// One line of JSON.
    #[arg(long)]
    json: bool,
    /// Also draw nearest.png, samples above their nearest training images, and interpolation.png, rows from one latent to another.
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
}

/// Scores 10,000 samples against the test images, each measure beside what other real images score.
pub fn run(args: EvalArgs) -> Result<()> {
    let Drawn { images, generator } = drawn(&args.target)?;
    if let Some(dir) = &args.pictures {
        pictures(&images, generator.as_ref(), dir)?;
    }
    let judge = Judge::new()?;
    let (scores, real) = (judge.score(&images)?, judge.real()?);
    if args.json {
        let line = serde_json::json!({
            "target": args.target, "images": images.len(), "seed": SEED, "classifier": judge.hash(),
            "scores": scores.named(), "real": real.named(),
        });
        return print(&format!("{line}\n"));
    }
    print(&table(&args.target, images.len(), &scores, &real, judge.hash()))
}

/// The scores of a generator, by name.
pub fn score(generator: &Generator) -> Result<BTreeMap<String, f64>> {
    let images = draw(generator)?;
    Ok(Judge::new()?.score(&images)?.named())
}

/// What is scored, and the generator that drew it if there is one.
struct Drawn {
    images: Images,
    generator: Option<Generator>,
}

fn drawn(target: &str) -> Result<Drawn> {
    let path = Path::new(target);
    let generator = if path.join("recipe.toml").exists() {
        Generator::load(&export(&best(path)?, BTreeMap::new(), Weights::Single)?.onnx)?
    } else if path.is_dir() {
        let data = Dataset::drawn(path)?;
        return Ok(Drawn { images: Images::of(&data, 0..data.len().min(SAMPLES)), generator: None });
    } else {
        match shipped(target) {
            Some(shipped) => Generator::load(shipped.onnx)?,
            None => Generator::load(&model::read(target)?).with_context(|| target.to_owned())?,
        }
    };
    Ok(Drawn { images: draw(&generator)?, generator: Some(generator) })
}

/// Writes the pictures that tell more than a score.
fn pictures(images: &Images, generator: Option<&Generator>, dir: &Path) -> Result<()> {
    let (nearest, _) = nearest::beside(&report::some(images), &Dataset::mnist(Split::Train));
    files::replace(&dir.join("nearest.png"), &png(&nearest))?;
    if let Some(generator) = generator {
        files::replace(&dir.join("interpolation.png"), &png(&report::interpolation(generator)?))?;
    }
    Ok(())
}

/// The 10,000 samples that are scored.
pub fn draw(generator: &Generator) -> Result<Images> {
    let mut images = Images { values: Vec::new(), labels: Vec::new() };
    for start in (0..SAMPLES as u64).step_by(CHUNK as usize) {
        let samples = Samples::of(generator.card(), SEED, start..start + CHUNK, None);
        images.values.extend(generator.draw(&samples.latents, &samples.labels)?);
        images.labels.extend(samples.labels);
    }
    Ok(images)
}

fn table(target: &str, count: usize, scores: &Scores, real: &Scores, hash: &str) -> String {
    let (scores, real) = (scores.named(), real.named());
    let mut text = format!("{target}: {count} images against the 10,000 test images\n\n");
    text += &format!("{:22} {:>9} {:>9}   {}\n", "", "here", "real", "best");
    for (name, best) in Scores::MEASURES {
        let shown =
            |scores: &BTreeMap<String, f64>| scores.get(*name).map_or("-".to_owned(), |score| format!("{score:.3}"));
        text += &format!("{:22} {:>9} {:>9}   {best}\n", name.replace('_', " "), shown(&scores), shown(&real));
    }
    text + &format!("\nreal: 10,000 training images. Classifier {}.\n", &hash[..16])
}
