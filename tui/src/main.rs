//! `duel`: train generative adversarial networks and watch them, in a terminal.

mod args;
mod commands;
mod output;
#[cfg(feature = "train")]
mod progress;

use std::process::ExitCode;

use clap::Parser;

#[cfg(feature = "train")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match args::Args::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("duel: {error:#}");
            ExitCode::FAILURE
        }
    }
}
