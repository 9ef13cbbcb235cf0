//! `duel watch`: a run that something else trains, or that has ended.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Result;
use clap::Args;
use duel_trainer::run::{
    reader::Run,
    story::{State, showable},
};

use crate::{app::Mode, charset::Charset, dashboard, follow, output::print, runs, terminal, theme::Theme};

/// Arguments of `duel watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The run: a directory, or a name under ./runs [default: the newest under ./runs].
    run: Option<PathBuf>,
    /// A line every so many seconds, as where stdout is no terminal.
    #[arg(long, conflicts_with = "json")]
    plain: bool,
    /// The records as they come, a line of JSON each.
    #[arg(long)]
    json: bool,
    /// Seconds from one line of --plain to the next.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    every: Duration,
    /// Only look: no requests to the trainer.
    #[arg(long)]
    read_only: bool,
    /// The characters to draw with.
    #[arg(long, value_enum, default_value_t = Charset::Auto)]
    charset: Charset,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "expected seconds, such as 10 or 0.5".to_owned())
}

/// Shows a run until the user leaves; without a terminal, until the run ends.
pub fn run(args: WatchArgs) -> Result<()> {
    let dir = runs::find(args.run.as_deref())?;
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
    let Some(app) = dashboard::show(dir, mode, Theme::of(charset))? else { return Ok(None) };
    print(&summary(&app.dir, &app.run))?;
    Ok(Some(app.run.state()))
}

/// Where a run stands, where it is, and how to come back or what to do next.
fn summary(dir: &Path, run: &Run) -> String {
    let (words, command) = runs::next(run.state(), runs::over_numbers(run), &showable(&dir.display().to_string()));
    format!("{} is {}: {}\n{words} `{command}`\n", run.name, run.state().name(), follow::line(run))
}
