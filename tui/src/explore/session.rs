//! The event loop of a walk: keys into the state, latents into the generator, pictures onto the screen.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, ensure};
use duel_runtime::{
    Generator,
    picture::{grid, png, to_bytes},
};

use super::{keys::Effect, screen, state::Explore};
use crate::{
    files::{animation, rendering::Rendering, write},
    term::{
        look::Look,
        window::{Input, Window},
    },
};

/// Frames of a GIF from one mark to the other and back.
const FRAMES: usize = 48;

/// The longest wait for a key, since nothing changes without one.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Walks until the user leaves or the terminal has vanished; returns the paths of the files that were written.
pub fn walk(generator: Generator, seed: u64, look: Look) -> Result<Vec<PathBuf>> {
    let explore = Explore::new(generator.card().clone(), seed);
    let window = Window::open(look)?;
    let mut walk = Walk { generator, explore, window, written: Vec::new() };
    walk.run()?;
    Ok(walk.written)
}

struct Walk {
    generator: Generator,
    explore: Explore,
    window: Window,
    written: Vec<PathBuf>,
}

impl Walk {
    fn run(&mut self) -> Result<()> {
        let mut fresh = true;
        loop {
            let due = self.window.until_due();
            if fresh && due.is_zero() {
                // An error of drawing means that the terminal has vanished.
                if self.draw()?.is_err() {
                    return Ok(());
                }
                fresh = false;
            }
            for input in self.window.wait(if fresh { due } else { PATIENCE }) {
                fresh = true;
                match input {
                    Input::Gone => return Ok(()),
                    Input::Finer => {}
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

    /// Draws the pictures if they have changed, then the screen.
    fn draw(&mut self) -> Result<io::Result<()>> {
        let theme = self.window.theme;
        self.explore.resize(screen::layout(self.window.size(), &self.explore, theme).1);
        if std::mem::take(&mut self.explore.stale) {
            self.explore.images = self.images(&self.explore.latents())?;
        }
        Ok(self.window.draw(|frame| screen::draw(frame, &self.explore, theme)))
    }

    /// Draws pictures of latents, [N, height, width, channels].
    fn images(&self, latents: &[f32]) -> Result<Vec<u8>> {
        let labels = self.explore.labels(latents.len() / self.explore.card.latent);
        Ok(to_bytes(&self.generator.draw(latents, &labels)?))
    }

    /// Writes the grid as a PNG, or the interpolation between the marks and back as a GIF.
    fn write(&mut self) {
        let written = if self.explore.between { self.write_interpolation() } else { self.write_grid() };
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
        ensure!(!self.explore.images.is_empty(), "nothing is shown: make the terminal larger");
        let path = free("png");
        let picture = grid(&self.explore.images, self.explore.card.shape, self.explore.size.0.max(1));
        write::replace(&path, &png(&picture))?;
        Ok(path)
    }

    fn write_interpolation(&self) -> Result<PathBuf> {
        let path = free("gif");
        let there = self.images(&self.explore.interpolation(FRAMES / 2))?;
        let shape = self.explore.card.shape;
        let back: Vec<u8> = there.chunks_exact(shape.size()).rev().flatten().copied().collect();
        let rendering = Rendering { scale: animation::scale(shape), dither: false };
        write::replace(&path, &animation::gif(&[there, back].concat(), shape, rendering))?;
        Ok(path)
    }
}

/// Returns the first name that is not taken in the current directory: `explore-1.png` and so on.
fn free(ending: &str) -> PathBuf {
    let names = (1..).map(|number| PathBuf::from(format!("explore-{number}.{ending}")));
    let mut free = names.filter(|name| !Path::new(name).exists());
    free.next().unwrap_or_default()
}
