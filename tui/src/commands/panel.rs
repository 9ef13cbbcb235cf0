//! The PNG file of a command that draws for a panel.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;

use crate::files::{panel::Panel, rendering::Rendering};

/// Arguments that name the file, and say how pictures are drawn into it.
#[derive(Debug, Args)]
pub struct PanelArgs {
    /// Write each picture to this PNG file instead, for a program that drives a panel. The file is replaced, and always
    /// whole.
    #[arg(long, value_name = "FILE.png", conflicts_with_all = ["charset", "theme"])]
    out: Option<PathBuf>,
    /// With --out: draw each pixel as a square of N pixels, 1 to 64.
    #[arg(long, value_name = "N", requires = "out", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    scale: u8,
    /// With --out: draw in black and white only, for e-ink.
    #[arg(long, requires = "out")]
    dither: bool,
}

impl PanelArgs {
    /// Tells whether a file is named.
    pub fn is_there(&self) -> bool {
        self.out.is_some()
    }

    /// Returns the panel that the arguments name.
    pub fn panel(self) -> Result<Option<Panel>> {
        let Some(out) = self.out else { return Ok(None) };
        let is_png = out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
        ensure!(is_png, "--out {}: expected an extension of .png", out.display());
        Panel::new(out, Rendering { scale: self.scale.into(), dither: self.dither }).map(Some)
    }
}
