//! The progress of a training on stderr: a bar in a terminal, a line every 10 seconds elsewhere, and now and then a row
//! of samples.

use std::{
    io::{IsTerminal, stderr},
    time::{Duration, Instant},
};

use duel_trainer::{
    gan::losses::DRAW,
    run::{
        density::Densities,
        grid::Grid,
        record::{EventKind, Metrics},
    },
    training::Report,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    term::{
        cells,
        look::Look,
        output::note,
        theme::{Colors, Theme},
        tiles::Tile,
        tty,
    },
    text::{events, run::verdicts},
};

/// The time between two lines where there is no terminal.
const INTERVAL: Duration = Duration::from_secs(10);
/// The time between two rows of samples.
const SAMPLES: Duration = Duration::from_secs(30);

/// The progress of a training.
pub struct Progress {
    bar: Option<ProgressBar>,
    steps: u64,
    theme: Theme,
    last_line: Option<Instant>,
    last_samples: Option<Instant>,
}

impl Progress {
    /// Makes the progress of a training of `steps` steps, of which `done` are done.
    pub fn new(steps: u64, done: u64, look: Look) -> Self {
        let bar = (stderr().is_terminal() && !tty::is_dumb()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr_with_hz(8));
            let style = ProgressStyle::with_template("{wide_bar} {pos}/{len}  {eta} left\n{msg}");
            bar.set_style(style.expect("the template is sound"));
            bar.with_position(done)
        });
        let mut theme = Theme::detect(look);
        if bar.is_none() {
            theme.colors = Colors::None;
        }
        Self { bar, steps, theme, last_line: None, last_samples: None }
    }

    /// Shows a report of the trainer.
    pub fn show(&mut self, report: &Report) {
        match report {
            Report::Step(step) => {
                if let Some(bar) = &self.bar {
                    bar.set_position(*step);
                }
            }
            Report::Metrics(metrics) => self.metrics(metrics),
            Report::Samples(grid) => self.samples(grid),
            Report::Densities(densities) => {
                let Densities { step, distance, .. } = densities;
                self.line(&format!(
                    "step {step}: total variation distance {distance:.3}, D(x) within 0.5 ± {:.2}",
                    densities.largest_advantage()
                ));
            }
            Report::Event(event) => match &event.kind {
                EventKind::Warning { what, since, evidence, remedy } => {
                    self.line(&format!("{what} since step {since}: {evidence}; {remedy}"));
                }
                EventKind::Evaluation { judge, scores, real } => {
                    self.line(&format!("step {}: {}", event.step, events::scores(judge, scores, real)))
                }
                _ => {}
            },
        }
    }

    fn metrics(&mut self, metrics: &Metrics) {
        let shown = figures(metrics);
        if let Some(bar) = &self.bar {
            bar.set_message(shown);
        } else if self.last_line.is_none_or(|last| last.elapsed() >= INTERVAL) || metrics.step == self.steps {
            self.last_line = Some(Instant::now());
            let left = (self.steps - metrics.step) as f64 * metrics.seconds / metrics.step as f64;
            self.line(&format!("step {}/{}  {shown}  {left:.0} s left", metrics.step, self.steps));
        }
    }

    fn samples(&mut self, grid: &Grid) {
        if self.last_samples.is_none_or(|last| last.elapsed() >= SAMPLES) {
            self.last_samples = Some(Instant::now());
            // As many pictures as fit into 80 columns, each at the smallest size at which it can be recognised.
            let tile = Tile::small(grid.shape, self.theme);
            let across = (80 / (usize::from(tile.width) + 1)).clamp(1, grid.len().max(1));
            let row = &grid.images[..across.min(grid.len()) * grid.shape.size()];
            self.line(cells::lines(row, grid.shape, across, tile.size, self.theme).trim_end());
        }
    }

    /// Prints a line, above the bar if there is one.
    pub fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => note(line),
        }
    }

    /// Leaves the bar as it is.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }
}

/// Formats the losses, the mean outputs of the discriminator, the value beside that of an even duel, and the speed.
fn figures(metrics: &Metrics) -> String {
    let Metrics { d_loss, g_loss, value, images_per_second, .. } = metrics;
    let verdicts = verdicts(metrics, 2);
    format!("loss D {d_loss:.3} G {g_loss:.3}  {verdicts}  V {value:.2} (draw {DRAW:.2})  {images_per_second:.0} img/s")
}
