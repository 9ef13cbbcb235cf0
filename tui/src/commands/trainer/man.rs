//! `duel man`: man pages, made from the help of the commands.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::{Args, CommandFactory};
use clap_mangen::Man;

use crate::{
    commands,
    files::write,
    term::output::{print, print_bytes},
};

/// Arguments of `duel man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write the pages of all commands into this directory, instead of printing one.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the page of `duel`, or writes all pages. `duel man | man -l -` shows it.
pub fn run(args: ManArgs) -> Result<()> {
    let command = commands::Args::command();
    let Some(out) = args.out else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        return print_bytes(&page);
    };
    write::must_be_directory("--out", &out)?;
    fs::create_dir_all(&out)
        .and_then(|()| clap_mangen::generate_to(command, &out))
        .with_context(|| format!("cannot write the man pages into {}", out.display()))?;
    print(&format!("{}\n", out.display()))
}
