//! Adam over a network's parameters.

use candle_core::{Result, Tensor, Var};

use crate::{
    kernels::{self, AdamStep},
    networks::{Engine, Network},
};

/// Adam: Kingma and Ba 2015, algorithm 1. The moments are flat, as the parameters are.
#[derive(Debug)]
pub struct Adam {
    /// The learning rate of the next step.
    pub learning_rate: f64,
    betas: [f64; 2],
    epsilon: f64,
    pub(crate) engine: Engine,
    /// The first moments, [P].
    pub first: Tensor,
    /// The second moments, [P].
    pub second: Tensor,
    /// Steps taken.
    pub steps: u64,
}

impl Adam {
    /// An optimiser of a network's parameters before its first step.
    pub fn new(network: &Network, learning_rate: f64, betas: [f64; 2], epsilon: f64) -> Result<Self> {
        let (first, second) = (network.parameters.zeros_like()?, network.parameters.zeros_like()?);
        Ok(Self { learning_rate, betas, epsilon, engine: network.engine, first, second, steps: 0 })
    }

    /// Moves `parameters` by one step along `gradient`.
    pub fn step(&mut self, parameters: &Var, gradient: &Tensor) -> Result<()> {
        self.steps += 1;
        let [beta1, beta2] = self.betas;
        // A run long enough to leave i32 has both corrections at 1.
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let step = AdamStep {
            rate: self.learning_rate / (1.0 - beta1.powi(steps)),
            beta1,
            beta2,
            correction2: 1.0 - beta2.powi(steps),
            epsilon: self.epsilon,
        };
        match self.engine {
            Engine::Kernels => self.in_place(step, parameters, gradient),
            Engine::Candle => self.by_candle(step, parameters, gradient),
        }
    }

    fn in_place(&self, step: AdamStep, parameters: &Var, gradient: &Tensor) -> Result<()> {
        let (mut inner, mut innermost) = (Ok(()), Ok(()));
        kernels::write(parameters, |values| {
            inner = kernels::write(&self.first, |first| {
                innermost = kernels::write(&self.second, |second| {
                    let _ = kernels::read(gradient, |gradient| kernels::adam(step, values, first, second, gradient));
                });
            });
        })?;
        inner.and(innermost)
    }

    fn by_candle(&mut self, step: AdamStep, parameters: &Var, gradient: &Tensor) -> Result<()> {
        self.first = ((&self.first * step.beta1)? + (gradient * (1.0 - step.beta1))?)?;
        self.second = ((&self.second * step.beta2)? + (gradient.sqr()? * (1.0 - step.beta2))?)?;
        let root = ((self.second.sqrt()? / step.correction2.sqrt())? + step.epsilon)?;
        parameters.set(&(parameters.as_tensor() - ((&self.first * step.rate)? / root)?)?)
    }
}
