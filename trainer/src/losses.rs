//! What the two networks minimise, from logits: D(x) = sigmoid(logit), log D(x) = -softplus(-logit), log(1 - D(x)) = -softplus(logit).
//! Equations are those of Goodfellow et al. 2014, arXiv:1406.2661.

use candle_core::{Result, Tensor};

use crate::recipe::Loss;

/// The discriminator's loss on real and on generated images; it minimises half their sum.
///
/// Mean -log D(x) and mean -log(1 - D(G(z))): together the negative of equation 1.
pub fn discriminator(real: &Tensor, fake: &Tensor) -> Result<[Tensor; 2]> {
    Ok([softplus(&real.neg()?)?.mean_all()?, softplus(fake)?.mean_all()?])
}

/// The generator's loss on generated images.
pub fn generator(loss: Loss, fake: &Tensor) -> Result<Tensor> {
    match loss {
        // Mean -log D(G(z)): section 3.
        Loss::NonSaturating => softplus(&fake.neg()?)?.mean_all(),
        // Mean log(1 - D(G(z))): equation 1.
        Loss::Minimax => softplus(fake)?.mean_all()?.neg(),
    }
}

/// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which is finite at any finite x.
///
/// -|x| is written as x - 2 max(x, 0), whose gradient under candle's rules is right at every x, 0 included.
pub fn softplus(x: &Tensor) -> Result<Tensor> {
    let positive = x.relu()?;
    let shrunk = (x - (&positive * 2.0)?)?;
    positive + (shrunk.exp()? + 1.0)?.log()?
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    #[test]
    fn softplus_is_finite_and_exact_at_any_logit_and_so_is_its_slope() {
        // python: import math; [math.log1p(math.exp(-abs(x))) + max(x, 0) for x in ...]; the slope is 1 / (1 + exp(-x))
        let rows = [
            (-1e4, 0.0, 0.0),
            (-3.0, 0.04858735157374196, 0.04742587317756678),
            (0.0, std::f64::consts::LN_2, 0.5),
            (3.0, 3.048587351573742, 0.9525741268224334),
            (1e4, 1e4, 1.0),
        ];
        for (x, expected, slope) in rows {
            let logit = Var::new(&[x as f32], &Device::Cpu).expect("a number");
            let y = softplus(&logit).expect("a number");
            let gradient = y.backward().expect("a graph");
            let gradient = gradient.get(&logit).expect("a slope").to_vec1::<f32>().expect("one")[0];
            assert!(
                (f64::from(y.to_vec1::<f32>().expect("one")[0]) - expected).abs() <= 1e-7 * expected.max(1.0),
                "{x}"
            );
            assert!((f64::from(gradient) - slope).abs() < 1e-6, "{x}: {gradient}");
        }
    }

    #[test]
    fn an_undecided_discriminator_pays_log_2_on_either_side() {
        let zero = Tensor::zeros(4, candle_core::DType::F32, &Device::Cpu).expect("zeros");
        let half = std::f64::consts::LN_2 as f32;
        for term in discriminator(&zero, &zero).expect("losses") {
            assert!((term.to_scalar::<f32>().expect("one") - half).abs() < 1e-6);
        }
        for (loss, expected) in [(Loss::NonSaturating, half), (Loss::Minimax, -half)] {
            let found = generator(loss, &zero).and_then(|loss| loss.to_scalar::<f32>()).expect("a loss");
            assert!((found - expected).abs() < 1e-6);
        }
    }
}
