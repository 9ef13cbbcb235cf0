//! `duel explore`: a walk through latent space with the arrow keys.

use anyhow::{Result, bail};
use clap::Args;

use super::{model::ModelArgs, usage};
use crate::{
    explore,
    term::{look::Look, output::print, tty},
};

/// Arguments of `duel explore`.
#[derive(Debug, Args)]
pub struct ExploreArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// The seed of the starting point.
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, value_parser = usage::seed)]
    seed: u64,
    #[command(flatten)]
    look: Look,
}

/// Walks until the user leaves; then prints the paths of the files that were written.
pub fn run(args: ExploreArgs) -> Result<()> {
    if let Some(why) = tty::missing() {
        bail!("explore needs a terminal, and {why}; `duel sample` draws without one");
    }
    let generator = args.model.load()?;
    let written = explore::walk(generator, args.seed, args.look)?;
    print(&written.iter().map(|path| format!("{}\n", path.display())).collect::<String>())
}
