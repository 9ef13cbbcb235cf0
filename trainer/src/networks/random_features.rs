//! A network with random weights, whose features judge pictures that no classifier knows: Naeem et al. 2020, section
//! 4.2.

use candle_core::{Device, Error, Result};
use duel_models::{Shape, random::Stream};

use super::{
    layers::{Conv, FirstWeights},
    network::Network,
    sequential::Sequential,
};
use crate::{
    kernels::activation::{Activation, LEAK},
    recipe::{Initial, halvings_to_5},
};

/// Channels of the first convolution; each next one has twice as many.
const FIRST: usize = 32;
/// The most channels of a convolution.
const MOST: usize = 128;

/// Builds the network: [N, height · width · channels] -> [N, features].
///
/// 4×4 convolutions of stride 2 with leaky ReLU, until the longer side has at most 5 pixels, then a projection. Each
/// weight is a random orthogonal matrix (Saxe et al. 2014), scaled so that values keep their mean square; each bias is
/// 0. The dense layer takes its image channels-last, also in a state dict.
pub fn random_features(shape: Shape, features: usize, seed: u64) -> Result<Network> {
    let mut layers = Sequential::new(shape.size());
    let Shape { channels: mut inputs, mut height, mut width, .. } = shape;
    for stage in 0..halvings_to_5(shape) {
        let outputs = (FIRST << stage).min(MOST);
        // [N, height, width, inputs] -> [N, height / 2, width / 2, outputs]
        layers.push(Conv { height, width, inputs, outputs }, Activation::LeakyRelu);
        (inputs, height, width) = (outputs, height / 2, width / 2);
    }
    layers.dense(features, features, Activation::None);
    let stream = Stream::new(seed, "random features");
    let first = FirstWeights { law: Initial::FanIn, range: 0.0 };
    let network = Network::new(layers, first, false, stream, &Device::Cpu)?;
    let mut weights = 0;
    network.load_state_dict(|name, shape| {
        let count = shape.iter().product();
        if name.ends_with(".bias") {
            return Ok::<_, Error>(vec![0.0; count]);
        }
        weights += 1;
        // A leaky ReLU keeps (1 + LEAK²) / 2 of the mean square.
        let kept = if name.starts_with("conv") { (1.0 + f64::from(LEAK).powi(2)) / 2.0 } else { 1.0 };
        Ok(orthogonal(shape[0], count / shape[0], kept, stream.item(weights)))
    })?;
    Ok(network)
}

/// Returns a random matrix, [rows, columns], whose rows are orthogonal, or whose columns are if there are more rows.
/// The mean square of an element is 1 / (kept · columns).
///
/// The Gram-Schmidt process in double precision gives the same bits on every CPU.
fn orthogonal(rows: usize, columns: usize, kept: f64, mut stream: Stream) -> Vec<f32> {
    let (count, size) = (rows.min(columns), rows.max(columns));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut vector: Vec<f64> = (0..size).map(|_| stream.normal()).collect();
        for other in &vectors {
            let along = dot(&vector, other);
            vector.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
        }
        let norm = dot(&vector, &vector).sqrt();
        vector.iter_mut().for_each(|value| *value /= norm);
        vectors.push(vector);
    }
    let scale = (size as f64 / (kept * columns as f64)).sqrt();
    let element = |row: usize, column: usize| {
        let value = if rows <= columns { vectors[row][column] } else { vectors[column][row] };
        (scale * value) as f32
    };
    (0..rows * columns).map(|at| element(at / columns, at % columns)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use candle_core::Tensor;

    use super::*;
    use crate::networks::Mode;

    #[test]
    fn rows_or_columns_are_orthogonal_and_elements_have_their_scale() {
        for (rows, columns) in [(5, 12), (12, 5), (6, 6)] {
            let matrix = orthogonal(rows, columns, 0.5, Stream::new(1, "matrix"));
            let (count, size) = (rows.min(columns), rows.max(columns));
            let vector = |at: usize| -> Vec<f32> {
                (0..size)
                    .map(|i| if rows <= columns { matrix[at * columns + i] } else { matrix[i * columns + at] })
                    .collect()
            };
            let expected = size as f32 / (0.5 * columns as f32);
            for (a, b) in (0..count).flat_map(|a| (0..count).map(move |b| (a, b))) {
                let product: f32 = vector(a).iter().zip(vector(b)).map(|(a, b)| a * b).sum();
                let wanted = if a == b { expected } else { 0.0 };
                assert!((product - wanted).abs() < 1e-5, "{rows}x{columns}, {a} {b}: {product}");
            }
        }
    }

    #[test]
    fn pictures_of_any_shape_have_features_and_the_same_ones_each_time() {
        for shape in ["1x8x8", "3x8x128", "1x28x28", "3x33x17", "3x64x64", "3x128x128"] {
            let shape: Shape = shape.parse().expect("in range");
            let features = |seed| {
                let network = Arc::new(random_features(shape, 128, seed).expect("a small network"));
                let mut stream = Stream::new(1, "pictures");
                let values: Vec<f32> = (0..2 * shape.size()).map(|_| stream.normal() as f32).collect();
                let images = Tensor::from_vec(values, (2, shape.size()), &Device::Cpu).expect("memory");
                let features = network.forward(&images, Mode::Evaluate).expect("a CPU");
                features.flatten_all().and_then(|values| values.to_vec1::<f32>()).expect("floats")
            };
            let [first, again, other] = [1, 1, 2].map(features);
            assert_eq!(first, again);
            assert_ne!(first, other);
            let mean_square = first.iter().map(|value| value * value).sum::<f32>() / first.len() as f32;
            assert!((0.2..3.0).contains(&mean_square), "{shape}: {mean_square}");
        }
    }
}
