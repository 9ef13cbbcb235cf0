//! Ten steps of a small duel against PyTorch's, by the CPU's kernels and by candle's own operations.
//! The figures' recipe stands in `tests/peers/oracle/record.py`.

use std::path::Path;

use super::*;
use crate::networks::{Engine, Op};

/// Tensors that PyTorch recorded.
struct Recorded(std::collections::HashMap<String, Tensor>);

impl Recorded {
    fn load(name: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/peers/oracle").join(name);
        Self(candle_core::safetensors::load(file, &Device::Cpu).expect("a recorded file"))
    }

    fn of(&self, name: &str) -> &Tensor {
        self.0.get(name).unwrap_or_else(|| panic!("{name} is not recorded"))
    }

    fn series(&self, name: &str) -> Vec<f64> {
        self.of(name).to_vec1().expect("a series")
    }

    fn step(&self, name: &str, step: usize) -> Tensor {
        self.of(name).get(step).expect("ten steps")
    }
}

/// A duel of recorded weights, run by `engine`.
fn duel(recorded: &Recorded, engine: Engine) -> Duel {
    let settings = [
        "generator.latent=12",
        "generator.hidden=[24, 24, 24]",
        "generator.learning_rate=1e-3",
        "discriminator.hidden=[24, 24, 24]",
        "discriminator.learning_rate=1e-3",
        "training.batch=8",
    ];
    let recipe = Recipe::default().with(&settings.map(str::to_owned)).expect("good settings");
    let mut duel = Duel::new(recipe, Dataset::default(), Device::Cpu).expect("small networks");
    for (side, duellist) in [("generator", &mut duel.generator), ("discriminator", &mut duel.discriminator)] {
        let network = Arc::get_mut(&mut duellist.network).expect("nobody else has it yet");
        network.engine = engine;
        let parameters: Vec<f32> = network
            .layers
            .iter()
            .flat_map(|layer| {
                let of = |what| recorded.of(&format!("initial.{side}.{}.{what}", layer.name));
                let weight = match layer.op {
                    Op::Dense { .. } => of("weight").t().expect("a matrix").contiguous().expect("memory"),
                    Op::BatchNorm { .. } => of("weight").clone(),
                };
                [weight.flatten_all().expect("memory"), of("bias").clone()]
                    .map(|t| t.to_vec1::<f32>().expect("floats"))
                    .concat()
            })
            .collect();
        let count = parameters.len();
        network.parameters.set(&Tensor::from_vec(parameters, count, &Device::Cpu).expect("memory")).expect("as many");
        let adam = Adam::new(network, duellist.adam.learning_rate, [0.9, 0.999], 1e-7);
        duellist.adam = adam.expect("memory");
    }
    duel
}

fn close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-5 * expected.abs().max(1.0), "{what}: {found} for PyTorch's {expected}");
}

#[test]
fn ten_steps_of_the_articles_networks_are_pytorchs() {
    let (recorded, batches) = (Recorded::load("mlp.safetensors"), Recorded::load("batches.safetensors"));
    let series = ["d_loss", "g_loss", "d_gradient_norm", "g_gradient_norm"].map(|name| recorded.series(name));
    for engine in [Engine::Kernels, Engine::Candle] {
        let mut duel = duel(&recorded, engine);
        for step in 0..10 {
            let real = batches.step("x", step);
            let judged = duel.discriminator_step(&real, &recorded.step("z_discriminator", step), true);
            let judged = judged.expect("a step").expect("measured");
            let drawn =
                duel.generator_step(&recorded.step("z_generator", step), true).expect("a step").expect("measured");
            let found = [0.5 * (judged.d_loss[0] + judged.d_loss[1]), drawn.g_loss, judged.gradient, drawn.gradient];
            for (found, expected) in found.into_iter().zip(&series) {
                close(found, expected[step], &format!("{engine:?} step {step}"));
            }
        }
        for (side, duellist) in [("generator", &duel.generator), ("discriminator", &duel.discriminator)] {
            for tensor in duellist.network.named().expect("its tensors") {
                let name = format!("final.{side}.{}", tensor.name);
                let expected = recorded.of(&name).flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("floats");
                assert_eq!(recorded.of(&name).dims(), tensor.shape);
                for (found, expected) in tensor.values.into_iter().zip(expected) {
                    close(found.into(), expected.into(), &format!("{engine:?} {name}"));
                }
            }
        }
        let z = recorded.step("z_generator", 9);
        let images = duel.generator.network.forward(&z, Mode::Evaluate).and_then(|images| images.flatten_all());
        let expected = recorded.of("final.images").flatten_all().expect("memory");
        let [found, expected] = [images.expect("images"), expected].map(|t| t.to_vec1::<f32>().expect("floats"));
        found.iter().zip(expected).for_each(|(found, expected)| close((*found).into(), expected.into(), "a pixel"));
    }
}

#[test]
fn a_full_step_is_the_same_on_one_thread_and_on_many() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let settings = ["training.batch=32", "data.images=200", "generator.hidden=[200, 130]"].map(str::to_owned);
            let recipe = Recipe::default().with(&settings).expect("good settings");
            let data = Dataset::of(&recipe).expect("the bundled digits");
            let mut duel = Duel::new(recipe, data, Device::Cpu).expect("networks");
            for _ in 0..5 {
                duel.advance(false).expect("a step");
            }
            duel.generator.network.parameters.to_vec1::<f32>().expect("floats")
        })
    };
    let one = run(1);
    assert!(one == run(2) && one == run(5));
}
