//! A training on stderr: a bar in a terminal, a line an interval elsewhere, and now and then a row of digits.

use std::{
    io::{IsTerminal, stderr},
    time::{Duration, Instant},
};

use duel_models::{PIXELS, SIDE};
use duel_trainer::{
    bell::Portrait,
    losses::DRAW,
    run::record::{Metrics, What},
    training::Report,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    cells,
    charset::Charset,
    output::note,
    terminal,
    theme::{Colors, Theme},
    words,
};

/// Between two lines where there is no terminal.
const INTERVAL: Duration = Duration::from_secs(10);
/// Between two rows of digits.
const DIGITS: Duration = Duration::from_secs(30);
/// Digits in such a row: what 80 columns hold.
const DIGITS_SHOWN: usize = 5;

/// What a training shows on stderr.
pub struct Progress {
    bar: Option<ProgressBar>,
    steps: u64,
    theme: Theme,
    last_line: Option<Instant>,
    last_digits: Option<Instant>,
}

impl Progress {
    /// Of a training of `steps` steps, `done` of them done.
    pub fn new(steps: u64, done: u64) -> Self {
        let bar = (stderr().is_terminal() && !terminal::is_dumb()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr_with_hz(8));
            let style = ProgressStyle::with_template("{wide_bar} {pos}/{len}  {eta} left\n{msg}");
            bar.set_style(style.expect("the template is sound"));
            bar.with_position(done)
        });
        let mut theme = Theme::of(Charset::Auto);
        if bar.is_none() {
            theme.colors = Colors::None;
        }
        Self { bar, steps, theme, last_line: None, last_digits: None }
    }

    /// Shows what the trainer reports.
    pub fn show(&mut self, report: &Report) {
        match report {
            Report::Step(step) => {
                if let Some(bar) = &self.bar {
                    bar.set_position(*step);
                }
            }
            Report::Metrics(metrics) => self.metrics(metrics),
            Report::Samples(images) => self.digits(images),
            Report::Portrait(portrait) => {
                let Portrait { step, distance, .. } = portrait;
                self.line(&format!(
                    "step {step}: total variation distance {distance:.3}, D(x) within 0.5 ± {:.2}",
                    portrait.doubt()
                ));
            }
            Report::Event(event) => match &event.what {
                What::Warning { what, since, evidence, remedy } => {
                    self.line(&format!("{what} since step {since}: {evidence}; {remedy}"));
                }
                What::Evaluation { scores } => self.line(&format!("step {}: {}", event.step, words::scores(scores))),
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

    fn digits(&mut self, images: &[u8]) {
        if self.last_digits.is_none_or(|last| last.elapsed() >= DIGITS) {
            self.last_digits = Some(Instant::now());
            self.line(cells::lines(&images[..DIGITS_SHOWN * PIXELS], DIGITS_SHOWN, SIDE / 2, self.theme).trim_end());
        }
    }

    /// Shows a line above the bar.
    pub fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => note(line),
        }
    }

    /// Leaves the bar as it stands.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }
}

/// Losses, the discriminator's opinion, the value against the draw's, and the speed.
fn figures(metrics: &Metrics) -> String {
    let Metrics { d_loss, g_loss, d_real, d_fake, value, images_per_second, .. } = metrics;
    format!(
        "loss D {d_loss:.3} G {g_loss:.3}  D(x) {d_real:.2} D(G(z)) {d_fake:.2}  V {value:.2} (draw {DRAW:.2})  \
         {images_per_second:.0} img/s"
    )
}
