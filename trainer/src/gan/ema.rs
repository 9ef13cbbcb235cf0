//! The exponential moving average (EMA) of a network.

use candle_core::Result;

use crate::{
    kernels,
    networks::{Engine, Network},
};

/// Moves the parameters and running statistics of `average` towards those of `network`, which has taken `steps` steps:
/// average = keep · average + (1 - keep) · network. `average` is a [fork](Network::fork) of `network`.
///
/// In the first steps less is kept, steps / (steps + 9), so that the average forgets the first weights.
pub fn update(average: &Network, network: &Network, keep: f64, steps: u64) -> Result<()> {
    let keep = keep.min(steps as f64 / (steps as f64 + 9.0));
    for (average, values) in [(&average.parameters, &network.parameters), (&average.running, &network.running)] {
        match network.engine {
            Engine::Kernels => {
                let values = kernels::values(values)?;
                kernels::write(average, |average| kernels::optimiser::average(average, &values, keep as f32))?;
            }
            Engine::Candle => average.set(&((average.as_tensor() * keep)? + (values.as_tensor() * (1.0 - keep))?)?)?,
        }
    }
    Ok(())
}
