//! Spectral norm: each weight divided by its largest singular value, which one step of power iteration per update
//! estimates: Miyato et al. 2018, algorithm 1. By candle's operations, which are the same on every device.

use candle_core::{Result, Tensor, Var};
use duel_models::random::Stream;

use super::layer::Layer;

/// Offsets of a weight W, [rows, columns], in the parameters, and of its vectors in the running statistics: u,
/// `[rows]`, then v, `[columns]`.
struct SpectralWeight {
    offset: usize,
    rows: usize,
    columns: usize,
    vectors: usize,
}

/// Lists the weights of `layers`. The vectors u and v of all weights are stored one after another in the running
/// statistics, from offset `vectors` on.
fn weights(layers: &[Layer], vectors: usize) -> impl Iterator<Item = SpectralWeight> {
    let shaped = layers.iter().filter_map(|layer| Some((layer, layer.op.matrix()?)));
    shaped.scan(vectors, |next, (layer, [rows, columns])| {
        let vectors = *next;
        *next += rows + columns;
        Some(SpectralWeight { offset: layer.offset, rows, columns, vectors })
    })
}

/// Lists the weights of a network. The vectors u and v of the weights are the last values of `running`.
fn weights_in<'a>(layers: &'a [Layer], running: &Tensor) -> impl Iterator<Item = SpectralWeight> + use<'a> {
    let vectors: usize = weights(layers, 0).map(|weight| weight.rows + weight.columns).sum();
    weights(layers, running.elem_count() - vectors)
}

/// u and v of each weight before the first step: unit vectors in a random direction.
pub(super) fn first_vectors(layers: &[Layer], mut stream: Stream) -> Vec<f32> {
    let lengths = weights(layers, 0).flat_map(|weight| [weight.rows, weight.columns]);
    lengths
        .flat_map(|length| {
            let values: Vec<f64> = (0..length).map(|_| stream.normal()).collect();
            let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
            values.into_iter().map(move |value| (value / norm) as f32)
        })
        .collect()
}

/// Writes the parameters, with W / σ for each weight W, into `normalised`, where σ = uᵀ W v. With `iterate`, a step of
/// the power iteration moves u and v first.
pub(super) fn refresh(
    layers: &[Layer],
    parameters: &Var,
    running: &Var,
    normalised: &Var,
    iterate: bool,
) -> Result<()> {
    let mut vectors = running.as_detached_tensor();
    let mut scaled = parameters.as_detached_tensor();
    for weight in weights_in(layers, running) {
        let matrix = weight.matrix(parameters)?;
        let [mut u, mut v] = weight.vectors(&vectors)?;
        if iterate {
            v = unit(&matrix.t()?.matmul(&u)?)?;
            u = unit(&matrix.matmul(&v)?)?;
            let both = Tensor::cat(&[&u, &v], 0)?.flatten_all()?;
            vectors = vectors.slice_scatter(&both, 0, weight.vectors)?;
        }
        let divided = matrix.broadcast_div(&sigma(&matrix, &u, &v)?)?.flatten_all()?;
        scaled = scaled.slice_scatter(&divided, 0, weight.offset)?;
    }
    if iterate {
        running.set(&vectors)?;
    }
    normalised.set(&scaled)
}

/// Gradient of the parameters from the gradient of the normalised ones: with g for W / σ, W gets (g - ⟨g, W / σ⟩ u vᵀ)
/// / σ, where u and v count as constants: Miyato et al. 2018, equation 12.
pub(super) fn gradient(
    layers: &[Layer],
    parameters: &Var,
    running: &Var,
    normalised: &Var,
    gradient: &Tensor,
) -> Result<Tensor> {
    let mut whole = gradient.clone();
    for weight in weights_in(layers, running) {
        let [u, v] = weight.vectors(running)?;
        let sigma = sigma(&weight.matrix(parameters)?, &u, &v)?;
        let g = weight.matrix(gradient)?;
        let along = (&g * weight.matrix(normalised)?)?.sum_all()?;
        let corrected = (g - u.matmul(&v.t()?)?.broadcast_mul(&along)?)?.broadcast_div(&sigma)?;
        whole = whole.slice_scatter(&corrected.flatten_all()?, 0, weight.offset)?;
    }
    Ok(whole)
}

impl SpectralWeight {
    /// The values of W in `parameters`, or those at the same place in a tensor of the same layout, such as a gradient.
    fn matrix(&self, parameters: &Tensor) -> Result<Tensor> {
        parameters.detach().narrow(0, self.offset, self.rows * self.columns)?.reshape((self.rows, self.columns))
    }

    /// u and v as columns.
    fn vectors(&self, running: &Tensor) -> Result<[Tensor; 2]> {
        let column = |at, length| running.detach().narrow(0, at, length)?.reshape((length, 1));
        Ok([column(self.vectors, self.rows)?, column(self.vectors + self.rows, self.columns)?])
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
    use crate::{
        kernels::activation::Activation,
        networks::{layers::Conv, sequential::Sequential},
    };

    #[test]
    fn one_power_iteration_and_the_gradient_through_it_equal_pytorchs() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/peers/oracle/spectral_norm.safetensors");
        let recorded = candle_core::safetensors::load(file, &Device::Cpu).expect("a recorded file");
        // The second convolution has the shape of the recorded convolution.
        let mut layers = Sequential::new(28 * 28);
        for (side, inputs, outputs) in [(28, 1, 8), (14, 8, 16)] {
            layers.push(Conv { height: side, width: side, inputs, outputs }, Activation::None);
        }
        let zeros = |length: usize| Var::zeros(length, DType::F32, &Device::Cpu).expect("memory");
        let first = first_vectors(&layers.list, Stream::new(1, "vectors"));
        let [parameters, normalised] = [zeros(layers.parameters), zeros(layers.parameters)];
        let running = Var::from_slice(&first, first.len(), &Device::Cpu).expect("memory");
        // [16, 8, 4, 4] -> [4 · 4 · 8, 16], and vectors of 8 · 4 · 4 likewise.
        let ours = |tensor: &Tensor| tensor.permute((2, 3, 1, 0))?.flatten_all();
        let vector = |name: &str| recorded[name].reshape((8, 4, 4))?.permute((1, 2, 0))?.flatten_all();
        let weight = weights_in(&layers.list, &running).nth(1).expect("two convolutions");
        let at = weight.offset;
        let fill =
            |var: &Var, values: &Tensor, at: usize| var.set(&var.as_detached_tensor().slice_scatter(values, 0, at)?);
        fill(&parameters, &ours(&recorded["weight"]).expect("memory"), at).expect("as many");
        fill(&running, &vector("v").expect("memory"), weight.vectors).expect("as many");
        refresh(&layers.list, &parameters, &running, &normalised, true).expect("a step");

        let close = |found: &Tensor, expected: &Tensor, what: &str| {
            let [found, expected] =
                [found, expected].map(|t| t.flatten_all().and_then(|t| t.to_vec1::<f32>()).expect("floats"));
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{what}: {found} for {expected}");
            }
        };
        let [u, v] = weight.vectors(&running).expect("vectors");
        close(&u, &vector("next_v").expect("memory"), "v");
        close(&v, &recorded["next_u"], "u");
        close(&weight.matrix(&normalised).expect("memory"), &ours(&recorded["normalised"]).expect("memory"), "W / σ");
        let upstream = Tensor::zeros(layers.parameters, DType::F32, &Device::Cpu).expect("memory");
        let upstream = upstream.slice_scatter(&ours(&recorded["upstream"]).expect("memory"), 0, at).expect("as many");
        let found = gradient(&layers.list, &parameters, &running, &normalised, &upstream).expect("a gradient");
        close(&weight.matrix(&found).expect("memory"), &ours(&recorded["gradient"]).expect("memory"), "gradient");
    }
}
