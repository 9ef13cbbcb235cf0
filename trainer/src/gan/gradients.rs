//! Compares the gradients of each network, loss and penalty with finite differences, both in double precision by
//! candle's operations; and then the CPU kernels' gradients, in single precision, with the gradients in double
//! precision.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, Var};
use duel_models::random::Stream;

use super::{
    batch::{Batch, one_hot},
    duel::Duel,
    losses,
};
use crate::{
    data::mnist::SHAPE,
    networks::{Engine, Mode, Network},
    recipe::{Loss, Recipe},
};

const LOSSES: [Loss; 5] = [Loss::NonSaturating, Loss::Minimax, Loss::LeastSquares, Loss::Hinge, Loss::Relativistic];

/// Settings of pairs of networks. No layer size is a multiple of a kernel's block size, so that the kernels' edge cases
/// are tested.
const PAIRS: &[&[&str]] = &[
    &["generator.hidden=[5, 7]", "discriminator.hidden=[9, 3]"],
    &[
        "generator.hidden=[6]",
        "generator.batch_norm=frozen",
        "discriminator.hidden=[5]",
        "discriminator.spectral_norm=true",
    ],
    &[
        "generator.hidden=[7]",
        "generator.batch_norm=off",
        "generator.output=sigmoid",
        "discriminator.hidden=[4, 3]",
        "discriminator.pieces=3",
        "discriminator.keep_pixels=0.8",
        "discriminator.keep_hidden=0.5",
    ],
    &[
        "generator.kind=conv",
        "generator.channels=[3, 2]",
        "discriminator.kind=conv",
        "discriminator.channels=[2, 3]",
        "training.augment=fixed",
    ],
    &[
        "generator.kind=conv",
        "generator.growth=nearest",
        "generator.channels=[5]",
        "discriminator.kind=conv",
        "discriminator.channels=[3, 2, 3, 5]",
        "discriminator.spectral_norm=true",
        "training.conditional=true",
        "data.classes=3",
    ],
    // Colour pictures with unequal sides. The discriminator halves them to odd sides, too: 9x13, 4x6, 2x3.
    &[
        "data.shape=3x9x13",
        "generator.hidden=[5]",
        "generator.output=sigmoid",
        "discriminator.kind=conv",
        "discriminator.channels=[2, 3]",
        "training.augment=fixed",
        "training.augment_probability=0.6",
    ],
    &[
        "data.shape=3x16x24",
        "generator.kind=conv",
        "generator.channels=[3, 2]",
        "discriminator.hidden=[6]",
        "discriminator.keep_pixels=0.8",
        "training.augment=fixed",
        "training.conditional=true",
        "data.classes=3",
    ],
    // Three stages.
    &[
        "data.shape=3x24x32",
        "generator.kind=conv",
        "generator.growth=nearest",
        "generator.channels=[4, 3, 2]",
        "generator.batch_norm=off",
        "discriminator.kind=conv",
        "discriminator.channels=[2, 3, 2]",
        "discriminator.spectral_norm=true",
    ],
    &[
        "data.source=bell",
        "generator.latent=1",
        "generator.hidden=[5]",
        "generator.output=linear",
        "discriminator.hidden=[6]",
    ],
];

const ROWS: usize = 6;

/// A pair of networks, and the batch and the recipe for their losses.
struct Pair {
    generator: Arc<Network>,
    discriminator: Arc<Network>,
    batch: Batch,
    recipe: Recipe,
}

impl Pair {
    fn new(settings: &[&str], seed: u64) -> Self {
        let fixed = [
            "data.classes=10",
            "generator.latent=3",
            "discriminator.r1=0.7",
            "discriminator.r2=0.3",
            "discriminator.penalty_noise=0.1",
            "training.batch=6",
        ];
        let settings: Vec<String> = fixed.iter().chain(settings).map(ToString::to_string).collect();
        let recipe = Recipe::default().with(&settings).expect("good settings");
        let shape = recipe.shape().unwrap_or(SHAPE);
        let recipe = recipe.for_shape(shape).expect("the shape of the pictures");
        let duel = Duel::new(recipe.clone(), None, Device::Cpu).expect("small networks");
        let mut stream = Stream::new(seed, "gradients");
        let mut normal = |columns: usize| {
            let values: Vec<f32> = (0..ROWS * columns).map(|_| stream.normal() as f32).collect();
            Tensor::from_vec(values, (ROWS, columns), &Device::Cpu).expect("memory")
        };
        let labels: Vec<u8> = (0..ROWS).map(|row| (row % recipe.data.classes) as u8).collect();
        let transforms = duel.transforms(Stream::new(seed, "transformations")).expect("a CPU");
        let batch = Batch {
            real: normal(duel.example_size()).tanh().expect("memory"),
            latents: normal(recipe.generator.latent),
            labels: one_hot(&labels, recipe.classes(), &Device::Cpu).expect("memory"),
            noise: [Some(normal(duel.example_size())), Some(normal(duel.example_size()))],
            transforms,
        };
        // Moves biases and batch norms away from their initial values.
        for network in [&duel.generator.network, &duel.discriminator.network] {
            let noise: Vec<f32> = (0..network.size()).map(|_| 0.1 * stream.normal() as f32).collect();
            let noise = Tensor::from_vec(noise, network.size(), &Device::Cpu).expect("memory");
            network.parameters.set(&(network.parameters.as_tensor() + noise).expect("as many")).expect("as many");
            network.refresh_spectral_norm(false).expect("memory");
        }
        Self { generator: duel.generator.network, discriminator: duel.discriminator.network, batch, recipe }
    }

    /// The batch in the precision `kind`.
    fn batch(&self, kind: DType) -> Batch {
        let of = |tensor: &Tensor| tensor.to_dtype(kind).expect("memory");
        let Batch { real, latents, labels, noise, transforms } = &self.batch;
        let noise = noise.each_ref().map(|noise| noise.as_ref().map(of));
        let transforms = transforms.clone();
        Batch { real: of(real), latents: of(latents), labels: labels.as_ref().map(of), noise, transforms }
    }

    /// The loss that `side` minimises. `draw` runs the generator, `judge` the discriminator.
    fn objective(
        &self,
        side: &str,
        loss: Loss,
        batch: &Batch,
        engine: Engine,
        draw: impl Fn(&Tensor) -> Result<Tensor>,
        judge: impl Fn(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        // Makes the dropout masks the same at every call.
        self.generator.begin_step(1);
        self.discriminator.begin_step(1);
        let fake = draw(&batch.generator_input()?)?;
        let discriminator = &self.recipe.discriminator;
        let of = |judged: &Tensor, index: usize| batch.logits(&judged.narrow(0, index * ROWS, ROWS)?);
        if side == "generator" {
            let judged = judge(&batch.augmented(Tensor::cat(&[&batch.real, &fake], 0)?, &[0, 1], engine)?)?;
            return losses::generator(loss, &of(&judged, 0)?, &of(&judged, 1)?);
        }
        let fake = fake.detach();
        let mut images = vec![batch.real.clone(), fake.clone()];
        for (clean, noise) in [&batch.real, &fake].into_iter().zip(batch.noise.iter().flatten()) {
            images.push((clean + (noise * discriminator.penalty_noise)?)?);
        }
        let judged = judge(&batch.augmented(Tensor::cat(&images, 0)?, &[0, 1, 0, 1], engine)?)?;
        let penalties = [(discriminator.r1, 0, 2), (discriminator.r2, 1, 3)];
        let total = losses::discriminator(loss, &of(&judged, 0)?, &of(&judged, 1)?)?.total;
        penalties.into_iter().try_fold(total, |total, (lambda, clean, noisy)| {
            total + losses::penalty(lambda, &of(&judged, clean)?, &of(&judged, noisy)?)?
        })
    }

    fn network(&self, side: &str) -> &Arc<Network> {
        if side == "generator" { &self.generator } else { &self.discriminator }
    }

    /// The loss in double precision, as a function of the parameters of `side`.
    fn exact(&self, side: &str, loss: Loss, parameters: &Tensor) -> Result<Tensor> {
        let of = |name: &str| -> Result<Tensor> {
            let own = self.network(name).parameters.as_detached_tensor().to_dtype(DType::F64)?;
            let values = if name == side { parameters.clone() } else { own };
            if name == "discriminator" && self.recipe.discriminator.spectral_norm {
                return divided(self.network(name), &values);
            }
            Ok(values)
        };
        let (generator, discriminator) = (of("generator")?, of("discriminator")?);
        self.objective(
            side,
            loss,
            &self.batch(DType::F64),
            Engine::Candle,
            |x| self.generator.forward_candle(x, &generator, true),
            |x| self.discriminator.forward_candle(x, &discriminator, true),
        )
    }

    /// The gradient of the loss by the CPU kernels, in single precision.
    fn by_kernels(&self, side: &str, loss: Loss) -> Result<Vec<f32>> {
        let mode = |name| if name == side { Mode::Train } else { Mode::Frozen };
        let loss = self.objective(
            side,
            loss,
            &self.batch,
            Engine::Kernels,
            |x| self.generator.forward(x, mode("generator")),
            |x| self.discriminator.forward(x, mode("discriminator")),
        )?;
        self.network(side).take_gradient(&mut loss.backward()?)?.to_vec1()
    }
}

/// The parameters after spectral norm, by its definition: each weight W is divided by uᵀ W v. The vectors u and v of
/// all weights are the last values of the running statistics.
fn divided(network: &Network, parameters: &Tensor) -> Result<Tensor> {
    let running = network.running.as_detached_tensor().to_dtype(DType::F64)?;
    let weights = || network.layers.iter().filter_map(|layer| Some((layer, layer.op.matrix()?)));
    let mut at = running.elem_count() - weights().map(|(_, [rows, columns])| rows + columns).sum::<usize>();
    let mut pieces = Vec::new();
    for layer in &network.layers {
        let whole = parameters.narrow(0, layer.span().start, layer.span().len())?;
        let Some([rows, columns]) = layer.op.matrix() else {
            pieces.push(whole);
            continue;
        };
        let weight = whole.narrow(0, 0, rows * columns)?.reshape((rows, columns))?;
        let u = running.narrow(0, at, rows)?.reshape((1, rows))?;
        let v = running.narrow(0, at + rows, columns)?.reshape((columns, 1))?;
        at += rows + columns;
        let sigma = u.matmul(&weight.matmul(&v)?)?;
        pieces.push(weight.broadcast_div(&sigma)?.flatten_all()?);
        pieces.push(whole.narrow(0, rows * columns, whole.elem_count() - rows * columns)?);
    }
    Tensor::cat(&pieces, 0)
}

#[test]
fn gradients_equal_finite_differences_in_double_precision() {
    const H: f64 = 1e-6;
    for ((index, settings), loss) in PAIRS.iter().enumerate().flat_map(|pair| LOSSES.map(|loss| (pair, loss))) {
        let pair = Pair::new(settings, index as u64);
        for side in ["generator", "discriminator"] {
            let what = format!("{settings:?} {loss:?} {side}");
            let start = pair.network(side).parameters.as_detached_tensor().to_dtype(DType::F64).expect("memory");
            let variable = Var::from_tensor(&start).expect("memory");
            let store = pair.exact(side, loss, variable.as_tensor()).and_then(|loss| loss.backward()).expect(&what);
            let gradient = store.get(&variable).expect("a gradient").to_vec1::<f64>().expect("memory");
            let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            let mut stream = Stream::new(index as u64, "directions");
            for _ in 0..3 {
                let direction: Vec<f64> = gradient.iter().map(|_| stream.normal()).collect();
                let at = |h: f64| {
                    let moved = Tensor::from_slice(&direction, direction.len(), &Device::Cpu)?;
                    pair.exact(side, loss, &(&start + (moved * h)?)?)?.to_scalar::<f64>()
                };
                let slope = (at(H).expect(&what) - at(-H).expect(&what)) / (2.0 * H);
                let expected: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
                assert!((slope - expected).abs() <= 1e-6 * norm.max(1e-3), "{what}: {slope} for {expected}");
            }
            let found = pair.by_kernels(side, loss).expect(&what);
            let largest = gradient.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
            for (at, (found, exact)) in found.iter().zip(&gradient).enumerate() {
                let apart = (f64::from(*found) - exact).abs();
                assert!(apart <= 2e-5 * largest.max(1e-3), "{what}: the kernels' {found} for {exact} at {at}");
            }
            assert_eq!(found.len(), gradient.len());
        }
    }
}
