//! `duel`: train generative adversarial networks and watch them, in a terminal.
//!
//! The modules, from the top down: the commands; the features `watch`, `explore`, `clock`, `frame` and `report`;
//! runs by name; generators; files that are written; the terminal; numbers and events in words. A module uses only modules
//! that come after it in this list, and a feature uses no other feature.

mod commands;

mod clock;
mod explore;
mod frame;
#[cfg(feature = "train")]
mod report;
#[cfg(feature = "train")]
mod watch;

#[cfg(feature = "train")]
mod runs;

mod files;
mod generators;
mod term;
#[cfg(feature = "train")]
mod text;

use std::process::ExitCode;

use duel_models::text::escaped;

fn main() -> ExitCode {
    match commands::Command::parse().and_then(commands::Command::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // An error message may repeat a name that somebody else chose, control characters included.
            term::output::note(&escaped(format!("duel: {error:#}").chars()));
            ExitCode::FAILURE
        }
    }
}
