//! `duel recipes [NAME]`: what can be trained.

use anyhow::Result;
use clap::Args;
use duel_trainer::recipe::{Recipe, SHIPPED};

use crate::output::print;

/// Arguments of `duel recipes`.
#[derive(Debug, Args)]
pub struct RecipesArgs {
    /// A shipped recipe or a TOML file, to print whole.
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
