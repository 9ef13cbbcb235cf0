//! `duel export`: a trained generator as files that other tools read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use duel_models::files;
use duel_runtime::Generator;
use duel_trainer::{
    export::{self, Export, Scored, Weights},
    gan::Duel,
};

use super::completions::runs;
use crate::{
    commands::model,
    files::write,
    runs::{exam, find, restore, samples},
    term::output::print,
};

/// Arguments of `duel export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The run: a directory, or a name under ./runs.
    #[arg(add = ArgValueCompleter::new(runs))]
    run: PathBuf,
    /// The directory to write [default: export/RUN].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace files that are of another run, or not of `duel export`.
    #[arg(long)]
    force: bool,
    /// Export the last checkpoint instead of the one with the lowest Fréchet distance.
    #[arg(long)]
    last: bool,
    /// Score the generator as `duel eval` does, and write the scores into its card.
    #[arg(long)]
    scores: bool,
    /// Store the weights of generator.onnx in half precision: half the size, nearly the same pixels.
    #[arg(long)]
    half: bool,
}

/// Writes generator.onnx, generator.safetensors, generator.toml, README.md and samples.png, after tract, and candle-onnx
/// where it can, have run the exported graph and drawn what the network draws.
pub fn run(args: ExportArgs) -> Result<()> {
    let run = find::named(&args.run);
    let out = args.out.unwrap_or_else(|| default_out(&run));
    write::must_be_directory("--out", &out)?;
    let mark = find::mark(&run).map(|mark| format!("# The recipe of a {mark}.\n"));
    must_be_free(&out, mark.as_deref(), args.force)?;
    let duel = if args.last { restore::last(&run)? } else { restore::best(&run)? };
    let weights = if args.half { Weights::Half } else { Weights::Single };
    let mut export = export::export(&duel, Scored::default(), weights)?;
    let generator = check_with_tract(&export)?;
    if args.scores {
        export = export::export(&duel, scored(&duel, &generator)?, weights)?;
    }
    let recipe = mark.unwrap_or_default() + &export.recipe;
    let contents: [&[u8]; 5] =
        [recipe.as_bytes(), &export.onnx, &export.safetensors, export.readme.as_bytes(), &export.samples];
    for (name, bytes) in FILES.into_iter().zip(contents) {
        let path = out.join(name);
        write::replace(&path, bytes)?;
        print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

/// The files of an export, in the order in which they are written: the recipe first, because it says whose files the
/// others are.
const FILES: [&str; 5] = ["generator.toml", model::FILE, "generator.safetensors", "README.md", "samples.png"];

/// Returns export/NAME for a run directory called NAME.
fn default_out(run: &Path) -> PathBuf {
    let whole = fs::canonicalize(run).unwrap_or_else(|_| run.to_owned());
    Path::new("export").join(whole.file_name().unwrap_or("run".as_ref()))
}

/// Scores a generator, and as many real pictures.
fn scored(duel: &Duel, generator: &Generator) -> Result<Scored> {
    let exam = exam::prepare(&duel.recipe).context("--scores")?.exam;
    let images = samples::scored(generator, exam.count())?;
    let (scores, real) = (exam.score(&images)?.named(), exam.real(images.len())?.named());
    Ok(Scored { judge: exam.judge().label(), scores, real })
}

/// Fails if the export would replace files, unless they are of an earlier export of the same run: generator.toml begins
/// with `mark`, and README.md is a model card.
fn must_be_free(out: &Path, mark: Option<&str>, force: bool) -> Result<()> {
    let begins = |name: &str, text: &str| {
        let start = files::read_start(&out.join(name), text.len() as u64);
        start.is_ok_and(|start| start == text.as_bytes())
    };
    let ours = mark.is_some_and(|mark| begins("generator.toml", mark));
    let theirs = |name: &&str| !ours || *name == "README.md" && !begins(name, export::CARD_BEGINS);
    let paths: Vec<PathBuf> = FILES.iter().filter(|name| theirs(name)).map(|name| out.join(name)).collect();
    write::must_be_free(&paths, " and is not of an export of this run", force)
}

fn check_with_tract(export: &Export) -> Result<Generator> {
    let generator = Generator::load(&export.onnx).context("tract cannot run the exported graph")?;
    let drawn = generator.draw(&export.probe.latents, &export.probe.labels)?;
    export.probe.check("tract", &drawn)?;
    Ok(generator)
}
