//! What probes of samples, one after the other, show.

use super::{Finding, PROBE, WINDOW, sample_statistics::Probe, steps::right};
use crate::{
    recipe::{BatchNorm, Kind, Recipe},
    run::record::Metrics,
};

/// Neighbouring pixels that differ by more than so many times as much as those of training images are noise.
const NOISE: f64 = 2.0;
/// Samples below this were not noise.
pub(super) const SMOOTH: f64 = 1.5;
/// Class entropy of more than two or three digits.
const SEVERAL: f64 = 0.5;
/// Samples that lie as near to each other, beside training images, are one image.
const ONE_IMAGE: f64 = 0.35;

/// Samples whose distance grows from probe to probe by as much in all are still unfolding from the one image that they began as: the
/// recipe `paper`, which begins with the mean image, told of a collapse at step 1,500, seed 1, and had all digits at 4,000.
const UNFOLDS: f64 = 0.1;

/// So many pairs of near-duplicates among [`PROBE`] samples: by the birthday paradox, a generator of about 128 images (Arora and
/// Zhang 2017).
const DUPLICATES: usize = 64;

/// Pixels that have nothing to do with their neighbours, in three probes one after the other. Every training begins so: it is a
/// failure only after better samples.
pub(super) fn noise(probes: &[Probe], recipe: &Recipe) -> Option<Finding> {
    if probes.len() < 3 || probes.iter().any(|probe| probe.roughness < NOISE || probe.spread < ONE_IMAGE) {
        return None;
    }
    let (g, d) = (recipe.generator.learning_rate, recipe.discriminator.learning_rate);
    Some(Finding {
        what: "divergence to noise",
        since: probes[0].step,
        evidence: format!(
            "neighbouring pixels differ {:.1} times as much as in training images; learning rates {g:e} and {d:e}",
            probes[2].roughness
        ),
        remedy: format!(
            "--set generator.learning_rate={:e} --set discriminator.learning_rate={:e}",
            g / 10.0,
            d / 10.0
        ),
    })
}

/// Whether samples are of several classes. Noise is read as one class, and so are digits under specks.
pub(super) fn varies(probe: &Probe) -> bool {
    probe.roughness < SMOOTH && probe.entropy >= SEVERAL
}

/// Samples that are one or two digits, after they were more (`varied`), or nearly one image, in three probes one after the other: what the field
/// calls mode collapse (Goodfellow 2016, section 5.1.1).
pub(super) fn collapse(probes: &[Probe], varied: bool, recipe: &Recipe) -> Option<Finding> {
    let few = |probe: &Probe| {
        varied && probe.entropy < SEVERAL && probe.roughness < SMOOTH
            || probe.spread < ONE_IMAGE
            || probe.duplicates >= DUPLICATES
    };
    if probes.len() < 3 || !probes.iter().all(few) {
        return None;
    }
    let last = probes[2];
    let unfolds = probes.windows(2).all(|two| two[0].spread < two[1].spread);
    if unfolds && last.spread > probes[0].spread + UNFOLDS {
        return None;
    }
    let (g, d, training) = (&recipe.generator, &recipe.discriminator, &recipe.training);
    let mut settings = Vec::new();
    // It is what keeps a generator from one image: Radford et al. 2016, section 3. Recipe `collapse`, seed 1, has digits with all three.
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
        evidence: format!(
            "class entropy {:.2} and distance of two samples {:.2} of what training images have; {} of {} pairs nearly the same",
            last.entropy,
            last.spread,
            last.duplicates,
            PROBE * (PROBE - 1) / 2
        ),
        remedy: settings.join(" "),
    })
}

/// A discriminator that tells training images from others learned them by heart, and what it teaches is to copy them: Karras et al.
/// 2020, section 2.
pub(super) fn memorises(probes: &[Probe], recipe: &Recipe) -> Option<Finding> {
    // So few images are learned by heart in any case.
    let few = (1..PROBE).contains(&recipe.data.images);
    if probes.len() < 3 || few || !probes.iter().all(|probe| probe.memory > 0.75) {
        return None;
    }
    let d = &recipe.discriminator;
    let remedy = if recipe.data.images > 0 {
        "--set data.images=0".to_owned()
    } else if d.kind == Kind::Mlp && d.keep_hidden == 1.0 {
        "--set discriminator.keep_pixels=0.8 --set discriminator.keep_hidden=0.5".to_owned()
    } else {
        format!("--set discriminator.learning_rate={:e}", d.learning_rate / 4.0)
    };
    Some(Finding {
        what: "discriminator memorises",
        since: probes[0].step,
        evidence: format!(
            "in {:.0} % of pairs it takes a training image for more real than one that it never saw; data.images = {}",
            100.0 * probes[2].memory,
            recipe.data.images
        ),
        remedy,
    })
}

/// Samples that stand still although the discriminator tells them from images.
pub(super) fn stalls(probes: &[Probe], window: &[Metrics], recipe: &Recipe) -> Option<Finding> {
    const STILL: f64 = 0.5;
    let [real, drawn] = right(window);
    let still = probes.len() == 3 && probes.iter().all(|probe| probe.motion < STILL);
    if !still || window.len() < WINDOW || real < 0.9 || drawn < 0.9 {
        return None;
    }
    let g = &recipe.generator;
    Some(Finding {
        what: "stall",
        since: probes[0].step,
        evidence: format!(
            "a pixel changes by {:.2} grey levels from samples to samples, and the discriminator tells {:.0} % of them; \
             generator.learning_rate = {:e}",
            probes[2].motion,
            100.0 * drawn,
            g.learning_rate
        ),
        remedy: format!("--set generator.learning_rate={:e}", (10.0 * g.learning_rate).clamp(1e-6, 10.0)),
    })
}
