//! A run as text: its progress, and the command to use next.

use std::path::Path;

use duel_models::text::quoted;
use duel_trainer::{
    gan::losses::DRAW,
    run::{history::State, reader::Run, record::Metrics},
};

use super::numbers::{duration, thousands};

/// The keys of the updates in a step of either network.
const UPDATES: [&str; 2] = ["training.k_generator", "training.k_discriminator"];

/// Formats the step, losses, discriminator outputs and speed of a run in one line.
pub fn line(run: &Run) -> String {
    let mut text = format!("step {}", thousands(run.step()));
    if run.steps() > 0 {
        text += &format!(" of {}", thousands(run.steps()));
    }
    if let Some(last) = run.last {
        let fixed = |value| fixed(value, 3, has_idle_network(run));
        text += &format!(
            ", loss D {} G {}, V {} (draw {DRAW:.3}), {}, {:.0} images/s, {} elapsed",
            fixed(last.d_loss),
            fixed(last.g_loss),
            fixed(last.value),
            verdicts(&last, fixed),
            last.images_per_second,
            duration(last.seconds),
        );
    }
    match seconds_left(run) {
        Some(left) if !run.state().ended() => text + &format!(", {} left", duration(left)),
        _ => text,
    }
}

/// Returns whether the newest step did not update one of the networks: it has neither a loss nor a gradient then, and both
/// are recorded as NaN.
pub fn has_idle_network(run: &Run) -> bool {
    UPDATES.iter().any(|key| run.setting(key).is_some_and(|updates| updates == "0"))
}

/// Formats a number with `digits` behind the point. NaN is `-` if a network is `idle`, see [`has_idle_network`], and else
/// `nan`.
pub fn fixed(value: f64, digits: usize, idle: bool) -> String {
    match value.is_nan() {
        true if idle => "-".into(),
        true => "nan".into(),
        false => format!("{value:.digits$}"),
    }
}

/// Formats the discriminator's mean outputs by `fixed`, or the share of pairs that it judges right.
pub fn verdicts(metrics: &Metrics, fixed: impl Fn(f64) -> String) -> String {
    match metrics.pairs_judged_right() {
        Some(share) => format!("D right in {:.1} % of pairs", 100.0 * share),
        None => format!("D(x) {}, D(G(z)) {}", fixed(metrics.d_real), fixed(metrics.d_fake)),
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

#[cfg(test)]
mod tests {
    use duel_tests::recorded::{Kind, at};
    use duel_trainer::run::reader::RecipeView;

    use super::*;

    #[test]
    fn a_network_that_is_not_updated_has_no_loss() {
        let (nan, before) = (f64::NAN, at(Kind::Healthy, 50));
        for (recipe, last, expected) in [
            ("", before, "loss D 0."),
            ("k_generator = 0", Metrics { g_loss: nan, g_gradient: nan, ..before }, " G -, V -"),
            ("k_discriminator = 0", Metrics { d_loss: nan, value: nan, d_real: nan, ..before }, "loss D - G "),
            ("k_generator = 1", Metrics { g_loss: nan, ..before }, " G nan, V -"),
            ("changes = [\"9: training.k_generator = 0\"]", Metrics { g_loss: nan, ..before }, " G -, V -"),
        ] {
            let recipe = RecipeView::parse(&format!("[training]\n{recipe}"));
            let text = line(&Run { recipe, last: Some(last), ..Run::default() });
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }
}
