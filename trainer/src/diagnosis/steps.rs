//! What a window of measured steps shows.

use super::{Finding, LONG};
use crate::{
    recipe::{Loss, Recipe},
    run::record::Metrics,
};

/// The share of images on the right side of one half, of real and of drawn ones, over a window.
pub(super) fn right(window: &[Metrics]) -> [f64; 2] {
    let share = |tenths: fn(&Metrics) -> &[u32; 10], right: std::ops::Range<usize>| {
        let of = |range: std::ops::Range<usize>| -> u32 {
            window.iter().map(|m| tenths(m)[range.clone()].iter().sum::<u32>()).sum()
        };
        f64::from(of(right)) / f64::from(of(0..10)).max(1.0)
    };
    [share(|m| &m.d_real_tenths, 5..10), share(|m| &m.d_fake_tenths, 0..5)]
}

/// The mean D(G(z)) of a window.
fn opinion(window: &[Metrics]) -> f64 {
    window.iter().map(|m| m.d_fake).sum::<f64>() / window.len() as f64
}

/// A discriminator that is never in doubt leaves the generator nothing to learn from: Arjovsky and Bottou 2017, theorem 2.4; with the
/// minimax loss the gradient is gone, too: Goodfellow et al. 2014, section 3.
pub(super) fn overpowers(window: &[Metrics], recipe: &Recipe) -> Option<Finding> {
    let ([real, drawn], doubt) = (right(window), opinion(window));
    if real < 0.99 || drawn < 0.99 || doubt > 0.02 || doubt.is_nan() {
        return None;
    }
    let (g, d, training) = (&recipe.generator, &recipe.discriminator, &recipe.training);
    let favoured = training.k_discriminator > training.k_generator || d.learning_rate > g.learning_rate;
    // Where the recipe gives neither side more, it is the loss that does.
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
            "D is right about {:.1} % of real and {:.1} % of drawn images; mean D(G(z)) {doubt:.4}, gradient of the generator {:.2e}; {cause}",
            100.0 * real,
            100.0 * drawn,
            window[window.len() - 1].g_gradient
        ),
        remedy,
    })
}

/// A discriminator that takes nearly every drawn image for real teaches nothing either. One that says 0.5 of everything takes nothing for real.
pub(super) fn fooled(window: &[Metrics], recipe: &Recipe) -> Option<Finding> {
    const FOR_REAL: f64 = 0.6;
    let ([real, drawn], fooled) = (right(window), opinion(window));
    if drawn > 0.05 || fooled < FOR_REAL || fooled.is_nan() {
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
            "D is right about {:.1} % of drawn images and {:.1} % of real ones; mean D(G(z)) {fooled:.2}",
            100.0 * drawn,
            100.0 * real
        ),
        remedy,
    })
}

/// Losses that no healthy duel has, or a generator without any gradient: rates that are too high leave units behind that never
/// fire again.
pub(super) fn diverged(window: &[Metrics], recipe: &Recipe) -> Option<Finding> {
    let mean = |of: fn(&Metrics) -> f64| window.iter().map(|m| of(m).abs()).sum::<f64>() / window.len() as f64;
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

/// A loss that goes up and down by a factor of four, again and again: two players who run after each other (Goodfellow 2016,
/// section 8.2).
pub(super) fn oscillates(window: &[Metrics], recipe: &Recipe) -> Option<Finding> {
    const TURNS: usize = 8;
    let losses: Vec<f64> = window.windows(3).map(|near| near.iter().map(|m| m.g_loss).sum::<f64>() / 3.0).collect();
    let mut sorted = losses.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = *sorted.get(sorted.len() / 2).filter(|_| window.len() == LONG)?;
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
