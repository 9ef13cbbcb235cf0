//! `duel`: train generative adversarial networks and watch them, in a terminal.

#[cfg(feature = "train")]
mod app;
mod args;
mod arrays;
mod cells;
mod charset;
mod clock;
mod commands;
#[cfg(feature = "train")]
mod dashboard;
mod event;
mod explore;
mod files;
#[cfg(feature = "train")]
mod follow;
mod keys;
mod model;
mod output;
mod pictures;
#[cfg(feature = "train")]
mod plot;
#[cfg(feature = "train")]
mod progress;
#[cfg(feature = "train")]
mod report;
#[cfg(feature = "train")]
mod runs;
#[cfg(feature = "train")]
mod samples;
mod screen;
mod terminal;
mod theme;
mod walk;
#[cfg(feature = "train")]
mod words;
mod zone;

use std::process::ExitCode;

use clap::Parser;
use duel_models::text::shown;

#[cfg(feature = "train")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match args::Args::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // An error repeats names that a stranger may have chosen.
            output::note(&shown(format!("duel: {error:#}").chars()));
            ExitCode::FAILURE
        }
    }
}
