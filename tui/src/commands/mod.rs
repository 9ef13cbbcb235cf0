//! The command line. Each command is one file, and the first function in the file lists the command's steps.

mod clock;
mod explore;
mod frame;
mod model;
mod models;
mod panel;
mod sample;
#[cfg(feature = "train")]
mod trainer;
mod usage;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

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
    /// Reads the user's defaults and the command line. A wrong command line ends the program with a message; a shell that asks
    /// for completions gets them. The error is that of a wrong file of defaults.
    pub fn parse() -> anyhow::Result<Self> {
        let mut command = Args::command();
        #[cfg(feature = "train")]
        {
            let with_defaults = trainer::config::read().map(|defaults| defaults.apply(command));
            // A shell gets completions even if the file of defaults is wrong.
            trainer::completions::answer::<Args>();
            command = with_defaults?;
        }
        let parsed = command.try_get_matches_from_mut(std::env::args_os());
        let parsed = parsed.and_then(|mut matches| Args::from_arg_matches_mut(&mut matches));
        let parsed = parsed.map_err(|error| error.format(&mut command));
        Ok(parsed.unwrap_or_else(|error| usage::explained(error).exit()).command)
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
