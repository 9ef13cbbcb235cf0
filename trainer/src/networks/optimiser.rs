//! Optimisers of a network's parameters.

use candle_core::{Result, Tensor, Var};

use super::{engine::Engine, network::Network};
use crate::kernels::{
    self,
    optimiser::{AdamStep, adam, sgd},
};

/// The rule of an optimiser.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Adam: Kingma and Ba 2015, algorithm 1.
    Adam {
        /// β1 and β2.
        betas: [f64; 2],
        /// ε.
        epsilon: f64,
    },
    /// Gradient descent with momentum: Sutskever et al. 2013, equations 1 and 2.
    Sgd {
        /// The momentum of the next step.
        momentum: f64,
    },
}

/// An optimiser of a network's parameters. Its memory is flat, like the parameters.
#[derive(Debug)]
pub struct Optimiser {
    /// The rule with its hyperparameters.
    pub rule: Rule,
    /// The learning rate of the next step.
    pub learning_rate: f64,
    /// Steps taken.
    pub steps: u64,
    /// Adam's first and second moments, or the velocity of gradient descent, `[P]` each.
    pub memory: Vec<Tensor>,
    pub(crate) engine: Engine,
}

impl Optimiser {
    /// An optimiser before its first step.
    pub fn new(network: &Network, rule: Rule, learning_rate: f64) -> Result<Self> {
        let tensors = match rule {
            Rule::Adam { .. } => 2,
            Rule::Sgd { .. } => 1,
        };
        let memory = (0..tensors).map(|_| network.parameters.zeros_like()).collect::<Result<_>>()?;
        Ok(Self { rule, learning_rate, steps: 0, memory, engine: network.engine })
    }

    /// Moves `parameters` by one step along `gradient`.
    pub fn step(&mut self, parameters: &Var, gradient: &Tensor) -> Result<()> {
        self.steps += 1;
        match self.rule {
            Rule::Adam { betas, epsilon } => self.adam(betas, epsilon, parameters, gradient),
            Rule::Sgd { momentum } => self.sgd(momentum, parameters, gradient),
        }
    }

    fn adam(&mut self, [beta1, beta2]: [f64; 2], epsilon: f64, parameters: &Var, gradient: &Tensor) -> Result<()> {
        // A run long enough to leave i32 has both corrections at 1.
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let step = AdamStep {
            rate: self.learning_rate / (1.0 - beta1.powi(steps)),
            beta1,
            beta2,
            correction2: 1.0 - beta2.powi(steps),
            epsilon,
        };
        let [first, second] = self.memory.as_mut_slice() else { unreachable!("two moments") };
        match self.engine {
            Engine::Kernels => {
                let gradient = kernels::values(gradient)?;
                kernels::write_all([parameters, first, second], |[values, first, second]| {
                    adam(step, values, first, second, &gradient);
                })
            }
            Engine::Candle => {
                *first = ((&*first * beta1)? + (gradient * (1.0 - beta1))?)?;
                *second = ((&*second * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?;
                let root = ((second.sqrt()? / step.correction2.sqrt())? + epsilon)?;
                parameters.set(&(parameters.as_tensor() - ((&*first * step.rate)? / root)?)?)
            }
        }
    }

    fn sgd(&mut self, momentum: f64, parameters: &Var, gradient: &Tensor) -> Result<()> {
        let [velocity] = self.memory.as_mut_slice() else { unreachable!("one velocity") };
        match self.engine {
            Engine::Kernels => {
                let gradient = kernels::values(gradient)?;
                kernels::write_all([parameters, velocity], |[values, velocity]| {
                    sgd(self.learning_rate, momentum, values, velocity, &gradient);
                })
            }
            Engine::Candle => {
                *velocity = ((&*velocity * momentum)? - (gradient * self.learning_rate)?)?;
                parameters.set(&(parameters.as_tensor() + &*velocity)?)
            }
        }
    }
}
