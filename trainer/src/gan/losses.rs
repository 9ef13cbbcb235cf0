//! The losses of both networks, from logits: D(x) = sigmoid(logit), log D(x) = -softplus(-logit), log(1 - D(x)) =
//! -softplus(logit). In the formulas r are the logits of real examples and f the logits of generated ones; every loss
//! is a mean over the batch.

use candle_core::{Result, Tensor};

use crate::recipe::Loss;

/// The discriminator's loss.
#[derive(Debug)]
pub struct Discriminator {
    /// The loss to minimise, a scalar.
    pub total: Tensor,
    /// The loss on real and on generated examples, whose mean is the total; none for a loss of pairs.
    pub parts: Option<[Tensor; 2]>,
}

impl Loss {
    /// Whether the loss compares each real example with a generated one, so that the logit of an example alone has no
    /// meaning.
    pub fn is_pairwise(self) -> bool {
        self == Self::Relativistic
    }
}

/// The value V(D, G) where D(x) = ½ everywhere, -log 4: Goodfellow et al. 2014, theorem 1.
pub const DRAW: f32 = -2.0 * std::f32::consts::LN_2;

/// The discriminator's loss from the logits of real and of generated examples, [N, 1] each.
pub fn discriminator(loss: Loss, real: &Tensor, fake: &Tensor) -> Result<Discriminator> {
    let [real, fake] = match loss {
        // -log D(x) and -log(1 - D(G(z))), together the negative of equation 1 of Goodfellow et al. 2014.
        Loss::NonSaturating | Loss::Minimax => [softplus(&real.neg()?)?, softplus(fake)?],
        // (r - 1)² and f²: Mao et al. 2017, equation 9.
        Loss::LeastSquares => [(real - 1.0)?.sqr()?, fake.sqr()?],
        // max(0, 1 - r) and max(0, 1 + f): Miyato et al. 2018, equation 16.
        Loss::Hinge => [(1.0 - real)?.relu()?, (fake + 1.0)?.relu()?],
        // softplus(f - r), pair by pair: Huang et al. 2024, equation 2.
        Loss::Relativistic => {
            return Ok(Discriminator { total: softplus(&(fake - real)?)?.mean_all()?, parts: None });
        }
    };
    let parts = [real.mean_all()?, fake.mean_all()?];
    Ok(Discriminator { total: ((&parts[0] + &parts[1])? * 0.5)?, parts: Some(parts) })
}

/// The generator's loss from the logits of real and of generated examples, [N, 1] each; only a loss of pairs uses
/// `real`.
pub fn generator(loss: Loss, real: &Tensor, fake: &Tensor) -> Result<Tensor> {
    match loss {
        // -log D(G(z)): Goodfellow et al. 2014, section 3.
        Loss::NonSaturating => softplus(&fake.neg()?)?.mean_all(),
        // log(1 - D(G(z))): Goodfellow et al. 2014, equation 1.
        Loss::Minimax => softplus(fake)?.mean_all()?.neg(),
        // ½ (f - 1)²: Mao et al. 2017, equation 9.
        Loss::LeastSquares => (fake - 1.0)?.sqr()?.mean_all()? * 0.5,
        // -f: Miyato et al. 2018, equation 17.
        Loss::Hinge => fake.mean_all()?.neg(),
        // softplus(r - f), pair by pair.
        Loss::Relativistic => softplus(&(real - fake)?)?.mean_all(),
    }
}

/// The gradient penalty λ mean (D(x) - D(x + σε))², from the logits of examples and of the same examples with noise. It
/// needs no second derivative: by Taylor's series its mean over ε is λσ² |∇D|².
pub fn penalty(lambda: f64, logits: &Tensor, noisy: &Tensor) -> Result<Tensor> {
    (logits - noisy)?.sqr()?.mean_all()? * lambda
}

/// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which is finite at any finite x.
///
/// -|x| is written as x - 2 max(x, 0), because candle's gradient of x - 2 max(x, 0) is correct at every x, 0 included.
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
    fn every_loss_and_its_gradient_equal_pytorchs_for_small_and_large_logits() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/peers/oracle/losses.safetensors");
        let recorded = candle_core::safetensors::load(file, &Device::Cpu).expect("a recorded file");
        let logits: Vec<f64> = recorded["logits"].to_vec1().expect("logits");
        let losses = [
            ("non-saturating", Loss::NonSaturating),
            ("minimax", Loss::Minimax),
            ("least-squares", Loss::LeastSquares),
            ("hinge", Loss::Hinge),
            ("relativistic", Loss::Relativistic),
        ];
        for ((name, loss), side) in losses.into_iter().flat_map(|loss| ["d", "g"].map(|side| (loss, side))) {
            let tables = ["", ".by_real", ".by_fake"]
                .map(|kind| recorded[&format!("{name}.{side}_loss{kind}")].to_vec2::<f64>().expect("a table"));
            for (i, j) in (0..logits.len()).flat_map(|i| (0..logits.len()).map(move |j| (i, j))) {
                let [real, fake] = [i, j].map(|at| Var::new(&[logits[at]], &Device::Cpu).expect("a logit"));
                let total = match side {
                    "d" => discriminator(loss, &real, &fake).expect("a loss").total,
                    _ => generator(loss, &real, &fake).expect("a loss"),
                };
                let slopes = total.backward().expect("a graph");
                let slope = |of: &Var| slopes.get(of).map_or(0.0, |g| g.to_vec1::<f64>().expect("one")[0]);
                let found = [total.to_scalar::<f64>().expect("one"), slope(&real), slope(&fake)];
                for (found, table) in found.into_iter().zip(&tables) {
                    let expected = table[i][j];
                    assert!(
                        (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
                        "{name} {side} {i} {j}: {found} {expected}"
                    );
                }
            }
        }
    }
}
