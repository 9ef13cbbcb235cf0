//! The classifiers whose features the measures compare, and their training.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor, bail};
use duel_models::{Shape, random::Stream};
use rayon::prelude::*;
use safetensors::{SafeTensors, tensor::Dtype};

use crate::{
    data::{DataSet, Images, mnist},
    gan::ema,
    kernels,
    networks::{
        self, Mode, Network, StateDictEntry,
        optimiser::{Optimiser, Rule},
        tensor_file::{floats, safetensors, sha256},
    },
    recipe::halvings_to_5,
};

/// Values of a feature vector.
pub const FEATURES: usize = 128;

/// The classifier of MNIST's digits that ships, trained by `cargo run --release --example classifier`.
static SHIPPED: &[u8] = include_bytes!("../../data/classifier.safetensors");

/// Pictures in a forward pass.
pub(super) const BATCH: usize = 500;

/// A classifier of pictures.
#[derive(Debug)]
pub struct Classifier {
    /// [N, height · width · channels] -> [N, 128], the features.
    body: Arc<Network>,
    /// [N, 128] -> [N, classes], the logits.
    head: Arc<Network>,
    /// The number of classes.
    pub classes: usize,
}

/// Features and labels that a classifier reads from pictures.
#[derive(Debug)]
pub struct Reading {
    /// [N, 128].
    pub features: Vec<f32>,
    /// `[N]`; empty if random features were read.
    pub labels: Vec<u8>,
}

impl Classifier {
    /// Loads the shipped classifier of digits, and the SHA-256 of its file.
    pub fn shipped() -> Result<(Self, String)> {
        let classifier = Self::from_safetensors(SHIPPED, mnist::SHAPE, mnist::CLASSES, ClassifierTraining::SHIPPED)?;
        Ok((classifier, sha256([SHIPPED])))
    }

    /// Reads the bytes that [`to_safetensors`](Self::to_safetensors) wrote.
    pub fn from_safetensors(bytes: &[u8], shape: Shape, classes: usize, how: ClassifierTraining) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes).map_err(candle_core::Error::wrap)?;
        let classifier = Self::new(shape, classes, how, 0)?;
        for (part, network) in [("body", &classifier.body), ("head", &classifier.head)] {
            network.load_state_dict(|name, shape| {
                let tensor = file.tensor(&format!("{part}.{name}")).map_err(candle_core::Error::wrap)?;
                if tensor.shape() != shape || tensor.dtype() != Dtype::F32 {
                    bail!("{name} of the classifier has the shape {:?}, expected {shape:?}", tensor.shape());
                }
                Ok(floats(tensor.data()))
            })?;
        }
        Ok(classifier)
    }

    fn new(shape: Shape, classes: usize, how: ClassifierTraining, seed: u64) -> Result<Self> {
        let sizes = [FEATURES, classes];
        let [body, head] = networks::classifier(shape, how.channels, sizes, seed, &Device::Cpu)?.map(Arc::new);
        Ok(Self { body, head, classes })
    }

    /// Reads pictures, [N, height · width · channels] in [-1, 1].
    pub fn read(&self, values: &[f32]) -> Result<Reading> {
        let mut reading = Reading { features: Vec::new(), labels: Vec::new() };
        let size = self.body.inputs;
        for values in values.chunks(BATCH * size) {
            let images = Tensor::from_slice(values, (values.len() / size, size), &Device::Cpu)?;
            let features = self.body.forward(&images, Mode::Evaluate)?;
            let logits = self.head.forward(&features, Mode::Evaluate)?;
            reading.features.extend(features.flatten_all()?.to_vec1::<f32>()?);
            reading.labels.extend(logits.argmax(1)?.to_vec1::<u32>()?.into_iter().map(|label| label as u8));
        }
        Ok(reading)
    }

    /// The share of pictures for which the classifier predicts the right label, 0 to 1.
    pub fn accuracy(&self, images: &Images) -> Result<f64> {
        let read = self.read(&images.values)?.labels;
        let right = read.iter().zip(&images.labels).filter(|(read, label)| read == label).count();
        Ok(right as f64 / images.len() as f64)
    }

    /// Writes the classifier as a safetensors file, by PyTorch's names and layouts; but `body.dense1` takes its picture
    /// channels-last.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        let mut named = Vec::new();
        for (part, network) in [("body", &self.body), ("head", &self.head)] {
            let prefixed = |entry: StateDictEntry| StateDictEntry { name: format!("{part}.{}", entry.name), ..entry };
            named.extend(network.state_dict()?.into_iter().map(prefixed));
        }
        safetensors(&named, None).map_err(candle_core::Error::wrap)
    }
}

/// Settings of a classifier and of its training. Those of the shipped classifier were chosen on held-out training
/// images.
#[derive(Debug, Clone, Copy)]
pub struct ClassifierTraining {
    /// Channels of each convolution.
    pub channels: &'static [usize],
    /// Whether pixels beyond the edge of a distorted picture are those at the edge; else they are black.
    pub extended: bool,
    /// Epochs.
    pub epochs: usize,
    /// Pictures in a batch.
    pub batch: usize,
    /// Adam's learning rate, which falls linearly to 0.
    pub learning_rate: f64,
    /// The decay of the exponential moving average of the weights, which becomes the classifier.
    pub average: f64,
}

impl ClassifierTraining {
    /// The settings of the shipped classifier.
    pub const SHIPPED: Self =
        Self { channels: &[64, 128], extended: false, epochs: 14, batch: 128, learning_rate: 2e-3, average: 0.998 };

    /// Returns the settings for the pictures of a user, so that the training takes at most two minutes on two cores.
    pub fn fitting(shape: Shape, pictures: usize) -> Self {
        const CHANNELS: &[usize] = &[32, 64, 128, 128, 128];
        const EPOCHS_MOST: usize = 30;
        /// Multiplications of all forward passes: five epochs of 60,000 pictures of 28×28.
        const MULTIPLICATIONS: usize = 900_000_000_000;
        let channels = &CHANNELS[..halvings_to_5(shape)];
        let Shape { channels: mut inputs, mut height, mut width, .. } = shape;
        let mut each = 0;
        for &outputs in channels {
            (height, width) = (height / 2, width / 2);
            each += height * width * 16 * inputs * outputs;
            inputs = outputs;
        }
        let epochs = (MULTIPLICATIONS / (each.max(1) * pictures.max(1))).clamp(1, EPOCHS_MOST);
        let batch = (pictures / 4).clamp(1, 128);
        Self { channels, extended: true, epochs, batch, ..Self::SHIPPED }
    }
}

/// Trains a classifier by cross entropy, with pictures rotated, stretched and shifted at random. `observe` gets each
/// epoch and its mean loss.
pub fn train(
    data: &DataSet,
    classes: usize,
    how: ClassifierTraining,
    seed: u64,
    mut observe: impl FnMut(usize, f64),
) -> Result<Classifier> {
    let Classifier { body, head, .. } = Classifier::new(data.shape, classes, how, seed)?;
    let averages = [body.fork()?, head.fork()?];
    let rule = Rule::Adam { betas: [0.9, 0.999], epsilon: 1e-8 };
    let mut optimisers =
        [Optimiser::new(&body, rule, how.learning_rate)?, Optimiser::new(&head, rule, how.learning_rate)?];
    let batches = data.len() / how.batch;
    let mut order: Vec<u32> = (0..data.len() as u32).collect();
    let stream = Stream::new(seed, "classifier");
    for epoch in 0..how.epochs {
        order.sort_unstable();
        stream.item(epoch as u64).shuffle(&mut order);
        let mut sum = 0.0;
        for (index, batch) in order.chunks_exact(how.batch).enumerate() {
            let left = 1.0 - (epoch * batches + index) as f64 / (how.epochs * batches) as f64;
            let (images, labels) = distorted_batch(data, batch, how, stream.item(epoch as u64).item(1 + index as u64))?;
            let loss = kernels::with_spinning_threads(|| {
                let logits = head.forward(&body.forward(&images, Mode::Train)?, Mode::Train)?;
                let loss = candle_nn::loss::cross_entropy(&logits, &labels)?;
                let mut store = loss.backward()?;
                for ((network, optimiser), average) in [&body, &head].into_iter().zip(&mut optimisers).zip(&averages) {
                    optimiser.learning_rate = how.learning_rate * left;
                    optimiser.step(&network.parameters, &network.take_gradient(&mut store)?)?;
                    ema::update(average, network, how.average, optimiser.steps)?;
                }
                loss.to_scalar::<f32>()
            })?;
            sum += f64::from(loss);
        }
        observe(epoch + 1, sum / batches as f64);
    }
    let [body, head] = averages.map(Arc::new);
    Ok(Classifier { body, head, classes })
}

/// Pictures of a batch, each distorted by a random stream of its own, and their labels.
fn distorted_batch(data: &DataSet, batch: &[u32], how: ClassifierTraining, stream: Stream) -> Result<(Tensor, Tensor)> {
    let size = data.shape.size();
    let mut values = vec![0.0; batch.len() * size];
    values.par_chunks_mut(size).zip(batch).enumerate().for_each(|(row, (values, &image))| {
        distort(data.image(image as usize), data.shape, how.extended, stream.item(row as u64), values);
    });
    let labels = batch.iter().map(|&image| u32::from(data.label(image as usize)));
    let images = Tensor::from_vec(values, (batch.len(), size), &Device::Cpu)?;
    Ok((images, Tensor::from_iter(labels, &Device::Cpu)?))
}

/// Rotates a picture by up to 10°, stretches it by up to a tenth in either direction, shears it by up to a tenth and
/// shifts it by up to a fourteenth of its sides, with bilinear interpolation. Beyond the edge are black pixels, or with
/// `extended` those at the edge.
fn distort(image: &[u8], shape: Shape, extended: bool, mut stream: Stream, values: &mut [f32]) {
    let Shape { channels, height, width, .. } = shape;
    let mut within = |most: f32| (2.0 * stream.uniform() as f32 - 1.0) * most;
    let (sin, cos) = within(10f32.to_radians()).sin_cos();
    let (wide, high, shear) = (1.0 + within(0.1), 1.0 + within(0.1), within(0.1));
    let (right, down) = (within(width as f32 / 14.0), within(height as f32 / 14.0));
    let [middle, centre] = [height, width].map(|side| (side as f32 - 1.0) / 2.0);
    let pixel = |y: i32, x: i32, channel: usize| {
        let (inner_y, inner_x) = (y.clamp(0, height as i32 - 1), x.clamp(0, width as i32 - 1));
        if !extended && (inner_y, inner_x) != (y, x) {
            return 0.0;
        }
        f32::from(image[(inner_y as usize * width + inner_x as usize) * channels + channel])
    };
    for (at, values) in values.chunks_exact_mut(channels).enumerate() {
        let (y, x) = ((at / width) as f32 - middle - down, (at % width) as f32 - centre - right);
        let (x, y) = (wide * (cos * x - sin * y) + shear * y + centre, high * (sin * x + cos * y) + middle);
        let (top, left) = (y.floor(), x.floor());
        let (below, beside) = (y - top, x - left);
        let (top, left) = (top as i32, left as i32);
        for (channel, value) in values.iter_mut().enumerate() {
            let line = |y: i32| pixel(y, left, channel) * (1.0 - beside) + pixel(y, left + 1, channel) * beside;
            *value = (line(top) * (1.0 - below) + line(top + 1) * below) / 127.5 - 1.0;
        }
    }
}
