//! `duel export`: a trained generator as files that other tools read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use duel_runtime::Generator;
use duel_trainer::{
    export::{self, Export, Scored, Weights},
    gan::Duel,
};

use super::completions::runs;
use crate::{
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
    /// The directory to write.
    #[arg(long, default_value = "export")]
    out: PathBuf,
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

/// Writes generator.onnx, generator.safetensors, README.md and samples.png, after tract, and candle-onnx where it can,
/// have run the exported graph and drawn what the network draws.
pub fn run(args: ExportArgs) -> Result<()> {
    must_be_free(&args.out)?;
    let run = find::named(&args.run);
    let duel = if args.last { restore::last(&run)? } else { restore::best(&run)? };
    let weights = if args.half { Weights::Half } else { Weights::Single };
    let mut export = export::export(&duel, Scored::default(), weights)?;
    let generator = check_with_tract(&export)?;
    if args.scores {
        export = export::export(&duel, scored(&duel, &generator)?, weights)?;
    }
    let files: [(&str, &[u8]); 4] = [
        ("generator.onnx", &export.onnx),
        ("generator.safetensors", &export.safetensors),
        ("README.md", export.readme.as_bytes()),
        ("samples.png", &export.samples),
    ];
    for (name, bytes) in files {
        let path = args.out.join(name);
        write::replace(&path, bytes)?;
        print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

/// Scores a generator, and as many real pictures.
fn scored(duel: &Duel, generator: &Generator) -> Result<Scored> {
    let exam = exam::prepare(&duel.recipe).context("--scores")?.exam;
    let images = samples::scored(generator, exam.count())?;
    let (scores, real) = (exam.score(&images)?.named(), exam.real(images.len())?.named());
    Ok(Scored { judge: exam.judge().label(), scores, real })
}

/// Fails if the README.md in `out` is not a model card of duel: an export would replace it.
fn must_be_free(out: &Path) -> Result<()> {
    let readme = out.join("README.md");
    let card = |text: Vec<u8>| text.starts_with(export::CARD_BEGINS.as_bytes());
    ensure!(
        !readme.exists() || readme.is_file() && fs::read(&readme).is_ok_and(card),
        "{} is not a model card of duel, and the export would replace it: choose another --out DIR",
        readme.display()
    );
    Ok(())
}

fn check_with_tract(export: &Export) -> Result<Generator> {
    let generator = Generator::load(&export.onnx).context("tract cannot run the exported graph")?;
    let drawn = generator.draw(&export.probe.latents, &export.probe.labels)?;
    export.probe.check("tract", &drawn)?;
    Ok(generator)
}
