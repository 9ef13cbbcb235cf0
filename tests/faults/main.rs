//! Faults on purpose: what may happen to a training, and what a stranger may send. `tests/faults/run` prints the table.

mod kills;
mod small;
mod table;

use std::{env, process::ExitCode};

use small::Small;
use table::Table;

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A few minutes of everything.
    Short,
    /// What README.md has figures of.
    Full,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let after = |flag: &str| arguments.iter().skip_while(|argument| *argument != flag).nth(1).cloned();
    let form = if arguments.iter().any(|argument| argument == "--short") { Form::Short } else { Form::Full };
    let seed = after("--seed").map_or(Ok(1), |seed| seed.parse()).expect("--seed takes a number");
    let mut table = Table::new(after("--only"));

    let small = Small::new();
    kills::all(&small, &mut table, form, seed);

    table.print(seed);
    if table.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
