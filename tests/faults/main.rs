//! Fault injection: faults during a training, and damaged input. `tests/faults/run` prints the tables.

mod disks;
mod inputs;
mod kills;
mod places;
mod signals;
mod small;
mod soak;
mod table;
mod watchers;

use std::{env, process::ExitCode};

use small::Small;
use table::Table;

/// The number of repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Each fault a few times; takes some minutes.
    Short,
    /// The round whose results the documentation shows.
    Full,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let after = |flag: &str| arguments.iter().skip_while(|argument| *argument != flag).nth(1).cloned();
    let form = if arguments.iter().any(|argument| argument == "--short") { Form::Short } else { Form::Full };
    let seed = after("--seed").map_or(Ok(1), |seed| seed.parse()).expect("--seed takes a number");
    if let Some(hours) = after("--soak") {
        let place = after(&hours).expect("--soak takes hours and a directory");
        return soak::soak(hours.parse().expect("--soak takes hours"), place.as_ref());
    }
    if arguments.iter().any(|argument| argument == "--watchers") {
        watchers::bench();
        return ExitCode::SUCCESS;
    }
    let mut table = Table::new(after("--only"));

    let small = Small::new();
    for all in [kills::all, signals::all, disks::all, places::all, inputs::all] {
        all(&small, &mut table, form, seed);
    }

    table.print(seed);
    if table.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
