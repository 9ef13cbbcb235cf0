//! The frozen classifier of MNIST's digits whose features the measures compare, and its training.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor, bail};
use duel_models::random::Stream;
use rayon::prelude::*;
use safetensors::{SafeTensors, tensor::Dtype};

use crate::{
    data::{
        DataSet, Images,
        mnist::{CLASSES, SHAPE},
    },
    gan::ema,
    kernels,
    networks::{
        self, Mode, Network, StateDictEntry,
        optimiser::{Optimiser, Rule},
        tensor_file::{floats, safetensors, sha256},
    },
};

/// Values of a feature vector.
pub const FEATURES: usize = 128;

/// The classifier that ships, trained by `cargo run --release --example classifier`.
static SHIPPED: &[u8] = include_bytes!("../../data/classifier.safetensors");

/// Pictures in a forward pass.
const BATCH: usize = 500;

/// A classifier of digits.
#[derive(Debug)]
pub struct Classifier {
    /// [N, 784] -> [N, 128], the features.
    body: Arc<Network>,
    /// [N, 128] -> [N, 10], the logits.
    head: Arc<Network>,
    /// The SHA-256 of the classifier's file, in hexadecimal; empty for a classifier without a file.
    pub hash: String,
}

/// Features and labels that a classifier reads from pictures.
#[derive(Debug)]
pub struct Reading {
    /// [N, 128].
    pub features: Vec<f32>,
    /// `[N]`.
    pub labels: Vec<u8>,
}

impl Classifier {
    /// Loads the shipped classifier. All scores of digits compare its features.
    pub fn shipped() -> Result<Self> {
        let file = SafeTensors::deserialize(SHIPPED).map_err(candle_core::Error::wrap)?;
        let classifier = Self::new(0)?;
        for (part, network) in [("body", &classifier.body), ("head", &classifier.head)] {
            network.load_state_dict(|name, shape| {
                let tensor = file.tensor(&format!("{part}.{name}")).map_err(candle_core::Error::wrap)?;
                if tensor.shape() != shape || tensor.dtype() != Dtype::F32 {
                    bail!("{name} of the classifier has the shape {:?}, expected {shape:?}", tensor.shape());
                }
                Ok(floats(tensor.data()))
            })?;
        }
        Ok(Self { hash: sha256([SHIPPED]), ..classifier })
    }

    fn new(seed: u64) -> Result<Self> {
        let [body, head] = networks::classifier(SHAPE, FEATURES, CLASSES, seed, &Device::Cpu)?.map(Arc::new);
        Ok(Self { body, head, hash: String::new() })
    }

    /// Reads pictures of digits, [N, 784] in [-1, 1].
    pub fn read(&self, values: &[f32]) -> Result<Reading> {
        let mut reading = Reading { features: Vec::new(), labels: Vec::new() };
        for values in values.chunks(BATCH * SHAPE.size()) {
            let images = Tensor::from_slice(values, (values.len() / SHAPE.size(), SHAPE.size()), &Device::Cpu)?;
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

/// Settings of a classifier's training. Those of the shipped classifier were chosen on held-out training images.
#[derive(Debug, Clone, Copy)]
pub struct ClassifierTraining {
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
    pub const SHIPPED: Self = Self { epochs: 14, batch: 128, learning_rate: 2e-3, average: 0.998 };
}

/// Trains a classifier by cross entropy, with pictures rotated, stretched and shifted at random. `observe` gets each
/// epoch and its mean loss.
pub fn train(
    data: &DataSet,
    how: ClassifierTraining,
    seed: u64,
    mut observe: impl FnMut(usize, f64),
) -> Result<Classifier> {
    let Classifier { body, head, .. } = Classifier::new(seed)?;
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
            let (images, labels) = distorted_batch(data, batch, stream.item(epoch as u64).item(1 + index as u64))?;
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
    Ok(Classifier { body, head, hash: String::new() })
}

/// Pictures of a batch, each distorted by a random stream of its own, and their labels.
fn distorted_batch(data: &DataSet, batch: &[u32], stream: Stream) -> Result<(Tensor, Tensor)> {
    let mut values = vec![0.0; batch.len() * SHAPE.size()];
    values.par_chunks_mut(SHAPE.size()).zip(batch).enumerate().for_each(|(row, (values, &image))| {
        distort(data.image(image as usize), stream.item(row as u64), values);
    });
    let labels = batch.iter().map(|&image| u32::from(data.label(image as usize)));
    let images = Tensor::from_vec(values, (batch.len(), SHAPE.size()), &Device::Cpu)?;
    Ok((images, Tensor::from_iter(labels, &Device::Cpu)?))
}

/// Rotates a picture by up to 10°, stretches it by up to a tenth in either direction, shears it by up to a tenth and
/// shifts it by up to two pixels, with bilinear interpolation and black beyond the edge.
fn distort(image: &[u8], mut stream: Stream, values: &mut [f32]) {
    let mut within = |most: f32| (2.0 * stream.uniform() as f32 - 1.0) * most;
    let (sin, cos) = within(10f32.to_radians()).sin_cos();
    let (wide, high, shear) = (1.0 + within(0.1), 1.0 + within(0.1), within(0.1));
    let (right, down) = (within(2.0), within(2.0));
    let side = SHAPE.width;
    let centre = (side as f32 - 1.0) / 2.0;
    let pixel = |y: i32, x: i32| match (usize::try_from(y), usize::try_from(x)) {
        (Ok(y), Ok(x)) if y < side && x < side => f32::from(image[y * side + x]),
        _ => 0.0,
    };
    for (at, value) in values.iter_mut().enumerate() {
        let (y, x) = ((at / side) as f32 - centre - down, (at % side) as f32 - centre - right);
        let (x, y) = (wide * (cos * x - sin * y) + shear * y + centre, high * (sin * x + cos * y) + centre);
        let (top, left) = (y.floor(), x.floor());
        let (below, beside) = (y - top, x - left);
        let (top, left) = (top as i32, left as i32);
        let line = |y: i32| pixel(y, left) * (1.0 - beside) + pixel(y, left + 1) * beside;
        *value = (line(top) * (1.0 - below) + line(top + 1) * below) / 127.5 - 1.0;
    }
}
