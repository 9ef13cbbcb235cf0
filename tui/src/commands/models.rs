//! `duel models`: the generators that ship with duel.

use anyhow::Result;
use clap::Args;
use duel_models::SHIPPED;
use duel_runtime::Generator;

use crate::term::output::print;

/// Arguments of `duel models`.
#[derive(Debug, Args)]
pub struct ModelsArgs {}

/// Lists the shipped generators, each with its card.
pub fn run(_: ModelsArgs) -> Result<()> {
    for shipped in SHIPPED {
        let generator = Generator::load(shipped.onnx)?;
        print(&format!("{} ({} kB)\n", shipped.name, shipped.onnx.len() / 1000))?;
        let mut card = generator.card().clone();
        let scores = std::mem::take(&mut card.scores);
        let facts = card.to_map().into_iter().map(|(key, value)| (key.trim_start_matches("duel.").to_owned(), value));
        let scores = scores.into_iter().map(|(name, score)| (name, format!("{score:.3}")));
        for (name, value) in facts.chain(scores) {
            print(&format!("  {:14} {value}\n", name.replace('_', " ")))?;
        }
    }
    Ok(())
}
