//! `duel frame`: a picture frame, on a console or as a PNG file for a panel.

use std::time::{Duration, SystemTime};

use anyhow::{Result, bail, ensure};
use clap::Args;

use super::{model::ModelArgs, panel::PanelArgs, usage};
use crate::{
    frame::{self, Pictures, Show},
    generators::classes,
    term::{look::Look, tty},
};

/// Arguments of `duel frame`.
#[derive(Debug, Args)]
pub struct FrameArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// The classes to draw in turn, by name or number, such as cat,dog [default: drawn from the seed].
    #[arg(long, value_name = "NAME,...")]
    classes: Option<String>,
    /// The seed; the same seed shows the same pictures [default: the time of the start].
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = usage::seed)]
    seed: Option<u64>,
    /// Seconds from one picture to the next, 1 to 86400.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=86400))]
    every: u32,
    /// Seconds of these in which a picture morphs into the next one [default: 3, or 0 with --out]. During a morph the file
    /// --out is written eight times a second: choose a directory in memory, such as /run.
    #[arg(long, value_name = "SECONDS")]
    morph: Option<u32>,
    #[command(flatten)]
    panel: PanelArgs,
    #[command(flatten)]
    look: Look,
}

/// The default of `--morph` on a terminal, in seconds.
const MORPH: u32 = 3;

/// Shows or writes pictures until the user leaves, or a signal ends the process.
pub fn run(args: FrameArgs) -> Result<()> {
    let morph = args.morph.unwrap_or(if args.panel.is_there() { 0 } else { MORPH.min(args.every) });
    ensure!(
        morph <= args.every,
        "--morph {morph}: longer than the {} seconds of --every; use a shorter time",
        args.every
    );
    if let Some(why) = tty::missing().filter(|_| !args.panel.is_there()) {
        bail!("frame needs a terminal, and {why}; with --out FILE.png it writes pictures for a panel");
    }
    let generator = args.model.load()?;
    let classes = args.classes.as_deref().map(|list| classes::labels(list, generator.card())).transpose()?;
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let pictures = Pictures::new(generator, args.seed.unwrap_or(now.as_nanos() as u64), classes.unwrap_or_default());
    let show = Show::new(Duration::from_secs(args.every.into()), Duration::from_secs(morph.into()));
    match args.panel.panel()? {
        Some(panel) => frame::write(&pictures, show, panel),
        None => frame::show(&pictures, show, args.look),
    }
}
