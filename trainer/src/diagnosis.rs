//! Names what is going wrong in a duel while it happens, and the remedy in the recipe's own keys.
//!
//! Two kinds of evidence: a window of measured steps, and a probe of samples whenever a grid of them is written. Each check is a
//! function of one of them alone. A failure is told once, when it begins, and again only after it was gone.

use std::collections::{BTreeSet, VecDeque};

use candle_core::Result;
use duel_models::{PIXELS, SIDE, pixels};

use crate::{
    dataset::Dataset,
    evaluate::{self, classifier::Classifier},
    recipe::{Kind, Loss, Recipe},
    run::record::Metrics,
};

/// Measured steps that a check looks at: enough that a bad batch is no failure.
const WINDOW: usize = 20;

/// Measured steps that show an oscillation.
const LONG: usize = 60;

/// Samples of a probe, and training images that it is held against.
pub const PROBE: usize = 128;
/// Training images, and as many held-out ones, that the discriminator is asked about.
pub const JUDGED: usize = 512;

/// Neighbouring pixels that differ more often than this are noise, beside training images.
const NOISE: f64 = 2.0;
/// Samples below this were not noise.
const SMOOTH: f64 = 1.5;
/// Samples that lie as near to each other, beside training images, are one image.
const ONE_IMAGE: f64 = 0.35;

/// So many pairs of near-duplicates among [`PROBE`] samples: by the birthday paradox, a generator of about 128 images (Arora and
/// Zhang 2017).
const DUPLICATES: usize = 64;

/// A failure, as it stands in `events.jsonl`.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Its name.
    pub what: &'static str,
    /// The first step that shows it.
    pub since: u64,
    /// What shows it, in numbers.
    pub evidence: String,
    /// What to change, with a `--set` to copy.
    pub remedy: String,
}

/// What samples look like, as shares of what training images do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    /// Steps done.
    pub step: u64,
    /// Entropy of the classes that the classifier reads, 0 for one class to 1 for all as frequent as in the data.
    pub entropy: f64,
    /// Mean distance of two samples.
    pub spread: f64,
    /// Mean difference of neighbouring pixels.
    pub roughness: f64,
    /// Pairs of samples that lie nearer to each other than half the distance of the two nearest training images.
    pub duplicates: usize,
    /// Mean change of a pixel since the probe before, of the same latents, in grey levels. Not a share.
    pub motion: f64,
    /// How often the discriminator takes a training image for more real than a held-out one: 0.5 if it knows neither. Not a
    /// share, and NaN without held-out images.
    pub memory: f64,
}

/// Watches one training.
#[derive(Debug, Default)]
pub struct Watch {
    window: VecDeque<Metrics>,
    /// Losses of the generator over a longer while.
    swings: VecDeque<Metrics>,
    probes: VecDeque<Probe>,
    /// The samples of the last probe.
    last: Vec<u8>,
    reference: Option<Reference>,
    /// Whether samples were ever as smooth as digits, nearly.
    drew: bool,
    told: BTreeSet<&'static str>,
}

/// The classifier, and what training images look like to it.
#[derive(Debug)]
struct Reference {
    classifier: Classifier,
    look: Look,
}

/// Entropy, spread, roughness and duplicates of some images, as they are.
#[derive(Debug, Clone)]
struct Look {
    entropy: f64,
    spread: f64,
    roughness: f64,
    /// The squared distances of all pairs, rising.
    pairs: Vec<f32>,
}

impl Watch {
    /// What a measured step adds to the evidence.
    pub fn metrics(&mut self, recipe: &Recipe, metrics: &Metrics) -> Vec<Finding> {
        self.window.push_back(*metrics);
        if self.window.len() > WINDOW {
            self.window.pop_front();
        }
        self.swings.push_back(*metrics);
        if self.swings.len() > LONG {
            self.swings.pop_front();
        }
        let (window, long) = (self.window.make_contiguous(), self.swings.make_contiguous());
        if window.len() < WINDOW {
            return Vec::new();
        }
        let found =
            [diverged(window, recipe), overpowers(window, recipe), fooled(window, recipe), oscillates(long, recipe)];
        let names =
            ["divergence", "discriminator overpowers", "vanishing gradient", "discriminator fooled", "oscillation"];
        self.news(&names, found)
    }

    /// What samples, grey levels [[`PROBE`], 784], add to it, beside the training images; and what the discriminator thinks of training
    /// and of held-out images, their logits.
    pub fn samples(
        &mut self,
        recipe: &Recipe,
        step: u64,
        samples: &[u8],
        data: &Dataset,
        opinions: Option<[Vec<f32>; 2]>,
    ) -> Result<Vec<Finding>> {
        let reference = match &mut self.reference {
            Some(reference) => reference,
            none => {
                let classifier = Classifier::shipped()?;
                let images = &data.images[..PROBE.min(data.len()) * PIXELS];
                none.insert(Reference { look: Look::of(images, &classifier)?, classifier })
            }
        };
        let look = Look::of(samples, &reference.classifier)?;
        let of = |mine: f64, real: f64| if real > 0.0 { mine / real } else { 1.0 };
        self.probes.push_back(Probe {
            step,
            entropy: of(look.entropy, reference.look.entropy),
            spread: of(look.spread, reference.look.spread),
            roughness: of(look.roughness, reference.look.roughness),
            duplicates: look.nearer_than(reference.look.pairs.first().map_or(0.0, |nearest| nearest / 4.0)),
            motion: motion(&self.last, samples),
            memory: opinions.map_or(f64::NAN, |[known, held_out]| memory(&known, &held_out)),
        });
        self.last = samples.to_vec();
        if self.probes.len() > 3 {
            self.probes.pop_front();
        }
        let probes = self.probes.make_contiguous();
        self.drew |= probes.iter().any(|probe| probe.roughness < SMOOTH);
        let drew = self.drew;
        let found = [
            noise(probes, recipe).filter(|_| drew),
            collapse(probes, recipe),
            memorises(probes, recipe),
            stalls(probes, self.window.make_contiguous(), recipe),
        ];
        Ok(self.news(&["divergence to noise", "mode collapse", "discriminator memorises", "stall"], found))
    }

    /// Of what was found, what was not told; what was told and is gone may be told again.
    fn news(&mut self, names: &[&'static str], found: impl IntoIterator<Item = Option<Finding>>) -> Vec<Finding> {
        let found: Vec<Finding> = found.into_iter().flatten().collect();
        self.told.retain(|told| !names.contains(told) || found.iter().any(|finding| finding.what == *told));
        found.into_iter().filter(|finding| self.told.insert(finding.what)).collect()
    }
}

impl Look {
    fn of(images: &[u8], classifier: &Classifier) -> Result<Self> {
        let values: Vec<f32> = images.iter().map(|&byte| pixels::from_byte(byte)).collect();
        let images: Vec<&[f32]> = values.chunks_exact(PIXELS).collect();
        let pairs = images.windows(2).map(|pair| distance(pair[0], pair[1]));
        let rough =
            values.chunks_exact(SIDE).flat_map(|row| row.windows(2).map(|pair| f64::from((pair[0] - pair[1]).abs())));
        Ok(Self {
            entropy: evaluate::balance(&classifier.read(&values)?.labels),
            spread: pairs.sum::<f64>() / (images.len() - 1).max(1) as f64,
            roughness: rough.sum::<f64>() / values.len() as f64,
            pairs: {
                let all = images.iter().enumerate().flat_map(|(at, a)| images[..at].iter().map(|b| squared(a, b)));
                let mut pairs: Vec<f32> = all.collect();
                pairs.sort_by(f32::total_cmp);
                pairs
            },
        })
    }

    fn nearer_than(&self, squared: f32) -> usize {
        self.pairs.partition_point(|&pair| pair < squared)
    }
}

/// The mean change of a pixel, in grey levels; infinite for the first samples.
fn motion(before: &[u8], now: &[u8]) -> f64 {
    if before.len() != now.len() {
        return f64::INFINITY;
    }
    let sum: u64 = before.iter().zip(now).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / now.len() as f64
}

/// How often one of the first logits is above one of the second; a draw counts half.
fn memory(known: &[f32], held_out: &[f32]) -> f64 {
    let mut sorted = held_out.to_vec();
    sorted.sort_by(f32::total_cmp);
    let below = |logit: &f32| {
        let (least, most) =
            (sorted.partition_point(|other| other < logit), sorted.partition_point(|other| other <= logit));
        (least + most) as f64 / 2.0
    };
    known.iter().map(below).sum::<f64>() / (known.len() * sorted.len()) as f64
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    f64::from(squared(a, b)).sqrt()
}

fn squared(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// The share of images on the right side of one half, of real and of drawn ones, over a window.
fn right(window: &[Metrics]) -> [f64; 2] {
    let share = |tenths: fn(&Metrics) -> &[u32; 10], right: std::ops::Range<usize>| {
        let of = |range: std::ops::Range<usize>| -> u32 {
            window.iter().map(|m| tenths(m)[range.clone()].iter().sum::<u32>()).sum()
        };
        f64::from(of(right)) / f64::from(of(0..10)).max(1.0)
    };
    [share(|m| &m.d_real_tenths, 5..10), share(|m| &m.d_fake_tenths, 0..5)]
}

/// A discriminator that is never in doubt leaves the generator nothing to learn from: Arjovsky and Bottou 2017, theorem 2.4; with the
/// minimax loss the gradient is gone, too: Goodfellow et al. 2014, section 3.
fn overpowers(window: &[Metrics], recipe: &Recipe) -> Option<Finding> {
    let [real, drawn] = right(window);
    let doubt = window.iter().map(|m| m.d_fake).sum::<f64>() / window.len() as f64;
    if real < 0.99 || drawn < 0.99 || doubt > 0.02 || doubt.is_nan() {
        return None;
    }
    let (g, d, training) = (&recipe.generator, &recipe.discriminator, &recipe.training);
    let minimax = training.loss == Loss::Minimax;
    let (cause, remedy) = if minimax {
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
    } else {
        (
            "the discriminator learns faster than the generator".to_owned(),
            format!("--set discriminator.learning_rate={:e}", d.learning_rate / 4.0),
        )
    };
    Some(Finding {
        what: if minimax { "vanishing gradient" } else { "discriminator overpowers" },
        since: window[0].step,
        evidence: format!(
            "it tells {:.1} % of real and {:.1} % of drawn images; mean D(G(z)) {doubt:.4}, gradient of the generator {:.2e}; {cause}",
            100.0 * real,
            100.0 * drawn,
            window[window.len() - 1].g_gradient
        ),
        remedy,
    })
}

/// A discriminator that takes nearly every drawn image for real teaches nothing either.
fn fooled(window: &[Metrics], recipe: &Recipe) -> Option<Finding> {
    let [real, drawn] = right(window);
    if drawn > 0.05 {
        return None;
    }
    Some(Finding {
        what: "discriminator fooled",
        since: window[0].step,
        evidence: format!("it tells {:.1} % of drawn images and {:.1} % of real ones", 100.0 * drawn, 100.0 * real),
        remedy: format!("--set discriminator.learning_rate={:e}", 2.0 * recipe.discriminator.learning_rate),
    })
}

/// Losses that no healthy duel has, or a generator without any gradient: rates that are too high leave units behind that never
/// fire again.
fn diverged(window: &[Metrics], recipe: &Recipe) -> Option<Finding> {
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
        format!("mean losses of {d_loss:.0} and {g_loss:.0}")
    };
    Some(Finding {
        what: "divergence",
        since: window[0].step,
        evidence: format!("{shown}; learning rates {g:e} and {d:e}"),
        remedy: format!(
            "--set generator.learning_rate={:e} --set discriminator.learning_rate={:e}",
            g / 100.0,
            d / 100.0
        ),
    })
}

/// Pixels that have nothing to do with their neighbours, in three probes one after the other. Every training begins so: it is a
/// failure only after better samples.
fn noise(probes: &[Probe], recipe: &Recipe) -> Option<Finding> {
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

/// Samples that are one or two digits, or nearly one image, in three probes one after the other: what the field calls mode collapse
/// (Goodfellow 2016, section 5.1.1).
fn collapse(probes: &[Probe], recipe: &Recipe) -> Option<Finding> {
    // Noise is read as one class, too, and so are digits under specks.
    let few = |probe: &Probe| {
        probe.entropy < 0.5 && probe.roughness < SMOOTH || probe.spread < ONE_IMAGE || probe.duplicates >= DUPLICATES
    };
    if probes.len() < 3 || !probes.iter().all(few) {
        return None;
    }
    let last = probes[2];
    let training = &recipe.training;
    let remedy = if training.k_generator > training.k_discriminator {
        format!("--set training.k_generator={}", training.k_discriminator.max(1))
    } else if recipe.discriminator.r1 == 0.0 {
        "--set training.loss=relativistic --set discriminator.r1=40 --set discriminator.r2=40".to_owned()
    } else {
        format!("--set generator.learning_rate={:e}", recipe.generator.learning_rate / 2.0)
    };
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
        remedy,
    })
}

/// A discriminator that tells training images from others learned them by heart, and what it teaches is to copy them: Karras et al.
/// 2020, section 2.
fn memorises(probes: &[Probe], recipe: &Recipe) -> Option<Finding> {
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

/// A loss that goes up and down by a factor of four, again and again: two players who run after each other (Goodfellow 2016,
/// section 8.2).
fn oscillates(window: &[Metrics], recipe: &Recipe) -> Option<Finding> {
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

/// Samples that stand still although the discriminator tells them from images.
fn stalls(probes: &[Probe], window: &[Metrics], recipe: &Recipe) -> Option<Finding> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A measured step in which D takes `real` of 10 real and `drawn` of 10 drawn images for real.
    fn step(step: u64, real: u32, drawn: u32) -> Metrics {
        let tenths = |likely: u32| {
            std::array::from_fn(|at| match at {
                0 => 10 - likely,
                9 => likely,
                _ => 0,
            })
        };
        let line = format!(
            r#"{{"step":{step},"images":1,"seconds":1,"d_loss":1,"d_loss_real":1,"d_loss_fake":1,"g_loss":1,"value":-1,"d_real":{},"d_fake":{},
            "d_gradient":1,"g_gradient":0.5,"d_learning_rate":1e-4,"g_learning_rate":1e-4,"images_per_second":1}}"#,
            f64::from(real) / 10.0,
            f64::from(drawn) / 10.0
        );
        Metrics {
            d_real_tenths: tenths(real),
            d_fake_tenths: tenths(drawn),
            ..serde_json::from_str(&line).expect("metrics")
        }
    }

    fn told(recipe: &Recipe, real: u32, drawn: u32) -> Vec<Finding> {
        let mut watch = Watch::default();
        (1..=60).flat_map(|at| watch.metrics(recipe, &step(at, real, drawn))).collect()
    }

    #[test]
    fn a_duel_in_balance_says_nothing() {
        for (real, drawn) in [(5, 5), (8, 2), (6, 4), (9, 1)] {
            assert_eq!(told(&Recipe::default(), real, drawn), []);
        }
    }

    #[test]
    fn a_discriminator_that_is_never_in_doubt_is_named_once_with_the_key_to_change() {
        let set = |setting: &str| Recipe::default().with(&[setting.to_owned()]).expect("a key");
        for (recipe, what, remedy) in [
            (set("training.k_discriminator=3"), "discriminator overpowers", "--set training.k_discriminator=1"),
            (
                set("discriminator.learning_rate=1e-3"),
                "discriminator overpowers",
                "--set discriminator.learning_rate=1e-4",
            ),
            (set("training.loss=minimax"), "vanishing gradient", "--set training.loss=non-saturating"),
        ] {
            let found = told(&recipe, 10, 0);
            assert_eq!(found.len(), 1);
            assert_eq!((found[0].what, found[0].since, found[0].remedy.as_str()), (what, 1, remedy));
        }
    }

    #[test]
    fn a_discriminator_that_takes_all_for_real_is_fooled() {
        assert_eq!(told(&Recipe::default(), 10, 10)[0].what, "discriminator fooled");
    }

    #[test]
    fn a_generator_without_a_gradient_and_losses_beyond_all_measure_have_diverged() {
        for broken in [Metrics { g_gradient: 0.0, ..step(1, 5, 5) }, Metrics { g_loss: 14_000.0, ..step(1, 5, 5) }] {
            let mut watch = Watch::default();
            let found: Vec<Finding> = (0..30).flat_map(|_| watch.metrics(&Recipe::default(), &broken)).collect();
            assert_eq!((found.len(), found[0].what), (1, "divergence"));
        }
    }

    #[test]
    fn a_loss_that_swings_oscillates_and_one_that_falls_does_not() {
        let told = |loss: &dyn Fn(f64) -> f64| {
            let mut watch = Watch::default();
            let at = |step: u64| Metrics { g_loss: loss(step as f64), ..self::step(step, 8, 2) };
            (1..=120).flat_map(|step| watch.metrics(&Recipe::default(), &at(step))).map(|found| found.what).collect()
        };
        let (swings, falls, trembles): (Vec<_>, Vec<_>, Vec<_>) = (
            told(&|step| (1.5 * (step / 2.0).sin()).exp()),
            told(&|step| 8.0 * (-step / 30.0).exp()),
            told(&|step| 1.0 + 0.4 * (step / 2.0).sin()),
        );
        assert_eq!((swings, falls, trembles), (vec!["oscillation"], vec![], vec![]));
    }

    #[test]
    fn a_discriminator_that_knows_its_images_memorises() {
        let probe =
            |memory| Probe { step: 1, entropy: 1.0, spread: 1.0, roughness: 1.0, duplicates: 0, motion: 9.0, memory };
        let of = |memories: [f64; 3], settings: &[&str]| {
            let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
            let recipe = Recipe::default().with(&settings).expect("keys");
            memorises(&memories.map(probe), &recipe).map(|found| found.remedy)
        };
        assert_eq!(of([0.9; 3], &["data.images=500"]).as_deref(), Some("--set data.images=0"));
        assert!(of([0.9; 3], &[]).expect("it does").contains("keep_hidden"));
        assert_eq!((of([0.9, 0.9, 0.6], &[]), of([f64::NAN; 3], &[])), (None, None));
        assert_eq!(memory(&[3.0, 1.0], &[1.0, 0.0]), 0.875);
    }

    #[test]
    fn samples_that_stand_still_before_a_sure_discriminator_stall() {
        let probe = |motion| Probe {
            step: 1,
            entropy: 1.0,
            spread: 1.0,
            roughness: 1.0,
            duplicates: 0,
            motion,
            memory: f64::NAN,
        };
        let window = |drawn| (1..=20).map(|at| step(at, 10, drawn)).collect::<Vec<_>>();
        let found = stalls(&[probe(0.1); 3], &window(0), &Recipe::default()).expect("they do");
        assert_eq!((found.what, found.remedy.as_str()), ("stall", "--set generator.learning_rate=1e-3"));
        assert_eq!(stalls(&[probe(0.1); 3], &window(5), &Recipe::default()), None);
        assert_eq!(stalls(&[probe(f64::INFINITY), probe(0.1), probe(0.1)], &window(0), &Recipe::default()), None);
        assert_eq!((motion(&[1, 2], &[3, 2]), motion(&[], &[3, 2])), (1.0, f64::INFINITY));
    }

    #[test]
    fn few_images_again_and_again_are_a_collapse_by_the_birthday_count() {
        let data = Dataset::mnist(crate::dataset::Split::Train);
        let digits = &data.images[PROBE * PIXELS..];
        for (different, expected) in [(PROBE, 0), (40, 1)] {
            let samples: Vec<u8> =
                (0..PROBE).flat_map(|at| &digits[at % different * PIXELS..][..PIXELS]).copied().collect();
            let mut watch = Watch::default();
            let told =
                (1..=4).flat_map(|step| watch.samples(&Recipe::default(), step, &samples, &data, None).expect("a CPU"));
            assert_eq!(told.filter(|found| found.what == "mode collapse").count(), expected, "{different}");
        }
    }

    #[test]
    fn what_is_gone_is_told_again_when_it_returns() {
        let (mut watch, recipe) = (Watch::default(), Recipe::default());
        let drawn = |at: u64| if (41..=80).contains(&at) { 5 } else { 0 };
        let found: Vec<u64> =
            (1..=120).flat_map(|at| watch.metrics(&recipe, &step(at, 10, drawn(at)))).map(|f| f.since).collect();
        assert_eq!(found, [1, 81]);
    }

    #[test]
    fn noise_at_the_start_of_a_training_is_no_failure() {
        let data = Dataset::mnist(crate::dataset::Split::Train);
        let mut stream = duel_models::random::Stream::new(1, "noise");
        let noise: Vec<u8> = (0..PROBE * PIXELS).map(|_| (stream.uniform() * 255.0) as u8).collect();
        let mut watch = Watch::default();
        for step in 1..=6 {
            assert_eq!(watch.samples(&Recipe::default(), step, &noise, &data, None).expect("a classifier"), []);
        }
    }

    #[test]
    fn samples_of_one_digit_and_of_noise_are_named_and_digits_are_not() {
        let data = Dataset::mnist(crate::dataset::Split::Train);
        let digits = &data.images[PROBE * PIXELS..][..PROBE * PIXELS];
        let one = digits[..PIXELS].repeat(PROBE);
        let mut stream = duel_models::random::Stream::new(1, "noise");
        let noise: Vec<u8> = (0..PROBE * PIXELS).map(|_| (stream.uniform() * 255.0) as u8).collect();
        for (samples, expected) in
            [(digits, None), (&one[..], Some("mode collapse")), (&noise[..], Some("divergence to noise"))]
        {
            let mut watch = Watch { drew: true, ..Watch::default() };
            let found: Vec<&str> = (1..=4)
                .flat_map(|step| watch.samples(&Recipe::default(), step, samples, &data, None).expect("a classifier"))
                .map(|finding| finding.what)
                .collect();
            assert_eq!(found.first().copied(), expected, "{found:?}");
        }
    }
}
