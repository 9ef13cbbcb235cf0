//! `duel frame`: a picture frame, on a console or as a PNG file for a panel.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use anyhow::{Result, ensure};
use clap::Args;

use super::{model::ModelArgs, usage};
use crate::{
    files::rendering::Rendering,
    frame::{self, Pictures, Show},
    generators::classes,
    term::{look::Look, window},
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
    /// Seconds of these in which a picture morphs into the next one [default: 3, or 0 with --out].
    #[arg(long, value_name = "SECONDS")]
    morph: Option<u32>,
    /// Write each picture to this PNG file instead, for a program that drives a panel. During a morph the file is
    /// written eight times a second: choose a directory in memory, such as /run.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["charset", "theme"])]
    out: Option<PathBuf>,
    /// With --out: draw each pixel as a square of N pixels, 1 to 64.
    #[arg(long, value_name = "N", requires = "out", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    scale: u8,
    /// With --out: draw in black and white only, for e-ink.
    #[arg(long, requires = "out")]
    dither: bool,
    #[command(flatten)]
    look: Look,
}

/// The default of `--morph` on a terminal, in seconds.
const MORPH: u32 = 3;

/// Shows or writes pictures until the user leaves, or a signal ends the process.
pub fn run(args: FrameArgs) -> Result<()> {
    let morph = args.morph.unwrap_or(if args.out.is_some() { 0 } else { MORPH.min(args.every) });
    ensure!(
        morph <= args.every,
        "--morph {morph}: longer than the {} seconds of --every; use a shorter time",
        args.every
    );
    ensure!(
        args.out.is_some() || window::is_there(),
        "frame needs a terminal; with --out FILE.png it writes pictures for a panel"
    );
    let generator = args.model.load()?;
    let classes = args.classes.as_deref().map(|list| classes::labels(list, generator.card())).transpose()?;
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let pictures = Pictures::new(generator, args.seed.unwrap_or(now.as_nanos() as u64), classes.unwrap_or_default());
    let show = Show::new(Duration::from_secs(args.every.into()), Duration::from_secs(morph.into()));
    match &args.out {
        Some(out) => {
            let png = out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
            ensure!(png, "--out {}: expected an extension of .png", out.display());
            frame::write(&pictures, show, out, Rendering { scale: args.scale.into(), dither: args.dither })
        }
        None => frame::show(&pictures, show, args.look),
    }
}
