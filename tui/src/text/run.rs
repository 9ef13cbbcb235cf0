//! A run as text: its progress, and the command to use next.

use std::path::Path;

use duel_models::text::quoted;
use duel_trainer::{
    gan::losses::DRAW,
    run::{history::State, reader::Run, record::Metrics},
};

use super::numbers::{duration, thousands};

/// Formats the step, losses, discriminator outputs and speed of a run in one line.
pub fn line(run: &Run) -> String {
    let mut text = format!("step {}", thousands(run.step()));
    if run.steps() > 0 {
        text += &format!(" of {}", thousands(run.steps()));
    }
    if let Some(last) = run.last {
        text += &format!(
            ", loss D {:.3} G {:.3}, V {:.3} (draw {DRAW:.3}), {}, {:.0} images/s, {} elapsed",
            last.d_loss,
            last.g_loss,
            last.value,
            verdicts(&last, 3),
            last.images_per_second,
            duration(last.seconds),
        );
    }
    match seconds_left(run) {
        Some(left) if !run.state().ended() => text + &format!(", {} left", duration(left)),
        _ => text,
    }
}

/// Formats the discriminator's mean outputs with `digits` behind the point, or the share of pairs that it judges right.
pub fn verdicts(metrics: &Metrics, digits: usize) -> String {
    match metrics.pairs_judged_right() {
        Some(share) => format!("D right in {:.1} % of pairs", 100.0 * share),
        None => format!("D(x) {:.digits$}, D(G(z)) {:.digits$}", metrics.d_real, metrics.d_fake),
    }
}

/// Returns the seconds until the last step, by the speed over the last tenth of the records; none if there are too few
/// records.
pub fn seconds_left(run: &Run) -> Option<f64> {
    let left = run.steps().checked_sub(run.step())?;
    let all = run.curves.between(0, u64::MAX);
    let last = all.last()?;
    let before = all.get(all.len().checked_sub(1 + (all.len() / 10).max(1))?)?;
    let steps = last.last.checked_sub(before.last).filter(|steps| *steps > 0)?;
    Some(f64::from(last.seconds - before.seconds) / steps as f64 * left as f64)
}

/// Returns what the user can do next with the run in `dir`, and the command for it, quoted for a shell. A run on a toy distribution has
/// nothing to export.
pub fn next_command(state: State, is_toy: bool, dir: &Path) -> (&'static str, String) {
    let dir = quoted(dir);
    match state {
        State::Waiting | State::Running | State::Paused => ("come back with", format!("duel watch {dir}")),
        State::Done if is_toy => ("see it again with", format!("duel watch {dir}")),
        State::Done => ("export it with", format!("duel export {dir}")),
        State::Stopped | State::Failed | State::Crashed => ("go on with", format!("duel train --resume {dir}")),
    }
}
