//! The command line. Each command is one file, and the first function in the file lists the command's steps.

mod clock;
mod explore;
mod frame;
mod model;
mod models;
mod sample;
#[cfg(feature = "train")]
mod trainer;
mod usage;

use clap::{Parser, Subcommand};

/// Train generative adversarial networks, watch them duel, and run what they learned.
#[derive(Debug, Parser)]
#[command(name = "duel", version, propagate_version = true, max_term_width = 100)]
struct Args {
    /// The command to run.
    #[command(subcommand)]
    command: Command,
}

/// The commands of `duel`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The commands that need the trainer.
    #[cfg(feature = "train")]
    #[command(flatten)]
    Trainer(trainer::Command),
    /// Draw pictures, in the terminal or as files.
    Sample(sample::SampleArgs),
    /// Walk through latent space with the arrow keys.
    Explore(explore::ExploreArgs),
    /// Show the time in generated handwriting that never repeats.
    Clock(clock::ClockArgs),
    /// Show generated pictures that morph into each other, on a console or a panel.
    Frame(frame::FrameArgs),
    /// List the models that ship with duel, each with its card.
    Models(models::ModelsArgs),
}

impl Command {
    /// Reads the command line. A wrong one ends the program with a message; a shell that asks for completions gets them.
    pub fn parse() -> Self {
        #[cfg(feature = "train")]
        trainer::completions::answer::<Args>();
        Args::try_parse().unwrap_or_else(|error| usage::explained(error).exit()).command
    }

    /// Runs the command to its end.
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            #[cfg(feature = "train")]
            Self::Trainer(command) => command.run(),
            Self::Sample(args) => sample::run(args),
            Self::Explore(args) => explore::run(args),
            Self::Clock(args) => clock::run(args),
            Self::Frame(args) => frame::run(args),
            Self::Models(args) => models::run(args),
        }
    }
}
