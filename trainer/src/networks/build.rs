//! The networks that a recipe describes, and the classifier.

use candle_core::{Device, Error, Result};
use duel_models::{Shape, random::Stream};

use super::{
    layers::{BatchNorm, Conv, Dropout, FirstWeights, Maxout, growth},
    network::Network,
    sequential::Sequential,
    stages::{check_halvings, first_sides},
};
use crate::{
    kernels::activation::Activation,
    recipe::{self, Initial, Kind, Output, Recipe},
};

/// Builds the generator: [N, latent + classes] -> [N, height · width · channels], or [N, 1] for a toy distribution.
/// With classes, the label's one-hot follows the latent.
///
/// `mlp`: dense layers, each with ReLU and batch norm, then a dense layer and the output's activation.
/// `conv`: a dense layer to a small image of many channels; then layers that double the image, each behind batch norm
/// and leaky ReLU; the last one gives the picture: Radford et al. 2015 (DCGAN).
pub fn generator(recipe: &Recipe, device: &Device) -> Result<Network> {
    let (seed, batch) = (recipe.training.seed, recipe.training.batch);
    let examples = Examples::new(recipe)?;
    let mut layers = Sequential::new(recipe.generator.latent + recipe.classes());
    let recipe = &recipe.generator;
    let output = match recipe.output {
        Output::Tanh => Activation::Tanh,
        Output::Sigmoid => Activation::Sigmoid,
        Output::Linear => Activation::None,
    };
    match recipe.kind {
        Kind::Mlp => {
            for &hidden in &recipe.hidden {
                layers.dense(hidden, hidden, Activation::Relu);
                generator_norm(recipe, &mut layers, hidden, Activation::None);
            }
            layers.dense(examples.size(), examples.channels(), output);
        }
        Kind::Conv => grow(recipe, &mut layers, examples.shape("generator")?, output)?,
    }
    layers.check_memory("generator", widths(recipe.kind), batch)?;
    let first = FirstWeights { law: recipe.initial, range: recipe.initial_range };
    Network::new(layers, first, false, Stream::new(seed, "generator"), device)
}

/// Adds a batch norm of the generator, unless the recipe leaves them out.
fn generator_norm(recipe: &recipe::Generator, layers: &mut Sequential, channels: usize, activation: Activation) {
    let from_batch = match recipe.batch_norm {
        recipe::BatchNorm::Off => return,
        recipe::BatchNorm::Batch => true,
        recipe::BatchNorm::Frozen => false,
    };
    let (momentum, epsilon) = (recipe.batch_norm_momentum, recipe.batch_norm_epsilon);
    layers.push(BatchNorm { channels, momentum, epsilon, from_batch }, activation);
}

/// Adds a convolutional generator's layers: latent -> [height / 2^stages, width / 2^stages, channels[0]] -> … ->
/// [height, width, channels].
fn grow(recipe: &recipe::Generator, layers: &mut Sequential, shape: Shape, output: Activation) -> Result<()> {
    let Some(&first) = recipe.channels.first() else {
        return Err(Error::Msg(
            "generator.channels: the list is empty; load the data before the networks are built".to_owned(),
        ));
    };
    let stages = recipe.channels.len();
    let [mut height, mut width] = first_sides(shape, stages)?;
    // With batch norm the activation follows the norm.
    let hidden = match recipe.batch_norm {
        recipe::BatchNorm::Off => Activation::LeakyRelu,
        recipe::BatchNorm::Batch | recipe::BatchNorm::Frozen => Activation::None,
    };
    layers.dense(height * width * first, first, hidden);
    let outputs = recipe.channels[1..].iter().copied().chain([shape.channels]);
    for (stage, (&inputs, outputs)) in recipe.channels.iter().zip(outputs).enumerate() {
        generator_norm(recipe, layers, inputs, Activation::LeakyRelu);
        // [N, height, width, inputs] -> [N, 2 height, 2 width, outputs]
        let activation = if stage + 1 == stages { output } else { hidden };
        layers.push(growth(recipe.growth, [height, width, inputs], outputs), activation);
        (height, width) = (2 * height, 2 * width);
    }
    Ok(())
}

/// Builds the discriminator: [N, height · width · channels], or [N, 1] for a toy distribution, -> [N, 1 + classes], the
/// logit and what each class adds to the logit.
///
/// `mlp`: dense layers with ReLU, or with maxout and dropout. `conv`: 4×4 convolutions of stride 2 with leaky ReLU.
pub fn discriminator(recipe: &Recipe, device: &Device) -> Result<Network> {
    let (classes, seed, batch) = (recipe.classes(), recipe.training.seed, recipe.training.batch);
    let examples = Examples::new(recipe)?;
    let mut layers = Sequential::new(examples.size());
    let recipe = &recipe.discriminator;
    match recipe.kind {
        Kind::Mlp => judge_values(recipe, &mut layers, classes),
        Kind::Conv => shrink(recipe, &mut layers, examples.shape("discriminator")?, classes)?,
    }
    layers.check_memory("discriminator", widths(recipe.kind), batch)?;
    let first = FirstWeights { law: recipe.initial, range: recipe.initial_range };
    Network::new(layers, first, recipe.spectral_norm, Stream::new(seed, "discriminator"), device)
}

/// Adds the layers of a discriminator of dense layers.
fn judge_values(recipe: &recipe::Discriminator, layers: &mut Sequential, classes: usize) {
    if recipe.keep_pixels < 1.0 {
        layers.push(Dropout { keep: recipe.keep_pixels, image: true }, Activation::None);
    }
    for &hidden in &recipe.hidden {
        if recipe.pieces == 1 {
            layers.dense(hidden, hidden, Activation::Relu);
        } else {
            layers.dense(hidden * recipe.pieces, hidden * recipe.pieces, Activation::None);
            layers.push(Maxout { pieces: recipe.pieces }, Activation::None);
        }
        if recipe.keep_hidden < 1.0 {
            layers.push(Dropout { keep: recipe.keep_hidden, image: false }, Activation::None);
        }
    }
    if classes == 0 {
        layers.dense(1, 1, Activation::None);
    } else {
        layers.head(layers.size, classes);
    }
}

/// Adds the layers of a convolutional discriminator.
fn shrink(recipe: &recipe::Discriminator, layers: &mut Sequential, shape: Shape, classes: usize) -> Result<()> {
    check_halvings(shape, recipe.channels.len())?;
    let Shape { channels: mut inputs, mut height, mut width, .. } = shape;
    for &outputs in &recipe.channels {
        // [N, height, width, inputs] -> [N, height / 2, width / 2, outputs]
        layers.push(Conv { height, width, inputs, outputs }, Activation::LeakyRelu);
        (inputs, height, width) = (outputs, height / 2, width / 2);
    }
    layers.head(inputs, classes);
    Ok(())
}

/// The examples that a discriminator judges and a generator draws.
#[derive(Clone, Copy)]
enum Examples {
    Pictures(Shape),
    /// Numbers of a toy distribution.
    Numbers,
}

impl Examples {
    fn new(recipe: &Recipe) -> Result<Self> {
        match (recipe.data.source.toy(), recipe.shape()) {
            (Some(_), _) => Ok(Self::Numbers),
            (None, Some(shape)) => Ok(Self::Pictures(shape)),
            (None, None) => {
                Err(Error::Msg("data.shape = auto: load the data before the networks are built".to_owned()))
            }
        }
    }

    /// Values of an example.
    fn size(self) -> usize {
        match self {
            Self::Pictures(shape) => shape.size(),
            Self::Numbers => 1,
        }
    }

    fn channels(self) -> usize {
        match self {
            Self::Pictures(shape) => shape.channels,
            Self::Numbers => 1,
        }
    }

    /// The shape of the pictures, which the convolutional network of one `side` of the duel needs.
    fn shape(self, side: &str) -> Result<Shape> {
        match self {
            Self::Pictures(shape) => Ok(shape),
            Self::Numbers => {
                Err(Error::Msg(format!("{side}.kind = conv: a toy distribution has no pictures; use mlp")))
            }
        }
    }
}

/// The key with the widths of a network's layers.
fn widths(kind: Kind) -> &'static str {
    match kind {
        Kind::Mlp => "hidden",
        Kind::Conv => "channels",
    }
}

/// Builds a classifier of pictures in two parts: 4×4 convolutions of stride 2 with these `channels`, and a dense layer,
/// each with batch norm and leaky ReLU, [N, height · width · channels] -> [N, features]; then a dense layer, [N,
/// features] -> [N, classes].
///
/// The first dense layer takes its image channels-last, also in a state dict.
pub fn classifier(
    shape: Shape,
    channels: &[usize],
    [features, classes]: [usize; 2],
    seed: u64,
    device: &Device,
) -> Result<[Network; 2]> {
    let Shape { channels: mut inputs, mut height, mut width, .. } = shape;
    let mut body = Sequential::new(shape.size());
    let norm = |layers: &mut Sequential, channels| {
        let norm = BatchNorm { channels, momentum: 0.9, epsilon: 1e-5, from_batch: true };
        layers.push(norm, Activation::LeakyRelu);
    };
    for &outputs in channels {
        body.push(Conv { height, width, inputs, outputs }, Activation::None);
        norm(&mut body, outputs);
        (inputs, height, width) = (outputs, height / 2, width / 2);
    }
    body.dense(features, features, Activation::None);
    norm(&mut body, features);
    let mut head = Sequential::new(features);
    head.dense(classes, classes, Activation::None);
    let first = FirstWeights { law: Initial::FanIn, range: 0.0 };
    let build = |layers, name| Network::new(layers, first, false, Stream::new(seed, name), device);
    Ok([build(body, "classifier")?, build(head, "classifier head")?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::mnist::SHAPE;

    #[test]
    fn networks_too_large_for_memory_are_refused_with_the_key_to_lower() {
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
            let recipe = recipe.for_shape(SHAPE).expect("the shape of digits");
            let made = generator(&recipe, &Device::Cpu).and_then(|_| discriminator(&recipe, &Device::Cpu));
            let error = made.expect_err(expected).to_string();
            assert!(error.starts_with(expected) && error.lines().count() == 1, "{error}");
        }
        for (name, _) in crate::recipe::SHIPPED {
            let recipe = Recipe::load(name, &[]).and_then(|recipe| recipe.for_shape(SHAPE)).expect("shipped");
            generator(&recipe, &Device::Cpu).and_then(|_| discriminator(&recipe, &Device::Cpu)).expect(name);
        }
    }
}
