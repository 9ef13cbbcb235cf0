//! `duel watch`: a run that something else trains, or that has ended.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use clap::Args;
use duel_trainer::run::{
    reader::{Glance, Run},
    story::State,
};

use crate::{
    app::Mode,
    charset::Charset,
    dashboard, follow,
    output::print,
    terminal,
    theme::{Colors, Theme},
};

/// Arguments of `duel watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The run: a directory, or a name under ./runs [default: the newest under ./runs].
    run: Option<PathBuf>,
    /// A line an interval, as when stdout is no terminal.
    #[arg(long, conflicts_with = "json")]
    plain: bool,
    /// The records as they come, a line of JSON each.
    #[arg(long)]
    json: bool,
    /// Seconds from one line of --plain to the next.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    every: f64,
    /// Only look: no requests to the trainer.
    #[arg(long)]
    read_only: bool,
    /// The characters to draw with.
    #[arg(long, value_enum, default_value_t = Charset::Auto)]
    charset: Charset,
}

/// Shows a run until the user leaves; without a terminal, until the run ends.
pub fn run(args: WatchArgs) -> Result<()> {
    let dir = find(args.run.as_deref())?;
    if args.json {
        return follow::json(&dir);
    }
    if args.plain || !terminal::is_there() {
        return follow::plain(&dir, args.every);
    }
    let mode = if args.read_only { Mode::ReadOnly } else { Mode::Watch };
    show(&dir, mode, args.charset)?;
    Ok(())
}

/// How a dashboard that was started together with a trainer was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The trainer goes on without a terminal.
    LeftRunning,
    /// The run has ended: it was done, failed, or the user stopped it here.
    Ended,
}

/// The dashboard on the run of a trainer that was just started: leaving asks what is to become of that. Says on the normal
/// screen afterwards where the run is and how to come back.
pub fn attach(dir: &Path, charset: Charset) -> Result<Outcome> {
    let state = show(dir, Mode::Attached, charset)?;
    Ok(if state.is_some_and(State::ended) { Outcome::Ended } else { Outcome::LeftRunning })
}

/// The dashboard, and a summary afterwards; the last known state, none if the terminal has vanished.
fn show(dir: &Path, mode: Mode, charset: Charset) -> Result<Option<State>> {
    let variable = |name: &str| env::var(name).ok();
    let theme = Theme { charset: charset.resolve(variable), colors: Colors::detect(variable) };
    let Some(app) = dashboard::show(dir, mode, theme)? else { return Ok(None) };
    print(&summary(&app.dir, &app.run))?;
    Ok(Some(app.run.state()))
}

/// Where a run stands, where it is, and how to come back or what to do next.
fn summary(dir: &Path, run: &Run) -> String {
    let dir = duel_trainer::run::story::showable(&dir.display().to_string());
    let state = run.state();
    let next = match state {
        State::Waiting | State::Running | State::Paused => format!("come back with `duel watch {dir}`"),
        State::Done => format!("export it with `duel export {dir}`"),
        State::Stopped | State::Crashed => format!("go on with `duel train --resume {dir}`"),
    };
    format!("{} is {}: {}\n{next}\n", run.name, state.name(), follow::line(run))
}

/// The run that the user means: a directory, or one under ./runs; without a name the newest there.
pub fn find(asked: Option<&Path>) -> Result<PathBuf> {
    let runs = Path::new("runs");
    match asked {
        Some(dir) if dir.is_dir() => Ok(dir.to_owned()),
        Some(name) if runs.join(name).is_dir() => Ok(runs.join(name)),
        Some(name) => bail!("no run {}: `duel runs` lists those there are", name.display()),
        None => match Glance::all(runs).unwrap_or_default().into_iter().next() {
            Some(newest) => Ok(newest.dir),
            None => bail!("no runs under ./runs: start one with `duel train`, or name a run directory"),
        },
    }
}
