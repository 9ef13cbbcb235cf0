//! Each failure on recorded windows, and the watch as a whole.

use std::sync::LazyLock;

use duel_models::random::Stream;

use super::{
    finding::Finding,
    sample_failures::{collapse, has_variety, memorises, stalls},
    sample_statistics::{Observation, PROBE, Probe, change_of_pixels},
    watch::Watch,
};
use crate::{
    data::{
        Split,
        mnist::{self, SHAPE},
    },
    metrics::judge::Judge,
    recipe::Recipe,
    run::record::Metrics,
};

/// Values of a digit.
const SIZE: usize = SHAPE.size();

/// The judge of digits.
static DIGITS: LazyLock<Judge> = LazyLock::new(|| Judge::digits().expect("the shipped classifier"));

/// An observation of digits without logits.
fn observation(step: u64, samples: &[u8]) -> Observation<'_> {
    Observation { step, samples, logits: None, class_entropy: None, judge: Some(&DIGITS) }
}

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
fn a_balanced_duel_has_no_failure() {
    for (real, drawn) in [(5, 5), (8, 2), (6, 4), (9, 1)] {
        assert_eq!(told(&Recipe::default(), real, drawn), []);
    }
}

#[test]
fn a_discriminator_that_is_always_right_is_reported_once_with_the_key_to_change() {
    let set = |setting: &str| Recipe::default().with(&[setting.to_owned()]).expect("a key");
    for (recipe, what, remedy) in [
        (set("training.k_discriminator=3"), "discriminator overpowers", "--set training.k_discriminator=1"),
        (set("discriminator.learning_rate=1e-3"), "discriminator overpowers", "--set discriminator.learning_rate=1e-4"),
        (set("generator.learning_rate=1e-3"), "discriminator overpowers", "--set generator.learning_rate=1e-4"),
        (set("training.loss=minimax"), "vanishing gradient", "--set training.loss=non-saturating"),
        (
            set("training.loss=minimax").with(&["training.k_discriminator=2".to_owned()]).expect("a key"),
            "discriminator overpowers",
            "--set training.k_discriminator=1",
        ),
    ] {
        let found = told(&recipe, 10, 0);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].what, found[0].since, found[0].remedy.as_str()), (what, 1, remedy));
    }
}

#[test]
fn a_discriminator_that_takes_all_for_real_is_fooled() {
    for (setting, remedy) in [
        ("training.k_generator=5", "--set training.k_generator=1"),
        ("generator.learning_rate=0.1", "--set generator.learning_rate=1e-4"),
        ("discriminator.learning_rate=1e-2", "--set generator.learning_rate=2.5e-5"),
    ] {
        let found = told(&Recipe::default().with(&[setting.to_owned()]).expect("a key"), 10, 10);
        assert_eq!((found[0].what, found[0].remedy.as_str()), ("discriminator fooled", remedy));
    }
    // A discriminator without a gradient gives 0.5 for every image, which counts as judged real: it is not fooled.
    let mut watch = Watch::default();
    let dead = Metrics { d_real: 0.5, d_fake: 0.5, ..step(1, 10, 10) };
    assert_eq!((0..30).flat_map(|_| watch.metrics(&Recipe::default(), &dead)).count(), 0);
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
        |memory| Probe { step: 1, entropy: Some(1.0), spread: 1.0, roughness: 1.0, duplicates: 0, motion: 9.0, memory };
    let remedy = |memories: [f64; 3], settings: &[&str]| {
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        let recipe = Recipe::default().with(&settings).expect("keys");
        memorises(&memories.map(probe), &recipe).map(|found| found.remedy)
    };
    assert_eq!(remedy([0.9; 3], &["data.images=500"]).as_deref(), Some("--set data.images=0"));
    for weak in [&[][..], &["training.augment=adaptive"]] {
        assert_eq!(remedy([0.9; 3], weak).as_deref(), Some("--set training.augment=fixed"));
    }
    let half = ["training.augment=fixed", "training.augment_probability=0.5"];
    assert_eq!(remedy([0.9; 3], &half).as_deref(), Some("--set training.augment_probability=1"));
    assert!(remedy([0.9; 3], &["training.augment=fixed"]).expect("it does").contains("keep_hidden"));
    assert_eq!((remedy([0.9, 0.9, 0.6], &[]), remedy([f64::NAN; 3], &[])), (None, None));
}

#[test]
fn samples_that_do_not_change_under_a_certain_discriminator_are_a_stall() {
    let probe = |motion| Probe {
        step: 1,
        entropy: Some(1.0),
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
    assert_eq!((change_of_pixels(&[1, 2], &[3, 2]), change_of_pixels(&[], &[3, 2])), (1.0, f64::INFINITY));
}

#[test]
fn many_duplicates_among_the_samples_are_a_collapse() {
    let data = mnist::load(Split::Train);
    let digits = &data.images[PROBE * SIZE..];
    for (different, expected) in [(PROBE, 0), (40, 1)] {
        let samples: Vec<u8> = (0..PROBE).flat_map(|at| &digits[at % different * SIZE..][..SIZE]).copied().collect();
        let mut watch = Watch::default();
        let told = (1..=4)
            .flat_map(|step| watch.samples(&Recipe::default(), observation(step, &samples), &data).expect("a CPU"));
        assert_eq!(told.filter(|found| found.what == "mode collapse").count(), expected, "{different}");
    }
}

#[test]
fn samples_that_still_move_apart_from_one_image_have_not_collapsed() {
    let told = |spreads: [f64; 3]| {
        let probes = spreads.map(|spread| Probe {
            step: 1,
            entropy: Some(0.4),
            spread,
            roughness: 1.0,
            duplicates: 0,
            motion: 9.0,
            memory: 0.5,
        });
        collapse(&probes, true, &Recipe::default()).is_some()
    };
    assert_eq!([[0.1, 0.4, 0.6], [0.6, 0.4, 0.6], [0.4, 0.42, 0.45]].map(told), [false, true, true]);
}

#[test]
fn samples_that_never_had_several_classes_have_not_collapsed() {
    let probe =
        Probe { step: 1, entropy: Some(0.1), spread: 0.6, roughness: 1.0, duplicates: 0, motion: 9.0, memory: 0.5 };
    let set = |settings: &[&str]| {
        Recipe::default().with(&settings.iter().map(ToString::to_string).collect::<Vec<_>>()).expect("keys")
    };
    let told = |varied, recipe: &Recipe| collapse(&[probe; 3], varied, recipe).map(|found| found.remedy);
    assert_eq!(told(false, &set(&[])), None);
    for (settings, remedy) in [
        (&[][..], "--set training.loss=relativistic --set discriminator.r1=40 --set discriminator.r2=40"),
        (&["discriminator.r1=1"], "--set generator.learning_rate=5e-5"),
        (
            &["generator.batch_norm=off", "training.k_generator=5", "generator.learning_rate=1e-3"],
            "--set generator.batch_norm=batch --set training.k_generator=1 --set generator.learning_rate=1e-4",
        ),
    ] {
        assert_eq!(told(true, &set(settings)).as_deref(), Some(remedy));
    }
    assert!(
        has_variety(&Probe { entropy: Some(0.9), ..probe })
            && !has_variety(&Probe { entropy: Some(0.9), roughness: 2.0, ..probe })
    );
}

#[test]
fn the_class_entropy_of_an_evaluation_replaces_that_of_a_probe() {
    let data = mnist::load(Split::Train);
    let digits = &data.images[PROBE * SIZE..][..PROBE * SIZE];
    for (entropy, expected) in [(0.45, 1), (0.55, 0)] {
        let observed = |step, entropy| Observation { class_entropy: Some(entropy), ..observation(step, digits) };
        let mut watch = Watch::resumed();
        let mut told = Vec::new();
        for step in 1..=4 {
            told.extend(watch.samples(&Recipe::default(), observed(step, entropy), &data).expect("a CPU"));
        }
        assert_eq!(
            (told.len(), told.iter().filter(|found| found.what == "mode collapse").count()),
            (expected, expected)
        );
    }
    let mut without = Watch::default();
    let told =
        (1..=4).flat_map(|step| without.samples(&Recipe::default(), observation(step, digits), &data).expect("a CPU"));
    assert_eq!(told.count(), 0);
}

#[test]
fn a_failure_that_returns_is_reported_again() {
    let (mut watch, recipe) = (Watch::default(), Recipe::default());
    let drawn = |at: u64| if (41..=80).contains(&at) { 5 } else { 0 };
    let found: Vec<u64> =
        (1..=120).flat_map(|at| watch.metrics(&recipe, &step(at, 10, drawn(at)))).map(|f| f.since).collect();
    assert_eq!(found, [1, 81]);
}

#[test]
fn noise_at_the_start_of_a_training_is_no_failure() {
    let data = mnist::load(Split::Train);
    let mut stream = Stream::new(1, "noise");
    let noise: Vec<u8> = (0..PROBE * SIZE).map(|_| (stream.uniform() * 255.0) as u8).collect();
    let mut watch = Watch::default();
    for step in 1..=6 {
        assert_eq!(watch.samples(&Recipe::default(), observation(step, &noise), &data).expect("a classifier"), []);
    }
}

#[test]
fn samples_of_one_digit_and_of_noise_are_named_and_digits_are_not() {
    let data = mnist::load(Split::Train);
    let digits = &data.images[PROBE * SIZE..][..PROBE * SIZE];
    let one = digits[..SIZE].repeat(PROBE);
    let mut stream = Stream::new(1, "noise");
    let noise: Vec<u8> = (0..PROBE * SIZE).map(|_| (stream.uniform() * 255.0) as u8).collect();
    for (samples, expected) in
        [(digits, None), (&one[..], Some("mode collapse")), (&noise[..], Some("divergence to noise"))]
    {
        let mut watch = Watch::default();
        watch.were_smooth = true;
        let found: Vec<&str> = (1..=4)
            .flat_map(|step| {
                watch.samples(&Recipe::default(), observation(step, samples), &data).expect("a classifier")
            })
            .map(|finding| finding.what)
            .collect();
        assert_eq!(found.first().copied(), expected, "{found:?}");
    }
}

#[test]
fn without_labels_a_collapse_is_found_from_the_samples_and_from_clusters_of_their_features() {
    let data = mnist::load(Split::Train);
    let digits = &data.images[PROBE * SIZE..][..PROBE * SIZE];
    let one = digits[..SIZE].repeat(PROBE);
    let random = Judge::random(SHAPE).expect("a small network");
    let recipe = Recipe::default();
    for judge in [None, Some(&random)] {
        for (samples, expected) in [(digits, None), (&one[..], Some("mode collapse"))] {
            let observed = |step| Observation { judge, ..observation(step, samples) };
            let mut watch = Watch::default();
            let reported = (1..=4).flat_map(|step| watch.samples(&recipe, observed(step), &data).expect("a CPU"));
            let reported: Vec<Finding> = reported.collect();
            assert_eq!(reported.first().map(|finding| finding.what), expected);
            let named = |finding: &Finding| finding.evidence.contains("classes or clusters") == judge.is_some();
            assert!(reported.iter().all(named), "{reported:?}");
        }
    }
    // Zeros alone, each one another: only the clusters show that the other digits are missing.
    let zeros = (0..data.len()).filter(|&at| data.label(at) == 0).take(PROBE).flat_map(|at| data.image(at));
    let zeros: Vec<u8> = zeros.copied().collect();
    for (judge, expected) in [(None, 0), (Some(&random), 1)] {
        let mut watch = Watch::default();
        let observed = [digits, digits, digits, &zeros, &zeros, &zeros].into_iter().zip(1..);
        let reported = observed.flat_map(|(samples, step)| {
            watch.samples(&recipe, Observation { judge, ..observation(step, samples) }, &data).expect("a CPU")
        });
        assert_eq!(reported.filter(|finding| finding.what == "mode collapse").count(), expected);
    }
}
