//! The dashboard, and the summary on the normal screen after it.

use std::path::Path;

use anyhow::Result;
use duel_trainer::run::reader::Run;

use super::{dashboard, state::action::Mode};
use crate::{
    term::{
        look::Look,
        output::{note, print},
        title::Bell,
        tty::{Missing, missing},
    },
    text::run::{line, next_command},
};

/// Tells whether the terminal can show the dashboard. A message names the cause if it is `TERM` alone.
pub fn is_possible() -> bool {
    let missing = missing();
    if let Some(why @ Missing::Term) = missing {
        note(&format!("lines in place of the dashboard: {why}"));
    }
    missing.is_none()
}

/// Shows the dashboard until the user leaves, then prints the run's state and the next command. Prints nothing if the
/// terminal has vanished.
pub fn watch(dir: &Path, mode: Mode, look: Look, bell: Bell) -> Result<()> {
    match dashboard::show(dir, mode, look, bell)? {
        Some(app) => print(&summary(&app.dir, &app.run)),
        None => Ok(()),
    }
}

/// Summarises the state of a run and the next command.
fn summary(dir: &Path, run: &Run) -> String {
    let (words, command) = next_command(run.state(), run.recipe.is_toy(), dir);
    format!("{} is {}: {}\n{words} `{command}`\n", run.name, run.state().name(), line(run))
}
