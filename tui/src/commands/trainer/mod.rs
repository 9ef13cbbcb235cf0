//! The commands that need the trainer; a build for a Raspberry Pi leaves them out.

mod ask;
pub mod completions;
pub mod config;
mod data;
mod derived;
mod eval;
mod export;
mod man;
mod pack;
mod recipes;
mod report;
mod rm;
mod runs;
mod sweep;
mod train;
mod watch;

use clap::Subcommand;
use duel_trainer::run::record::RequestKind;

/// mimalloc is faster than the system's allocator at the large buffers of every training step.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The commands that need the trainer.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a generator against a discriminator.
    Train(train::TrainArgs),
    /// Train a recipe with each combination of some settings and seeds, and compare the scores.
    Sweep(sweep::SweepArgs),
    /// Say what a data set holds, and show some of its pictures.
    Data(data::DataArgs),
    /// List the recipes, or print one with every key, its meaning and range.
    Recipes(recipes::RecipesArgs),
    /// Watch a run that another process trains, or that has ended.
    Watch(watch::WatchArgs),
    /// List every run: its state, step, age and scores.
    Runs(runs::RunsArgs),
    /// Ask a trainer to write a checkpoint and end, and wait until it has ended.
    Stop(ask::AskArgs),
    /// Ask a trainer to pause.
    Pause(ask::AskArgs),
    /// Ask a paused trainer to go on.
    Continue(ask::AskArgs),
    /// Ask a trainer to write a checkpoint.
    Checkpoint(ask::AskArgs),
    /// Change a setting of a run while it trains.
    Set(ask::SetArgs),
    /// Delete runs on which no trainer is at work.
    Rm(rm::RmArgs),
    /// Score generated pictures: those of a run or a model, or those in a directory.
    Eval(eval::EvalArgs),
    /// Write a page about a run, with curves, digits through time and scores; or about several runs side by side.
    Report(report::ReportArgs),
    /// Write a trained generator as ONNX and safetensors, with its card.
    Export(export::ExportArgs),
    /// Build everything that a Raspberry Pi needs, into one directory.
    Pack(pack::PackArgs),
    /// Print what a shell needs to complete commands, and names of runs, recipes, models and keys.
    Completions(completions::CompletionsArgs),
    /// Print a man page, or write all of them.
    Man(man::ManArgs),
}

impl Command {
    /// Runs the command to its end.
    pub fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Train(args) => train::run(args),
            Self::Sweep(args) => sweep::run(args),
            Self::Data(args) => data::run(args),
            Self::Recipes(args) => recipes::run(args),
            Self::Watch(args) => watch::run(args),
            Self::Runs(args) => runs::run(args),
            Self::Stop(args) => ask::ask(args, RequestKind::Stop),
            Self::Pause(args) => ask::ask(args, RequestKind::Pause),
            Self::Continue(args) => ask::ask(args, RequestKind::Continue),
            Self::Checkpoint(args) => ask::ask(args, RequestKind::Checkpoint),
            Self::Set(args) => ask::set(args),
            Self::Rm(args) => rm::run(args),
            Self::Eval(args) => eval::run(args),
            Self::Report(args) => report::run(args),
            Self::Export(args) => export::run(args),
            Self::Pack(args) => pack::run(args),
            Self::Completions(args) => completions::run(args),
            Self::Man(args) => man::run(args),
        }
    }
}
