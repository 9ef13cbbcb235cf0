//! The progress of a training on stderr: a bar in a terminal, a line every 10 seconds elsewhere, and now and then a row
//! of samples.

use std::{
    io::{IsTerminal, stderr},
    time::{Duration, Instant},
};

use duel_trainer::{
    gan::losses::DRAW,
    recipe::Recipe,
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
    text::{
        events,
        run::{fixed, verdicts},
    },
};

/// The time between two lines where there is no terminal.
const INTERVAL: Duration = Duration::from_secs(10);
/// The time between two rows of samples.
const SAMPLES: Duration = Duration::from_secs(30);

/// The progress of a training.
pub struct Progress {
    bar: Option<ProgressBar>,
    recipe: Recipe,
    theme: Theme,
    last_line: Option<Instant>,
    last_samples: Option<Instant>,
}

impl Progress {
    /// Makes the progress of a training by `recipe`, of which `done` steps are done.
    pub fn new(recipe: Recipe, done: u64, look: Look) -> Self {
        let steps = recipe.training.steps;
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
        Self { bar, recipe, theme, last_line: None, last_samples: None }
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
                EventKind::Change { .. } => self.line(&format!("step {}: {}", event.step, events::text(event))),
                _ => {}
            },
        }
    }

    fn metrics(&mut self, metrics: &Metrics) {
        let training = self.recipe.at(metrics.step - 1).training;
        let shown = figures(metrics, training.k_generator == 0 || training.k_discriminator == 0);
        if let Some(bar) = &self.bar {
            bar.set_message(shown);
        } else if self.last_line.is_none_or(|last| last.elapsed() >= INTERVAL) || metrics.step == training.steps {
            self.last_line = Some(Instant::now());
            let left = (training.steps - metrics.step) as f64 * metrics.seconds / metrics.step as f64;
            self.line(&format!("step {}/{}  {shown}  {left:.0} s left", metrics.step, training.steps));
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

/// Formats the losses, the mean outputs of the discriminator, the value beside that of an even duel, and the speed; numbers
/// that are NaN as `-` if a network is `idle`: the step did not update it.
fn figures(metrics: &Metrics, idle: bool) -> String {
    let Metrics { d_loss, g_loss, value, images_per_second, .. } = metrics;
    let verdicts = verdicts(metrics, |value| fixed(value, 2, idle));
    let [d_loss, g_loss] = [d_loss, g_loss].map(|&loss| fixed(loss, 3, idle));
    let value = fixed(*value, 2, idle);
    format!("loss D {d_loss} G {g_loss}  {verdicts}  V {value} (draw {DRAW:.2})  {images_per_second:.0} img/s")
}
