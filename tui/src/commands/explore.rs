//! `duel explore`: a walk through latent space with the arrow keys.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use duel_models::{
    PIXELS,
    grid::{grid, png},
};
use duel_runtime::{Generator, to_bytes};

use crate::{
    charset::Charset,
    explore::{Effect, Explore},
    files,
    model::ModelArgs,
    output::print,
    pictures, screen,
    terminal::{self, Input, Window},
    theme::Theme,
};

/// Arguments of `duel explore`.
#[derive(Debug, Args)]
pub struct ExploreArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// The seed: the same one starts at the same point.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The characters to draw with.
    #[arg(long, value_enum, default_value_t)]
    charset: Charset,
}

/// Frames of a walk from one mark to the other and back.
const FRAMES: usize = 48;

/// Without keys there is nothing to do.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Walks until the user leaves; then says which files were written.
pub fn run(args: ExploreArgs) -> Result<()> {
    ensure!(terminal::is_there(), "explore needs a terminal; `duel sample` draws without one");
    let generator = args.model.load()?;
    let theme = Theme::of(args.charset);
    let explore = Explore::new(generator.card().clone(), args.seed);
    let window = Window::open().context("cannot take the terminal over")?;
    let mut walk = Walk { generator, explore, window, theme, written: Vec::new() };
    let left = walk.run();
    let Walk { window, written, .. } = walk;
    drop(window);
    left?;
    print(&written.iter().map(|path| format!("{}\n", path.display())).collect::<String>())
}

struct Walk {
    generator: Generator,
    explore: Explore,
    window: Window,
    theme: Theme,
    written: Vec<PathBuf>,
}

impl Walk {
    fn run(&mut self) -> Result<()> {
        let mut fresh = true;
        loop {
            let due = self.window.until_due();
            if fresh && due.is_zero() {
                // A terminal that cannot be drawn on has vanished.
                if self.draw()?.is_err() {
                    return Ok(());
                }
                fresh = false;
            }
            for input in self.window.wait(if fresh { due } else { PATIENCE }) {
                fresh = true;
                match input {
                    Input::Gone => return Ok(()),
                    Input::Redraw => self.window.take_again()?,
                    Input::Suspend => self.window.suspend()?,
                    Input::Key(key) => match self.explore.press(key) {
                        Some(Effect::Quit) => return Ok(()),
                        Some(Effect::Suspend) => self.window.suspend()?,
                        Some(Effect::Write) => self.write(),
                        None => {}
                    },
                }
            }
        }
    }

    /// Draws the digits if need be, then the screen.
    fn draw(&mut self) -> Result<io::Result<()>> {
        let (width, height) = crossterm::terminal::size().context("cannot ask the terminal for its size")?;
        self.explore.resize(screen::explore::layout(width, height, self.theme).1);
        if std::mem::take(&mut self.explore.stale) {
            let images = self.images(&self.explore.latents())?;
            self.explore.digits = images.as_chunks::<PIXELS>().0.to_vec();
        }
        Ok(self.window.draw(|frame| screen::explore::draw(frame, &self.explore, self.theme)))
    }

    /// Grey levels of what the generator draws of some latents.
    fn images(&self, latents: &[f32]) -> Result<Vec<u8>> {
        let labels = self.explore.labels(latents.len() / self.explore.card.latent);
        Ok(to_bytes(&self.generator.draw(latents, &labels)?))
    }

    /// Writes the grid as a PNG, or the way between the marks, there and back, as a GIF.
    fn write(&mut self) {
        let written = if self.explore.between { self.write_way() } else { self.write_grid() };
        self.explore.note = match written {
            Ok(path) => {
                let note = format!("wrote {}", path.display());
                self.written.push(path);
                note
            }
            Err(error) => format!("{error:#}"),
        };
    }

    fn write_grid(&self) -> Result<PathBuf> {
        ensure!(!self.explore.digits.is_empty(), "nothing is shown: make the terminal larger");
        let path = free("png");
        let picture = grid(self.explore.digits.as_flattened(), self.explore.size.0.max(1));
        files::replace(&path, &png(&picture))?;
        Ok(path)
    }

    fn write_way(&self) -> Result<PathBuf> {
        let path = free("gif");
        let there = self.images(&self.explore.way(FRAMES / 2))?;
        let back: Vec<u8> = there.chunks_exact(PIXELS).rev().flatten().copied().collect();
        files::replace(&path, &pictures::gif(&[there, back].concat()))?;
        Ok(path)
    }
}

/// The first name that is not taken: `explore-1.png` and so on, in this directory.
fn free(ending: &str) -> PathBuf {
    let names = (1..).map(|number| PathBuf::from(format!("explore-{number}.{ending}")));
    let mut free = names.filter(|name| !Path::new(name).exists());
    free.next().unwrap_or_default()
}
