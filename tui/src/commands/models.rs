//! `duel models`: the generators that ship with duel, or one by its name or file.

use anyhow::{Context, Result};
use clap::Args;
#[cfg(feature = "train")]
use clap_complete::engine::ArgValueCompleter;
use duel_models::{SHIPPED, score_digits};
use duel_runtime::Generator;

use super::model;
#[cfg(feature = "train")]
use super::trainer::completions::models;
use crate::term::output::print;

/// Arguments of `duel models`.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// A shipped model, a run, or what `duel export` wrote: an ONNX file, or its directory [default: all that are
    /// shipped].
    #[arg(value_name = "NAME|RUN|PATH")]
    #[cfg_attr(feature = "train", arg(add = ArgValueCompleter::new(models)))]
    model: Option<String>,
}

/// Lists the generators, each with its card.
pub fn run(args: ModelsArgs) -> Result<()> {
    match args.model {
        Some(name) => show(&name, &model::read(&name)?),
        None => SHIPPED.iter().try_for_each(|shipped| show(shipped.name, shipped.onnx)),
    }
}

fn show(name: &str, onnx: &[u8]) -> Result<()> {
    let generator = Generator::load(onnx).with_context(|| name.to_owned())?;
    print(&format!("{name} ({} kB)\n", onnx.len() / 1000))?;
    let mut card = generator.card().clone();
    let [scores, real] = [std::mem::take(&mut card.scores), std::mem::take(&mut card.real)];
    let mut facts = card.to_map();
    if !card.class_names.is_empty() {
        facts.insert("duel.class_names".into(), card.class_names.join(", "));
    }
    let facts = facts.into_iter().map(|(key, value)| (key.trim_start_matches("duel.").to_owned(), value));
    let scores = scores.into_iter().map(|(name, score)| {
        let digits = score_digits(&name);
        let real = real.get(&name).map_or_else(String::new, |real| format!(" (real {real:.digits$})"));
        (name, format!("{score:.digits$}{real}"))
    });
    for (name, value) in facts.chain(scores) {
        print(&format!("  {:14} {value}\n", name.replace('_', " ")))?;
    }
    Ok(())
}
