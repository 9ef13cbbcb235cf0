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
    /// Watch a run that something else trains, or that has ended.
    #[cfg(feature = "train")]
    Watch(commands::watch::WatchArgs),
    /// List every run: its state, step, age and scores.
    #[cfg(feature = "train")]
    Runs(commands::runs::RunsArgs),
    /// Score digits: a run's, a model's, or those in a directory.
    #[cfg(feature = "train")]
    Eval(commands::eval::EvalArgs),
    /// Write a page about a run: curves, digits through time, scores; or about several side by side.
    #[cfg(feature = "train")]
    Report(commands::report::ReportArgs),
    /// Write a trained generator as ONNX and safetensors, with its card.
    #[cfg(feature = "train")]
    Export(commands::export::ExportArgs),
    /// Build what a Raspberry Pi needs, into one directory.
    #[cfg(feature = "train")]
    Pack(commands::pack::PackArgs),
    /// Draw digits, in the terminal or as files.
    Sample(commands::sample::SampleArgs),
    /// Walk through latent space with the arrow keys.
    Explore(commands::explore::ExploreArgs),
    /// Show the time in generated handwriting that never repeats.
    Clock(commands::clock::ClockArgs),
    /// List the models that ship with duel, each with its card.
    Models(commands::models::ModelsArgs),
}

impl Command {
    /// Does it.
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            #[cfg(feature = "train")]
            Self::Train(args) => commands::train::run(args),
            #[cfg(feature = "train")]
            Self::Recipes(args) => commands::recipes::run(args),
            #[cfg(feature = "train")]
            Self::Watch(args) => commands::watch::run(args),
            #[cfg(feature = "train")]
            Self::Runs(args) => commands::runs::run(args),
            #[cfg(feature = "train")]
            Self::Eval(args) => commands::eval::run(args),
            #[cfg(feature = "train")]
            Self::Report(args) => commands::report::run(args),
            #[cfg(feature = "train")]
            Self::Export(args) => commands::export::run(args),
            #[cfg(feature = "train")]
            Self::Pack(args) => commands::pack::run(args),
            Self::Sample(args) => commands::sample::run(args),
            Self::Explore(args) => commands::explore::run(args),
            Self::Clock(args) => commands::clock::run(args),
            Self::Models(args) => commands::models::run(args),
        }
    }
}
