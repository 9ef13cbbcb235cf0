//! `duel clock`: the time, in handwriting that never repeats.

use anyhow::{Result, bail, ensure};
use clap::Args;

use super::{model::ModelArgs, panel::PanelArgs};
use crate::{
    clock,
    term::{look::Look, tty},
};

/// Arguments of `duel clock`.
#[derive(Debug, Args)]
pub struct ClockArgs {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    panel: PanelArgs,
    #[command(flatten)]
    look: Look,
    /// Seconds that the clock advances in each second, 1 to 1000.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    speed: u32,
}

/// Shows the time until the user leaves, or a signal ends the process.
pub fn run(args: ClockArgs) -> Result<()> {
    if let Some(why) = tty::missing().filter(|_| !args.panel.is_there()) {
        bail!("clock needs a terminal, and {why}; with --out FILE.png it writes the time for a panel, each minute");
    }
    let generator = args.model.load()?;
    let card = generator.card();
    ensure!(
        card.classes == 10,
        "the clock needs a generator of the ten digits, and {} has {} classes: name another one with --model, `duel models` lists them",
        card.name,
        card.classes
    );
    match args.panel.panel()? {
        Some(panel) => clock::write(&generator, args.speed, panel),
        None => clock::show(&generator, args.speed, args.look),
    }
}
