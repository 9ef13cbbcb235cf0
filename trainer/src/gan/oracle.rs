//! Compares ten training steps of small networks with values that PyTorch recorded, once with the CPU kernels and once
//! with candle's own operations. `tests/peers/oracle/record.py` records the values, and the README beside it describes
//! them.

use std::{collections::HashMap, path::Path, sync::Arc};

use candle_core::{Device, Tensor};

use super::{
    augment::{Transforms, hole},
    batch::{Batch, one_hot},
    duel::Duel,
    losses,
    measures::scalar,
};
use crate::{
    data::{SILENT, load_training, mnist::SHAPE},
    kernels::augment::Transform,
    networks::{Engine, Mode},
    recipe::Recipe,
};

/// Tensors that PyTorch recorded.
struct Recorded(HashMap<String, Tensor>);

impl Recorded {
    fn load(name: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/peers/oracle").join(name);
        Self(candle_core::safetensors::load(file.with_extension("safetensors"), &Device::Cpu).expect("a recorded file"))
    }

    fn of(&self, name: &str) -> &Tensor {
        self.0.get(name).unwrap_or_else(|| panic!("{name} is not recorded"))
    }

    fn values(&self, name: &str) -> Vec<f32> {
        floats(self.of(name))
    }

    fn series(&self, name: &str) -> Vec<f64> {
        self.of(name).to_vec1().expect("a series")
    }

    fn step(&self, name: &str, step: usize) -> Tensor {
        self.of(name).get(step).expect("ten steps")
    }
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().and_then(|tensor| tensor.to_vec1()).expect("floats")
}

const MLP: &[&str] = &[
    "generator.hidden=[24, 24, 24]",
    "generator.learning_rate=1e-3",
    "discriminator.hidden=[24, 24, 24]",
    "discriminator.learning_rate=1e-3",
];

const PAPER: &[&str] = &[
    "generator.hidden=[24, 24]",
    "generator.batch_norm=off",
    "generator.output=sigmoid",
    "generator.learning_rate=0.05",
    "discriminator.hidden=[12, 12]",
    "discriminator.pieces=5",
    "discriminator.learning_rate=0.05",
    "training.optimizer=sgd",
    "training.momentum=0.5",
];

const CONV: &[&str] = &[
    "generator.kind=conv",
    "generator.channels=[16, 8]",
    "generator.batch_norm_momentum=0.9",
    "generator.batch_norm_epsilon=1e-5",
    "generator.learning_rate=2e-4",
    "generator.beta1=0.5",
    "generator.beta2=0.99",
    "generator.epsilon=1e-8",
    "discriminator.kind=conv",
    "discriminator.channels=[8, 16]",
    "discriminator.learning_rate=2e-4",
    "discriminator.beta1=0.5",
    "discriminator.beta2=0.99",
    "discriminator.epsilon=1e-8",
    "training.conditional=true",
];

/// A duel that starts from the recorded weights and runs on `engine`.
fn duel(recorded: &Recorded, settings: &[&[&str]], engine: Engine) -> Duel {
    let all = [&["data.classes=10", "generator.latent=12", "training.batch=8"], &settings.concat()[..]].concat();
    let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
    let recipe = Recipe::default().with(&all).expect("good settings");
    let recipe = recipe.for_shape(SHAPE).expect("the shape of digits");
    let mut duel = Duel::new(recipe, None, Device::Cpu).expect("small networks");
    for (side, duellist) in [("generator", &mut duel.generator), ("discriminator", &mut duel.discriminator)] {
        let network = Arc::get_mut(&mut duellist.network).expect("nobody else has it yet");
        network.engine = engine;
        duellist.optimiser.engine = engine;
        let find = |name: &str, shape: &[usize]| {
            let tensor = recorded.of(&format!("initial.{side}.{name}"));
            assert_eq!(tensor.dims(), shape, "{name}");
            Ok::<_, candle_core::Error>(floats(tensor))
        };
        network.load_state_dict(find).expect("the recorded weights");
    }
    duel
}

/// The transformations of a step for the update of `side`, if the file has any.
fn transforms(recorded: &Recorded, side: &str, step: usize) -> Option<Transforms> {
    let parameters = recorded.0.get("augment")?.get(step).expect("ten steps");
    let side = usize::from(side == "generator");
    let set = |set: usize| {
        let rows = parameters.get(side).and_then(|sets| sets.get(set)?.to_vec2::<f32>()).expect("parameters");
        let transform = |row: &Vec<f32>| {
            let [rows, columns] = [row[5], row[6]].map(|middle| hole(28, middle as i64));
            Transform {
                brightness: row[0],
                saturation: row[1],
                contrast: row[2],
                shift: [row[3], row[4]].map(|shift| shift as isize),
                hole: [rows[0], rows[1], columns[0], columns[1]],
            }
        };
        rows.iter().map(transform).collect()
    };
    Some(Transforms { shape: SHAPE, sets: [set(0), set(1)] })
}

/// The batch of a step for the update of `side`, `discriminator` or `generator`.
fn batch(recorded: &Recorded, batches: &Recorded, side: &str, step: usize, duel: &Duel) -> Batch {
    let labels: Vec<u8> =
        batches.step("y", step).to_vec1::<i64>().expect("labels").into_iter().map(|y| y as u8).collect();
    let epsilon = |index, wanted: f64| (wanted > 0.0).then(|| batches.step("epsilon", index));
    let recipe = &duel.recipe;
    Batch {
        real: batches.step("x", step),
        latents: recorded.step(&format!("z_{side}"), step),
        labels: one_hot(&labels, recipe.classes(), &Device::Cpu).expect("memory"),
        noise: [epsilon(0, recipe.discriminator.r1), epsilon(1, recipe.discriminator.r2)],
        transforms: transforms(recorded, side, step),
    }
}

fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-5 * expected.abs().max(1.0), "{what}: {found}, expected {expected}");
}

/// Does one step of algorithm 1. Returns the losses of D and G, and the norms of the gradients of D and G.
fn one_step(duel: &mut Duel, recorded: &Recorded, batches: &Recorded, step: usize) -> [f64; 4] {
    let (gradient, judged) =
        duel.discriminator_gradient(&batch(recorded, batches, "discriminator", step, duel), true).expect("a gradient");
    duel.discriminator.step(&gradient).expect("a step");
    let (gradient, drawn) =
        duel.generator_gradient(&batch(recorded, batches, "generator", step, duel), true).expect("a gradient");
    duel.update_generator(&gradient).expect("a step");
    let (judged, drawn) = (judged.expect("measured"), drawn.expect("measured"));
    [judged.loss, drawn.loss, judged.gradient, drawn.gradient]
}

/// Does ten steps, and compares the losses and gradient norms of each step with the recorded series whose names begin
/// with `prefix`.
fn ten_steps(duel: &mut Duel, recorded: &Recorded, prefix: &str) {
    let batches = Recorded::load("batches");
    let names = ["d_loss", "g_loss", "d_gradient_norm", "g_gradient_norm"];
    let series = names.map(|name| recorded.series(&format!("{prefix}{name}")));
    for step in 0..10 {
        let found = one_step(duel, recorded, &batches, step);
        for ((found, expected), name) in found.into_iter().zip(&series).zip(names) {
            let what = format!("{:?} {prefix}{name} at step {step}", duel.generator.network.engine);
            close(found, expected[step], &what);
        }
    }
}

#[test]
fn ten_steps_of_each_network_equal_pytorchs() {
    let nearest = [CONV, &["generator.growth=nearest"]];
    for (name, settings) in [("mlp", &[MLP][..]), ("paper", &[PAPER]), ("dcgan", &[CONV]), ("upsample", &nearest)] {
        let recorded = Recorded::load(name);
        for engine in [Engine::Kernels, Engine::Candle] {
            let mut duel = duel(&recorded, settings, engine);
            ten_steps(&mut duel, &recorded, "");
            for (side, duellist) in [("generator", &duel.generator), ("discriminator", &duel.discriminator)] {
                for tensor in duellist.network.state_dict().expect("its tensors") {
                    let name = format!("final.{side}.{}", tensor.name);
                    // A batch norm subtracts the bias `up1.bias`, so its gradient is only rounding errors: see the
                    // README.
                    if name.ends_with("up1.bias") || name.ends_with("norm2.running_mean") && settings[0] == CONV {
                        continue;
                    }
                    assert_eq!(recorded.of(&name).dims(), tensor.shape);
                    for (found, expected) in tensor.values.into_iter().zip(recorded.values(&name)) {
                        close(found.into(), expected.into(), &format!("{engine:?} {name}"));
                    }
                }
            }
            // The images are computed with PyTorch's final weights, because the two tensors skipped above change an
            // image by 1e-4.
            let last = batch(&recorded, &Recorded::load("batches"), "generator", 9, &duel);
            let find = |name: &str, _: &[usize]| {
                Ok::<_, candle_core::Error>(recorded.values(&format!("final.generator.{name}")))
            };
            duel.generator.network.load_state_dict(find).expect("the recorded weights");
            let images = duel.generator.network.forward(&last.generator_input().expect("memory"), Mode::Evaluate);
            for (found, expected) in floats(&images.expect("images")).into_iter().zip(recorded.values("final.images")) {
                close(found.into(), expected.into(), "a pixel");
            }
        }
    }
}

#[test]
fn dropout_is_the_same_on_both_engines_and_keeps_the_set_share() {
    let (recorded, batches) = (Recorded::load("paper"), Recorded::load("batches"));
    let dropout: &[&str] = &["discriminator.keep_pixels=0.8", "discriminator.keep_hidden=0.5"];
    let [found, expected] = [Engine::Kernels, Engine::Candle].map(|engine| {
        let mut duel = duel(&recorded, &[PAPER, dropout], engine);
        let mut figures = Vec::new();
        for step in 0..10 {
            figures.extend(one_step(&mut duel, &recorded, &batches, step));
        }
        let judge = &duel.discriminator.network;
        judge.begin_step(7);
        let masks = judge.masks(500, true);
        judge.begin_step(7);
        assert_eq!(masks, judge.masks(500, true), "the masks depend on the step only");
        assert_ne!(masks, judge.masks(500, true), "each pass of a step has its own masks");
        for (mask, keep) in masks.iter().filter(|mask| !mask.is_empty()).zip([0.8, 0.5, 0.5]) {
            let kept = mask.iter().filter(|&&factor| factor > 0.0).count() as f64 / mask.len() as f64;
            assert!((kept - keep).abs() < 0.03, "{kept} kept for {keep}");
            assert!(mask.iter().all(|&factor| factor == 0.0 || factor == (1.0 / keep) as f32));
        }
        assert_eq!(masks.iter().filter(|mask| !mask.is_empty()).count(), 3);
        // In evaluation mode, dropout keeps every value, but still maps pixels to [0, 1] as in training.
        let black = Tensor::full(-1.0f32, (1, SHAPE.size()), &Device::Cpu).expect("memory");
        let bias =
            judge.forward(&black, Mode::Evaluate).expect("a pass").flatten_all().and_then(|t| t.to_vec1::<f32>());
        figures.extend(bias.expect("a logit").into_iter().map(f64::from));
        figures
    });
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        close(*found, *expected, &format!("value {at} of the kernels"));
    }
}

#[test]
fn ten_steps_of_each_loss_and_of_both_penalties_equal_pytorchs() {
    let recorded = Recorded::load("dcgan");
    for (prefix, settings) in [
        ("minimax.", &["training.loss=minimax"][..]),
        ("least-squares.", &["training.loss=least-squares"]),
        ("hinge.", &["training.loss=hinge"]),
        ("relativistic.", &["training.loss=relativistic"]),
        ("non-saturating.r1r2.", &["discriminator.r1=100", "discriminator.r2=100"]),
    ] {
        for engine in [Engine::Kernels, Engine::Candle] {
            ten_steps(&mut duel(&recorded, &[CONV, settings], engine), &recorded, prefix);
        }
    }
}

#[test]
fn ten_steps_with_augmentation_equal_pytorchs() {
    let mut recorded = Recorded::load("dcgan");
    recorded.0.extend(Recorded::load("augment_steps").0);
    let settings: &[&str] = &["training.loss=relativistic", "discriminator.r1=100", "discriminator.r2=100"];
    for engine in [Engine::Kernels, Engine::Candle] {
        ten_steps(&mut duel(&recorded, &[CONV, settings], engine), &recorded, "augmented.");
    }
}

#[test]
fn a_penalty_and_its_gradient_equal_pytorchs() {
    let (recorded, penalty, batches) = (Recorded::load("dcgan"), Recorded::load("penalty"), Recorded::load("batches"));
    for engine in [Engine::Kernels, Engine::Candle] {
        let duel = duel(&recorded, &[CONV, &["discriminator.r1=100"]], engine);
        let batch = batch(&recorded, &batches, "discriminator", 0, &duel);
        let epsilon = batch.noise[0].as_ref().expect("R1");
        let judge = |x: &Tensor| {
            batch.logits(&duel.discriminator.network.forward(x, Mode::Train).expect("logits")).expect("logits")
        };
        let noisy = (&batch.real + (epsilon * 0.01).expect("memory")).expect("memory");
        let found = losses::penalty(100.0, &judge(&batch.real), &judge(&noisy)).expect("a penalty");
        let expected = penalty.of("penalty").to_scalar::<f64>().expect("one");
        // Two close logits lose four digits in their difference.
        assert!((scalar(&found).expect("one") / expected - 1.0).abs() < 1e-4);
        let network = &duel.discriminator.network;
        let gradient = network.take_gradient(&mut found.backward().expect("a graph")).expect("a gradient");
        // The gradient is put in the place of the weights of a copy, so that the state dict gives it PyTorch's names
        // and layout.
        let fork = network.fork().expect("memory");
        fork.parameters.set(&gradient).expect("as many");
        for tensor in fork.state_dict().expect("its tensors").iter().filter(|tensor| tensor.name != "head.bias") {
            let expected = penalty.values(&format!("gradient.{}", tensor.name));
            let scale = expected.iter().fold(0.0f32, |most, value| most.max(value.abs()));
            for (found, expected) in tensor.values.iter().zip(&expected) {
                assert!((found - expected).abs() <= 2e-4 * scale, "{engine:?} {}: {found} {expected}", tensor.name);
            }
        }
    }
}

#[test]
fn a_full_step_is_the_same_on_one_thread_and_on_many() {
    let run = |threads: usize, settings: &[&str]| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
            let recipe = Recipe::default().with(&settings).expect("good settings");
            let (recipe, data) = load_training(recipe, SILENT).expect("the bundled digits");
            let mut duel = Duel::new(recipe, data, Device::Cpu).expect("networks");
            for _ in 0..5 {
                duel.advance(false).expect("a step");
            }
            duel.generator.network.parameters.to_vec1::<f32>().expect("floats")
        })
    };
    for settings in [
        &["training.batch=32", "data.images=200", "generator.hidden=[200, 130]"][..],
        &[&["training.batch=26", "data.images=200", "discriminator.r1=10", "training.augment=fixed"], CONV].concat(),
    ] {
        let one = run(1, settings);
        assert!(one == run(2, settings) && one == run(5, settings));
    }
}

#[test]
fn simultaneous_order_updates_both_networks_from_their_old_weights() {
    let moved = |settings: &[&str]| {
        let all = [MLP, &["training.batch=8", "data.images=100"], settings].concat();
        let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
        let recipe = Recipe::default().with(&all).expect("good settings");
        let (recipe, data) = load_training(recipe, SILENT).expect("the bundled digits");
        let mut duel = Duel::new(recipe, data, Device::Cpu).expect("networks");
        duel.advance(false).expect("a step");
        [&duel.generator, &duel.discriminator].map(|side| floats(&side.network.parameters))
    };
    for k in ["training.k_discriminator=1", "training.k_discriminator=3"] {
        let [alternating, simultaneous, discriminator_only] = [
            moved(&[k]),
            moved(&[k, "training.order=simultaneous"]),
            moved(&[k, "training.order=simultaneous", "training.k_generator=0"]),
        ];
        // The order does not change the discriminator's updates. In simultaneous order the generator's gradient comes
        // from the discriminator before its last update.
        assert!(simultaneous[1] == alternating[1] && discriminator_only[1] == alternating[1]);
        assert_ne!(simultaneous[0], alternating[0]);
    }
    let still = "discriminator.learning_rate=0";
    assert_eq!(moved(&["training.order=simultaneous"])[0], moved(&[still])[0]);
}
