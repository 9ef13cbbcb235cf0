//! The progress of a command on stderr: a bar while pictures are decoded or drawn, a spinner while they are judged.

use std::{
    io::{IsTerminal, stderr},
    time::Duration,
};

use duel_trainer::data::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The time between two drawings of a spinner.
const TICK: Duration = Duration::from_millis(125);

/// Runs `work` beside a spinner with these words and the seconds so far. The spinner is shown only in a terminal.
pub fn with_spinner<T>(words: &'static str, work: impl FnOnce() -> T) -> T {
    if !stderr().is_terminal() {
        return work();
    }
    let style = ProgressStyle::with_template("{spinner} {msg}  {elapsed}").expect("the template is sound");
    let spinner = ProgressBar::new_spinner().with_style(style).with_message(words);
    spinner.enable_steady_tick(TICK);
    let done = work();
    spinner.finish_and_clear();
    done
}

/// Runs `load` with a progress bar on stderr. The bar is shown only in a terminal, and only once a picture is there.
pub fn with_bar<T>(load: impl FnOnce(Progress) -> T) -> T {
    if !stderr().is_terminal() {
        return load(&|_, _| {});
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} pictures  {eta} left");
    bar.set_style(style.expect("the template is sound"));
    let loaded = load(&|done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    loaded
}
