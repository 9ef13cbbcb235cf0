//! `duel models`: the generators that ship with duel.

use anyhow::Result;
use clap::Args;
use duel_models::SHIPPED;
use duel_runtime::Generator;

use crate::output::print;

/// Arguments of `duel models`.
#[derive(Debug, Args)]
pub struct ModelsArgs {}

/// Lists what is shipped, each with its card.
pub fn run(_: ModelsArgs) -> Result<()> {
    for shipped in SHIPPED {
        let generator = Generator::load(shipped.onnx)?;
        print(&format!("{} ({} kB)\n", shipped.name, shipped.onnx.len() / 1000))?;
        for (key, value) in generator.card().to_map() {
            print(&format!("  {:12} {value}\n", key.trim_start_matches("duel.")))?;
        }
    }
    Ok(())
}
