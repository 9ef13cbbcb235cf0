//! Spectral norm: each weight matrix divided by its largest singular value, which one step of power iteration an update
//! follows: Miyato et al. 2018, algorithm 1. By candle's operations, which are the same on every device.

use candle_core::{Result, Tensor, Var};
use duel_models::random::Stream;

use super::{Layer, Network};

/// Where a layer's W, [rows, columns], and its u, [rows], and v, [columns], stand.
struct Matrix<'a> {
    layer: &'a Layer,
    rows: usize,
    columns: usize,
    u: usize,
}

/// The matrices of some layers; their vectors stand one behind the other from `first` on.
fn matrices(layers: &[Layer], first: usize) -> impl Iterator<Item = Matrix<'_>> {
    let shaped = layers.iter().filter_map(|layer| Some((layer, layer.matrix()?)));
    shaped.scan(first, |at, (layer, [rows, columns])| {
        let u = *at;
        *at += rows + columns;
        Some(Matrix { layer, rows, columns, u })
    })
}

/// u and v of each matrix before the first step: unit vectors of a random direction.
pub(super) fn start(layers: &[Layer], mut stream: Stream) -> Vec<f32> {
    let lengths = matrices(layers, 0).flat_map(|matrix| [matrix.rows, matrix.columns]);
    lengths
        .flat_map(|length| {
            let values: Vec<f64> = (0..length).map(|_| stream.normal()).collect();
            let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
            values.into_iter().map(move |value| (value / norm) as f32)
        })
        .collect()
}

/// Writes parameters with W / σ for each W into `normalised`, where σ = uᵀ W v; `iterate` moves u and v first.
pub(super) fn normalise(network: &Network, iterate: bool, normalised: &Var) -> Result<()> {
    let mut running = network.running.as_detached_tensor();
    let mut parameters = network.parameters.as_detached_tensor();
    for matrix in of(network) {
        let weight = matrix.weight(&parameters)?;
        let [mut u, mut v] = matrix.vectors(&running)?;
        if iterate {
            v = unit(&weight.t()?.matmul(&u)?)?;
            u = unit(&weight.matmul(&v)?)?;
            let both = Tensor::cat(&[&u, &v], 0)?.flatten_all()?;
            running = running.slice_scatter(&both, 0, matrix.u)?;
        }
        let scaled = weight.broadcast_div(&sigma(&weight, &u, &v)?)?.flatten_all()?;
        parameters = parameters.slice_scatter(&scaled, 0, matrix.layer.offset)?;
    }
    if iterate {
        network.running.set(&running)?;
    }
    normalised.set(&parameters)
}

/// The gradient of the parameters from that of the normalised ones: with g for W / σ, W gets (g - ⟨g, W / σ⟩ u vᵀ) / σ, where u
/// and v count as constants: Miyato et al. 2018, equation 12.
pub(super) fn gradient(network: &Network, normalised: &Var, gradient: &Tensor) -> Result<Tensor> {
    let mut whole = gradient.clone();
    for matrix in of(network) {
        let [u, v] = matrix.vectors(&network.running)?;
        let sigma = sigma(&matrix.weight(&network.parameters)?, &u, &v)?;
        let g = matrix.weight(gradient)?;
        let along = (&g * matrix.weight(normalised)?)?.sum_all()?;
        let corrected = (g - u.matmul(&v.t()?)?.broadcast_mul(&along)?)?.broadcast_div(&sigma)?;
        whole = whole.slice_scatter(&corrected.flatten_all()?, 0, matrix.layer.offset)?;
    }
    Ok(whole)
}

fn of(network: &Network) -> impl Iterator<Item = Matrix<'_>> {
    let vectors: usize = matrices(&network.layers, 0).map(|matrix| matrix.rows + matrix.columns).sum();
    matrices(&network.layers, network.running.elem_count() - vectors)
}

impl Matrix<'_> {
    fn weight(&self, parameters: &Tensor) -> Result<Tensor> {
        parameters.detach().narrow(0, self.layer.offset, self.rows * self.columns)?.reshape((self.rows, self.columns))
    }

    /// u and v as columns.
    fn vectors(&self, running: &Tensor) -> Result<[Tensor; 2]> {
        let column = |at, length| running.detach().narrow(0, at, length)?.reshape((length, 1));
        Ok([column(self.u, self.rows)?, column(self.u + self.rows, self.columns)?])
    }
}

/// uᵀ W v, [1, 1].
fn sigma(weight: &Tensor, u: &Tensor, v: &Tensor) -> Result<Tensor> {
    u.t()?.matmul(&weight.matmul(v)?)
}

fn unit(vector: &Tensor) -> Result<Tensor> {
    vector.broadcast_div(&vector.sqr()?.sum_all()?.sqrt()?)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::{networks, recipe::Recipe};

    #[test]
    fn one_power_iteration_and_the_gradient_through_it_are_pytorchs() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/peers/oracle/spectral_norm.safetensors");
        let recorded = candle_core::safetensors::load(file, &Device::Cpu).expect("a recorded file");
        // The second convolution of this discriminator has the recorded one's shape.
        let settings = ["kind=conv", "channels=[8, 16]", "spectral_norm=true"].map(|s| format!("discriminator.{s}"));
        let recipe = Recipe::default().with(&settings).expect("good settings");
        let network = networks::discriminator(&recipe, &Device::Cpu).expect("a network");
        // [16, 8, 4, 4] -> [4 · 4 · 8, 16], and vectors of 8 · 4 · 4 likewise.
        let ours = |tensor: &Tensor| tensor.permute((2, 3, 1, 0))?.flatten_all();
        let vector = |name: &str| recorded[name].reshape((8, 4, 4))?.permute((1, 2, 0))?.flatten_all();
        let matrix = of(&network).nth(1).expect("two convolutions");
        let at = matrix.layer.offset;
        let fill =
            |var: &Var, values: &Tensor, at: usize| var.set(&var.as_detached_tensor().slice_scatter(values, 0, at)?);
        fill(&network.parameters, &ours(&recorded["weight"]).expect("memory"), at).expect("as many");
        fill(&network.running, &vector("v").expect("memory"), matrix.u).expect("as many");
        network.settle(true).expect("a step");

        let close = |found: &Tensor, expected: &Tensor, what: &str| {
            let [found, expected] =
                [found, expected].map(|t| t.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("floats"));
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{what}: {found} for {expected}");
            }
        };
        let [u, v] = matrix.vectors(&network.running).expect("vectors");
        close(&u, &vector("next_v").expect("memory"), "v");
        close(&v, &recorded["next_u"], "u");
        let normalised = network.normalised.as_ref().expect("spectral norm");
        close(&matrix.weight(normalised).expect("memory"), &ours(&recorded["normalised"]).expect("memory"), "W / σ");
        let upstream = Tensor::zeros(network.size(), DType::F32, &Device::Cpu).expect("memory");
        let upstream = upstream.slice_scatter(&ours(&recorded["upstream"]).expect("memory"), 0, at).expect("as many");
        let found = gradient(&network, normalised, &upstream).expect("a gradient");
        close(&matrix.weight(&found).expect("memory"), &ours(&recorded["gradient"]).expect("memory"), "gradient");
    }
}
