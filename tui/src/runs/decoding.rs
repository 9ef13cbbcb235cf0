//! A progress bar while pictures are decoded.

use std::io::{IsTerminal, stderr};

use duel_trainer::data::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Runs `load` with a progress bar on stderr. The bar is shown only in a terminal, and only once a picture is decoded.
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
