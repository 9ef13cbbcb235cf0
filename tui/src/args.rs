//! The command line.

use clap::{Parser, Subcommand};

use crate::commands;

/// Train generative adversarial networks, watch them duel, and run what they learned.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `duel` does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a generator against a discriminator.
    #[cfg(feature = "train")]
    Train(commands::train::TrainArgs),
    /// List the recipes, or print one with every key, its meaning and range.
    #[cfg(feature = "train")]
    Recipes(commands::recipes::RecipesArgs),
}

impl Command {
    /// Does it.
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            #[cfg(feature = "train")]
            Self::Train(args) => commands::train::run(args),
            #[cfg(feature = "train")]
            Self::Recipes(args) => commands::recipes::run(args),
        }
    }
}
