//! `duel export RUN`: a trained generator as files that other tools read.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use duel_runtime::Generator;
use duel_trainer::export::{self, Export, Weights};

use crate::{files, output::print, runs, samples};

/// Arguments of `duel export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The run: a directory, or a name under ./runs.
    run: PathBuf,
    /// Where to write.
    #[arg(long, default_value = "export")]
    out: PathBuf,
    /// Take the last checkpoint, and not the one with the least Fréchet distance.
    #[arg(long)]
    last: bool,
    /// Score it as `duel eval` does, and write the scores into its card.
    #[arg(long)]
    scores: bool,
    /// Keep the weights of generator.onnx in half precision: half the size, nearly the same pixels.
    #[arg(long)]
    half: bool,
}

/// Writes generator.onnx, generator.safetensors, README.md and samples.png of the run's best checkpoint, or its last, once the graph
/// was run by tract, and by candle-onnx where that can, and drew what the network draws.
pub fn run(args: ExportArgs) -> Result<()> {
    must_be_free(&args.out)?;
    let run = runs::named(&args.run);
    let duel = if args.last { runs::last(&run)? } else { runs::best(&run)? };
    let weights = if args.half { Weights::Half } else { Weights::Single };
    let mut export = export::export(&duel, BTreeMap::new(), weights)?;
    let generator = check_with_tract(&export)?;
    if args.scores {
        export = export::export(&duel, samples::score(&generator)?, weights)?;
    }
    let files: [(&str, &[u8]); 4] = [
        ("generator.onnx", &export.onnx),
        ("generator.safetensors", &export.safetensors),
        ("README.md", export.readme.as_bytes()),
        ("samples.png", &export.samples),
    ];
    for (name, bytes) in files {
        let path = args.out.join(name);
        files::replace(&path, bytes)?;
        print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

/// An error if `out` is a directory whose README is no card: an export would take its place.
fn must_be_free(out: &Path) -> Result<()> {
    let readme = out.join("README.md");
    let card = |text: Vec<u8>| text.starts_with(export::CARD_BEGINS.as_bytes());
    ensure!(
        !readme.exists() || readme.is_file() && fs::read(&readme).is_ok_and(card),
        "{} is no model card that duel wrote, and would be replaced: choose another --out DIR",
        readme.display()
    );
    Ok(())
}

fn check_with_tract(export: &Export) -> Result<Generator> {
    let generator = Generator::load(&export.onnx).context("tract cannot run the exported graph")?;
    let drawn = generator.draw(&export.probe.latents, &export.probe.labels)?;
    export.probe.hold("tract", &drawn)?;
    Ok(generator)
}
