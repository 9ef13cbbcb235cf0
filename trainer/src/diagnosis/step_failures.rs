//! Failures that a window of measured steps shows.

use super::finding::Finding;
use crate::{
    recipe::{Loss, Recipe},
    run::record::Metrics,
};

/// Measured steps that a failure must show in: one bad batch is no failure.
pub(super) const WINDOW: usize = 20;

/// Measured steps that show an oscillation.
pub(super) const LONG_WINDOW: usize = 60;

/// Every failure that a window of measured steps can show, a line each; `long` is the longer window.
pub(super) fn all(window: &[Metrics], long: &[Metrics], recipe: &Recipe) -> Vec<Option<Finding>> {
    vec![diverged(window, recipe), overpowers(window, recipe), fooled(window, recipe), oscillates(long, recipe)]
}

/// The shares of real and of generated examples on the right side of one half, over a window.
pub(super) fn share_judged_right(window: &[Metrics]) -> [f64; 2] {
    let share = |tenths: fn(&Metrics) -> &[u32; 10], right: std::ops::Range<usize>| {
        let count = |range: std::ops::Range<usize>| -> u32 {
            window.iter().map(|m| tenths(m)[range.clone()].iter().sum::<u32>()).sum()
        };
        f64::from(count(right)) / f64::from(count(0..10)).max(1.0)
    };
    [share(|m| &m.d_real_tenths, 5..10), share(|m| &m.d_fake_tenths, 0..5)]
}

/// The mean D(G(z)) of a window.
fn mean_d_fake(window: &[Metrics]) -> f64 {
    window.iter().map(|m| m.d_fake).sum::<f64>() / window.len() as f64
}

/// A discriminator that is always right leaves the generator nothing to learn from: Arjovsky and Bottou 2017, theorem
/// 2.4. With the minimax loss the gradient vanishes, too: Goodfellow et al. 2014, section 3.
fn overpowers(window: &[Metrics], recipe: &Recipe) -> Option<Finding> {
    let ([real, generated], d_fake) = (share_judged_right(window), mean_d_fake(window));
    if real < 0.99 || generated < 0.99 || d_fake > 0.02 || d_fake.is_nan() {
        return None;
    }
    let (g, d, training) = (&recipe.generator, &recipe.discriminator, &recipe.training);
    let favoured = training.k_discriminator > training.k_generator || d.learning_rate > g.learning_rate;
    // If the recipe favours no side, the loss is the cause.
    let vanishes = training.loss == Loss::Minimax && !favoured;
    let (cause, remedy) = if vanishes {
        ("the minimax loss is flat where D(G(z)) is near 0".to_owned(), "--set training.loss=non-saturating".to_owned())
    } else if training.k_discriminator > training.k_generator {
        let k = training.k_discriminator;
        (
            format!("the discriminator takes {k} updates a step"),
            format!("--set training.k_discriminator={}", training.k_generator.max(1)),
        )
    } else if d.learning_rate > g.learning_rate {
        let rate = d.learning_rate;
        (
            format!("discriminator.learning_rate = {rate:e} is above the generator's"),
            format!("--set discriminator.learning_rate={:e}", g.learning_rate),
        )
    } else if g.learning_rate > d.learning_rate {
        let rate = g.learning_rate;
        (
            format!("generator.learning_rate = {rate:e} is above the discriminator's, and too high to learn from it"),
            format!("--set generator.learning_rate={:e}", d.learning_rate),
        )
    } else {
        (
            "at equal rates the discriminator learns faster than the generator".to_owned(),
            format!("--set discriminator.learning_rate={:e}", d.learning_rate / 4.0),
        )
    };
    Some(Finding {
        what: if vanishes { "vanishing gradient" } else { "discriminator overpowers" },
        since: window[0].step,
        evidence: format!(
            "D is right about {:.1} % of real and {:.1} % of generated examples; mean D(G(z)) {d_fake:.4}, gradient of the generator {:.2e}; {cause}",
            100.0 * real,
            100.0 * generated,
            window[window.len() - 1].g_gradient
        ),
        remedy,
    })
}

/// A discriminator that takes almost every generated example for real teaches nothing either. D(x) = 0.5 everywhere is
/// not fooled.
fn fooled(window: &[Metrics], recipe: &Recipe) -> Option<Finding> {
    const TAKEN_FOR_REAL: f64 = 0.6;
    let ([real, generated], d_fake) = (share_judged_right(window), mean_d_fake(window));
    if generated > 0.05 || d_fake < TAKEN_FOR_REAL || d_fake.is_nan() {
        return None;
    }
    let (g, d, training) = (&recipe.generator, &recipe.discriminator, &recipe.training);
    let remedy = if training.k_generator > training.k_discriminator {
        format!("--set training.k_generator={}", training.k_discriminator.max(1))
    } else {
        format!("--set generator.learning_rate={:e}", d.learning_rate.min(g.learning_rate / 4.0))
    };
    Some(Finding {
        what: "discriminator fooled",
        since: window[0].step,
        evidence: format!(
            "D is right about {:.1} % of generated examples and {:.1} % of real ones; mean D(G(z)) {d_fake:.2}",
            100.0 * generated,
            100.0 * real
        ),
        remedy,
    })
}

/// Losses that no healthy training has, or a generator without gradient: learning rates that are too high leave units
/// that never fire again.
fn diverged(window: &[Metrics], recipe: &Recipe) -> Option<Finding> {
    let mean = |field: fn(&Metrics) -> f64| window.iter().map(|m| field(m).abs()).sum::<f64>() / window.len() as f64;
    let (d_loss, g_loss) = (mean(|m| m.d_loss), mean(|m| m.g_loss));
    let still = window.iter().all(|m| m.g_gradient < 1e-6);
    if !still && d_loss < 100.0 && g_loss < 100.0 {
        return None;
    }
    let (g, d) = (recipe.generator.learning_rate, recipe.discriminator.learning_rate);
    let shown = if still {
        "the generator has no gradient left".to_owned()
    } else {
        format!("mean losses of D {d_loss:.0} and G {g_loss:.0}")
    };
    Some(Finding {
        what: "divergence",
        since: window[0].step,
        evidence: format!("{shown}; learning rates of G {g:e} and D {d:e}"),
        remedy: format!(
            "--set generator.learning_rate={:e} --set discriminator.learning_rate={:e}",
            g / 100.0,
            d / 100.0
        ),
    })
}

/// A loss that rises and falls by a factor of four, again and again: both networks undo each other's progress
/// (Goodfellow 2016, section 8.2).
fn oscillates(window: &[Metrics], recipe: &Recipe) -> Option<Finding> {
    const TURNS: usize = 8;
    let losses: Vec<f64> = window.windows(3).map(|near| near.iter().map(|m| m.g_loss).sum::<f64>() / 3.0).collect();
    let mut sorted = losses.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = *sorted.get(sorted.len() / 2).filter(|_| window.len() == LONG_WINDOW)?;
    let mut turns: Vec<bool> =
        losses.iter().filter(|&&loss| loss > 2.0 * middle || loss < 0.5 * middle).map(|&loss| loss > middle).collect();
    turns.dedup();
    if middle <= 0.0 || turns.len() <= TURNS {
        return None;
    }
    let (g, d) = (&recipe.generator, &recipe.discriminator);
    let momentum = g.beta1 > 0.5 || d.beta1 > 0.5;
    let (from, to) = (sorted[0], sorted[sorted.len() - 1]);
    Some(Finding {
        what: "oscillation",
        since: window[0].step,
        evidence: format!(
            "the generator's loss swung {} times between {from:.2} and {to:.2}; learning rates {:e} and {:e}",
            turns.len() - 1,
            g.learning_rate,
            d.learning_rate
        ),
        remedy: if momentum {
            "--set generator.beta1=0.5 --set discriminator.beta1=0.5".to_owned()
        } else {
            format!(
                "--set generator.learning_rate={:e} --set discriminator.learning_rate={:e}",
                g.learning_rate / 2.0,
                d.learning_rate / 2.0
            )
        },
    })
}
