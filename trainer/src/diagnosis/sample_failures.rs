//! Failures that successive probes of samples show.

use super::{
    finding::Finding,
    sample_statistics::{PROBE, Probe},
    step_failures::{WINDOW, share_judged_right},
};
use crate::{
    recipe::{Augment, BatchNorm, Kind, Recipe},
    run::record::Metrics,
};

/// Samples are noise if their roughness is above this multiple of the training pictures' roughness.
const NOISE: f64 = 2.0;
/// Samples whose roughness is below this are not noise.
pub(super) const SMOOTH: f64 = 1.5;
/// A class entropy above this value means more than two or three of ten classes or clusters.
const SEVERAL: f64 = 0.5;
/// Samples whose spread is below this share of the training pictures' are nearly one picture.
const ONE_IMAGE: f64 = 0.35;

/// If the spread of the samples grows by more than this over the probes, the samples are still moving apart from the one
/// picture that all of them showed at the beginning. The recipe `paper` begins with the mean picture: with seed 1 its samples looked collapsed at step 1,500,
/// and showed all digits at step 4,000.
const UNFOLDS: f64 = 0.1;

/// Number of near-duplicate pairs among [`PROBE`] samples from which the generator counts as collapsed: by the birthday
/// paradox it draws only about 128 different pictures then (Arora and Zhang 2017).
const DUPLICATES: usize = 64;

/// The last probes of samples, and what was seen before them.
pub(super) struct History<'a> {
    /// The last three probes.
    pub probes: &'a [Probe],
    /// The last measured steps.
    pub window: &'a [Metrics],
    /// Whether samples were ever almost as smooth as training pictures.
    pub were_smooth: bool,
    /// Whether samples ever showed several classes.
    pub had_variety: bool,
}

/// Every failure that probes of samples can show, a line each.
pub(super) fn all(history: &History, recipe: &Recipe) -> Vec<Option<Finding>> {
    vec![
        noise(history, recipe),
        collapse(history.probes, history.had_variety, recipe),
        memorises(history.probes, recipe),
        stalls(history.probes, history.window, recipe),
    ]
}

/// Divergence to noise: pixels without any relation to their neighbours. Every training begins with noise, so noise is a
/// failure only after better samples.
fn noise(History { probes, were_smooth, .. }: &History, recipe: &Recipe) -> Option<Finding> {
    if !were_smooth || probes.iter().any(|probe| probe.roughness < NOISE || probe.spread < ONE_IMAGE) {
        return None;
    }
    let (g, d) = (recipe.generator.learning_rate, recipe.discriminator.learning_rate);
    Some(Finding {
        what: "divergence to noise",
        since: probes[0].step,
        evidence: format!(
            "neighbouring pixels differ {:.1} times as much as in training pictures; learning rates {g:e} and {d:e}",
            probes[2].roughness
        ),
        remedy: format!(
            "--set generator.learning_rate={:e} --set discriminator.learning_rate={:e}",
            g / 10.0,
            d / 10.0
        ),
    })
}

/// Whether samples show several classes. Rough samples do not count: the classifier reads noise, and digits covered
/// with specks, as one class.
pub(super) fn has_variety(probe: &Probe) -> bool {
    probe.roughness < SMOOTH && probe.entropy.is_some_and(|entropy| entropy >= SEVERAL)
}

/// Mode collapse (Goodfellow 2016, section 5.1.1): samples of one or two classes after there were several, or samples
/// that are nearly one picture.
pub(super) fn collapse(probes: &[Probe], had_variety: bool, recipe: &Recipe) -> Option<Finding> {
    let few = |probe: &Probe| {
        had_variety && probe.entropy.is_some_and(|entropy| entropy < SEVERAL) && probe.roughness < SMOOTH
            || probe.spread < ONE_IMAGE
            || probe.duplicates >= DUPLICATES
    };
    if !probes.iter().all(few) {
        return None;
    }
    let last = probes[2];
    let unfolds = probes.windows(2).all(|two| two[0].spread < two[1].spread);
    if unfolds && last.spread > probes[0].spread + UNFOLDS {
        return None;
    }
    let (g, d, training) = (&recipe.generator, &recipe.discriminator, &recipe.training);
    let mut settings = Vec::new();
    // Batch norm keeps a generator from drawing one picture: Radford et al. 2016, section 3. With these settings the
    // recipe `collapse`, seed 1, draws digits.
    if g.batch_norm == BatchNorm::Off {
        settings.push("--set generator.batch_norm=batch".to_owned());
    }
    if training.k_generator > training.k_discriminator {
        settings.push(format!("--set training.k_generator={}", training.k_discriminator.max(1)));
    }
    if g.learning_rate > d.learning_rate {
        settings.push(format!("--set generator.learning_rate={:e}", d.learning_rate.max(g.learning_rate / 10.0)));
    }
    if settings.is_empty() && d.r1 == 0.0 {
        settings
            .push("--set training.loss=relativistic --set discriminator.r1=40 --set discriminator.r2=40".to_owned());
    }
    if settings.is_empty() {
        settings.push(format!("--set generator.learning_rate={:e}", g.learning_rate / 2.0));
    }
    Some(Finding {
        what: "mode collapse",
        since: probes[0].step,
        evidence: collapse_evidence(&last),
        remedy: settings.join(" "),
    })
}

/// The numbers that show a collapse.
fn collapse_evidence(probe: &Probe) -> String {
    let pairs = PROBE * (PROBE - 1) / 2;
    let entropy =
        probe.entropy.map_or_else(String::new, |entropy| format!("entropy of classes or clusters {entropy:.2} and "));
    format!(
        "{entropy}mean distance between samples {:.2} times that between training pictures; {} of {pairs} pairs nearly equal",
        probe.spread, probe.duplicates
    )
}

/// A discriminator that tells training pictures from held-out ones has memorised them, and teaches the generator to
/// copy them: Karras et al. 2020, section 2.
pub(super) fn memorises(probes: &[Probe], recipe: &Recipe) -> Option<Finding> {
    // Any discriminator memorises so few pictures.
    let few = (1..PROBE).contains(&recipe.data.images);
    if few || !probes.iter().all(|probe| probe.memory > 0.75) {
        return None;
    }
    let (d, training) = (&recipe.discriminator, &recipe.training);
    let remedy = if recipe.data.images > 0 {
        "--set data.images=0".to_owned()
    } else if training.augment != Augment::Fixed {
        // Measured with 200 digits (docs/laboratory.md): in 4,000 steps the adaptive probability rises to 0.1, too little
        // to keep the discriminator from memorising.
        "--set training.augment=fixed".to_owned()
    } else if training.augment_probability < 1.0 {
        "--set training.augment_probability=1".to_owned()
    } else if d.kind == Kind::Mlp && d.keep_hidden == 1.0 {
        "--set discriminator.keep_pixels=0.8 --set discriminator.keep_hidden=0.5".to_owned()
    } else {
        format!("--set discriminator.learning_rate={:e}", d.learning_rate / 4.0)
    };
    Some(Finding {
        what: "discriminator memorises",
        since: probes[0].step,
        evidence: format!(
            "in {:.0} % of pairs it finds a training picture more real than a held-out one; data.images = {}",
            100.0 * probes[2].memory,
            recipe.data.images
        ),
        remedy,
    })
}

/// Samples that do not change although the discriminator tells them from real pictures.
pub(super) fn stalls(probes: &[Probe], window: &[Metrics], recipe: &Recipe) -> Option<Finding> {
    const STILL: f64 = 0.5;
    let [real, generated] = share_judged_right(window);
    let still = probes.iter().all(|probe| probe.motion < STILL);
    if !still || window.len() < WINDOW || real < 0.9 || generated < 0.9 {
        return None;
    }
    let g = &recipe.generator;
    Some(Finding {
        what: "stall",
        since: probes[0].step,
        evidence: format!(
            "a pixel changes by {:.2} of 255 levels from grid to grid, and the discriminator recognises {:.0} % of samples; \
             generator.learning_rate = {:e}",
            probes[2].motion,
            100.0 * generated,
            g.learning_rate
        ),
        remedy: format!("--set generator.learning_rate={:e}", (10.0 * g.learning_rate).clamp(1e-6, 10.0)),
    })
}
