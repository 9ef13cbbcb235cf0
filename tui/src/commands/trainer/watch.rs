//! `duel watch`: a run that another process trains, or that has ended.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::completions::runs;
use crate::{
    files::write,
    runs::find,
    term::{
        charset::Charset,
        look::Look,
        theme::{Colors, Theme},
        title::Bell,
    },
    watch::{follow, session, snapshot, state::action::Mode},
};

/// Arguments of `duel watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The run: a directory, or a name under ./runs [default: the newest under ./runs].
    #[arg(add = ArgValueCompleter::new(runs))]
    run: Option<PathBuf>,
    /// Print a line every few seconds. The default where stdout is no terminal.
    #[arg(long, conflicts_with = "json")]
    plain: bool,
    /// Print each record as it comes, as a line of JSON.
    #[arg(long)]
    json: bool,
    /// Seconds from one line of --plain to the next.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    every: Duration,
    /// Send no requests to the trainer.
    #[arg(long)]
    read_only: bool,
    #[command(flatten)]
    look: Look,
    /// Whether the terminal's bell rings at a warning and at the end.
    #[arg(long, value_enum, default_value_t)]
    bell: Bell,
    /// Write the dashboard as it is now into an SVG file, or to stdout with -, and end.
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["plain", "json"])]
    snapshot: Option<PathBuf>,
    /// Replace the file --snapshot if it exists.
    #[arg(long, requires = "snapshot")]
    force: bool,
    /// Columns and rows of --snapshot, 60x16 to 300x100.
    #[arg(long, value_name = "COLUMNSxROWS", default_value = "100x30", value_parser = size, requires = "snapshot")]
    size: (u16, u16),
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "expected seconds, such as 10 or 0.5".to_owned())
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let size = text.split_once('x').and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
    let size = size.filter(|(columns, rows)| (60..=300).contains(columns) && (16..=100).contains(rows));
    size.ok_or_else(|| "expected 60x16 to 300x100, such as 100x30".to_owned())
}

/// Shows a run until the user leaves; without a terminal, until the run ends.
pub fn run(args: WatchArgs) -> Result<()> {
    let dir = find::find(args.run.as_deref())?;
    if let Some(file) = &args.snapshot {
        write::must_take_one("--snapshot", file, "", args.force)?;
        // An SVG file does not depend on this terminal: it gets all colours, and the finest characters unless --charset
        // chooses others.
        let charset = if args.look.charset == Charset::Auto { Charset::Braille } else { args.look.charset };
        let svg = snapshot::snapshot(&dir, args.size, Theme { charset, colors: Colors::True, is_light: false })?;
        return write::one(file, svg.as_bytes());
    }
    if args.json {
        return follow::json(&dir);
    }
    if args.plain || !session::is_possible() {
        return follow::plain(&dir, args.every);
    }
    let mode = if args.read_only { Mode::ReadOnly } else { Mode::Watch };
    session::watch(&dir, mode, args.look, args.bell)
}
