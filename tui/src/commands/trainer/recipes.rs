//! `duel recipes`: the recipes that can be trained.

use anyhow::Result;
use clap::Args;
use duel_trainer::recipe::{Recipe, SHIPPED};

use crate::term::output::print;

/// Arguments of `duel recipes`.
#[derive(Debug, Args)]
pub struct RecipesArgs {
    /// The recipe to print: a shipped one or a TOML file.
    name: Option<String>,
}

/// Lists the shipped recipes, or prints one with the meaning and range of every key.
pub fn run(args: RecipesArgs) -> Result<()> {
    if let Some(name) = args.name {
        return print(&Recipe::load(&name, &[])?.explained());
    }
    let mut text = String::new();
    for (name, _) in SHIPPED {
        text += &format!("{name:20}  {}\n", Recipe::load(name, &[])?.about);
    }
    print(&text)
}
