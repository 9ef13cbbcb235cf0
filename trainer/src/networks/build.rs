//! The two networks that a recipe describes.

use candle_core::{Device, Error, Result};
use duel_models::{PIXELS, SIDE, random::Stream};

use super::{
    Network,
    layer::{Activation, Layer, Op},
};
use crate::recipe::{BatchNorm, Initial, Kind, Output, Recipe};

/// The generator: [N, latent + classes] -> [N, 784] in (-1, 1), or [N, 1] for a law of numbers. With classes, the label's one-hot follows the latent.
///
/// `mlp`: dense layers, each with ReLU and batch norm; then a dense layer and tanh: the article's; or a sigmoid, the paper's.
/// `conv`: a dense layer to a small image of many channels, which grows by twice the side a layer, each with batch norm and
/// leaky ReLU; then one that grows to 28×28 and tanh: the shape of DCGAN, Radford et al. 2015.
pub fn generator(recipe: &Recipe, device: &Device) -> Result<Network> {
    let (classes, seed) = (recipe.classes(), recipe.training.seed);
    let (values, batch) = (recipe.values(), recipe.training.batch);
    let recipe = &recipe.generator;
    let inputs = recipe.latent + classes;
    let mut layers = Layers::new(inputs);
    let norm = |layers: &mut Layers, channels, activation| {
        let (momentum, epsilon) = (recipe.batch_norm_momentum, recipe.batch_norm_epsilon);
        let of_batch = recipe.batch_norm == BatchNorm::Batch;
        layers.push(Op::BatchNorm { channels, momentum, epsilon, of_batch }, activation);
    };
    let normed = recipe.batch_norm != BatchNorm::Off;
    let output = match recipe.output {
        Output::Tanh => Activation::Tanh,
        Output::Sigmoid => Activation::Sigmoid,
        Output::Linear => Activation::None,
    };
    match recipe.kind {
        Kind::Mlp => {
            for &hidden in &recipe.hidden {
                layers.dense(hidden, hidden, Activation::Relu);
                if normed {
                    norm(&mut layers, hidden, Activation::None);
                }
            }
            layers.dense(values, values, output);
        }
        Kind::Conv => {
            let how = recipe.growth;
            let first = recipe.channels[0];
            let mut side = SIDE >> recipe.channels.len();
            let bare = if normed { Activation::None } else { Activation::LeakyRelu };
            layers.dense(side * side * first, first, bare);
            let widths: Vec<usize> = recipe.channels.iter().copied().chain([1]).collect();
            for pair in widths.windows(2) {
                let [inputs, outputs] = [pair[0], pair[1]];
                if normed {
                    norm(&mut layers, inputs, Activation::LeakyRelu);
                }
                let last = side * 2 == SIDE;
                let activation = if last { output } else { bare };
                layers.push(Op::Up { side, inputs, outputs, how }, activation);
                side *= 2;
            }
        }
    }
    layers.fit("generator", recipe.kind, batch)?;
    Network::new(layers, inputs, (recipe.initial, recipe.initial_range), false, Stream::new(seed, "generator"), device)
}

/// The discriminator: [N, 784], or [N, 1], -> [N, 1 + classes], the logit and what each class adds to it.
///
/// `mlp`: dense layers with ReLU, the article's, or maxout and dropout, the paper's. `conv`: 4×4 convolutions of stride 2 with leaky ReLU.
pub fn discriminator(recipe: &Recipe, device: &Device) -> Result<Network> {
    let (classes, seed) = (recipe.classes(), recipe.training.seed);
    let (values, batch) = (recipe.values(), recipe.training.batch);
    let recipe = &recipe.discriminator;
    let mut layers = Layers::new(values);
    match recipe.kind {
        Kind::Mlp => {
            if recipe.keep_pixels < 1.0 {
                layers.push(Op::Dropout { keep: recipe.keep_pixels, image: true }, Activation::None);
            }
            for &hidden in &recipe.hidden {
                if recipe.pieces == 1 {
                    layers.dense(hidden, hidden, Activation::Relu);
                } else {
                    layers.dense(hidden * recipe.pieces, hidden * recipe.pieces, Activation::None);
                    layers.push(Op::Max { pieces: recipe.pieces }, Activation::None);
                }
                if recipe.keep_hidden < 1.0 {
                    layers.push(Op::Dropout { keep: recipe.keep_hidden, image: false }, Activation::None);
                }
            }
            if classes == 0 {
                layers.dense(1, 1, Activation::None);
            } else {
                layers.head(layers.size, classes);
            }
        }
        Kind::Conv => {
            let (mut wide, mut inputs) = (SIDE, 1);
            for &outputs in &recipe.channels {
                layers.push(Op::Down { wide, inputs, outputs }, Activation::LeakyRelu);
                (wide, inputs) = (wide / 2, outputs);
            }
            layers.head(inputs, classes);
        }
    }
    layers.fit("discriminator", recipe.kind, batch)?;
    Network::new(
        layers,
        values,
        (recipe.initial, recipe.initial_range),
        recipe.spectral_norm,
        Stream::new(seed, "discriminator"),
        device,
    )
}

/// The classifier: 4×4 convolutions of stride 2 and a dense layer, each with batch norm and leaky ReLU, [N, 784] -> [N, features];
/// and the dense layer behind them, [N, features] -> [N, 10].
pub fn classifier(features: usize, seed: u64, device: &Device) -> Result<[Network; 2]> {
    let mut body = Layers::new(PIXELS);
    let norm = |layers: &mut Layers, channels| {
        let op = Op::BatchNorm { channels, momentum: 0.9, epsilon: 1e-5, of_batch: true };
        layers.push(op, Activation::LeakyRelu);
    };
    for (wide, inputs, outputs) in [(SIDE, 1, 64), (SIDE / 2, 64, 128)] {
        body.push(Op::Down { wide, inputs, outputs }, Activation::None);
        norm(&mut body, outputs);
    }
    // Its inputs stand channels-last, in its file too.
    body.dense(features, features, Activation::None);
    norm(&mut body, features);
    let mut head = Layers::new(features);
    head.dense(10, 10, Activation::None);
    let of = |layers: Layers, inputs, name| {
        Network::new(layers, inputs, (Initial::FanIn, 0.0), false, Stream::new(seed, name), device)
    };
    Ok([of(body, PIXELS, "classifier")?, of(head, features, "classifier head")?])
}

/// Parameters of a network at most: more than twenty times the 2014 paper's. With its gradient, Adam's moments and an average they take 1.3 GB.
const PARAMETERS_MAX: usize = 1 << 26;
/// Values in a network's layers at most, for all rows of a batch: 1 GB.
const VALUES_MAX: usize = 1 << 28;

/// Layers with their places, as they are added.
pub(super) struct Layers {
    pub list: Vec<Layer>,
    /// Values that the last one gives.
    size: usize,
    pub parameters: usize,
    pub running: usize,
}

impl Layers {
    fn new(inputs: usize) -> Self {
        Self { list: Vec::new(), size: inputs, parameters: 0, running: 0 }
    }

    /// An error, before any memory is taken, if a training would take more of it than networks for digits need; it names the key to lower.
    fn fit(&self, side: &str, kind: Kind, batch: usize) -> Result<()> {
        let key = if kind == Kind::Mlp { "hidden" } else { "channels" };
        let (parameters, sizes) = (self.parameters, self.list.iter().map(|layer| layer.size));
        let values = batch * sizes.sum::<usize>();
        // No `bail`: that adds a backtrace where the environment asks for one, and an error is a line.
        if parameters > PARAMETERS_MAX {
            return Err(Error::Msg(format!(
                "{side}.{key}: {parameters} parameters, and at most {PARAMETERS_MAX} fit; make its layers fewer or narrower"
            )));
        }
        if values > VALUES_MAX {
            return Err(Error::Msg(format!(
                "training.batch = {batch}: {values} values in the {side}'s layers, and at most {VALUES_MAX} fit; lower it or {side}.{key}"
            )));
        }
        Ok(())
    }

    fn dense(&mut self, outputs: usize, channels: usize, activation: Activation) {
        self.push(Op::Dense { inputs: self.size, outputs, channels }, activation);
    }

    fn head(&mut self, channels: usize, classes: usize) {
        self.push(Op::Head { inputs: self.size, channels, classes }, Activation::None);
    }

    fn push(&mut self, op: Op, activation: Activation) {
        let (kind, size) = match op {
            Op::Dense { outputs, .. } => ("dense", outputs),
            Op::Head { classes, .. } => ("head", 1 + classes),
            Op::BatchNorm { .. } => ("norm", self.size),
            Op::Max { pieces } => ("max", self.size / pieces),
            Op::Dropout { .. } => ("dropout", self.size),
            Op::Down { wide, outputs, .. } => ("conv", (wide / 2) * (wide / 2) * outputs),
            Op::Up { side, outputs, .. } => ("up", 4 * side * side * outputs),
        };
        let before = self.list.iter().filter(|layer| layer.name.starts_with(kind)).count();
        let name = if kind == "head" { kind.to_owned() } else { format!("{kind}{}", before + 1) };
        let layer = Layer { name, op, activation, size, offset: self.parameters, running_offset: self.running };
        self.parameters = layer.span().end;
        if let Op::BatchNorm { channels, .. } = op {
            self.running += 2 * channels;
        }
        self.size = size;
        self.list.push(layer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_beyond_any_memory_are_refused_with_the_key_to_lower() {
        let wide = format!("[{}]", vec!["8192"; 16].join(", "));
        let channels = ["generator.kind=conv".to_owned(), "generator.channels=[512, 512]".to_owned()];
        for (settings, expected) in [
            (vec![format!("generator.hidden={wide}")], "generator.hidden"),
            (
                vec![format!("discriminator.hidden={wide}"), "discriminator.pieces=16".to_owned()],
                "discriminator.hidden",
            ),
            ([&channels[..], &["training.batch=65536".to_owned()]].concat(), "training.batch"),
        ] {
            let recipe = Recipe::default().with(&settings).expect("each is in its range");
            let made = generator(&recipe, &Device::Cpu).and_then(|_| discriminator(&recipe, &Device::Cpu));
            let error = made.expect_err(expected).to_string();
            assert!(error.starts_with(expected) && error.lines().count() == 1, "{error}");
        }
        for (name, _) in crate::recipe::SHIPPED {
            let recipe = Recipe::load(name, &[]).expect("shipped");
            generator(&recipe, &Device::Cpu).and_then(|_| discriminator(&recipe, &Device::Cpu)).expect(name);
        }
    }
}
