//! The reports of a training, and why it may fail.

use crate::run::{
    density::Densities,
    grid::Grid,
    paths::RunError,
    record::{Event, Metrics},
};

/// Rollbacks after values that were not finite, before training gives up.
pub(super) const ROLLBACKS: u32 = 3;

/// A report of a training.
#[derive(Debug)]
pub enum Report<'a> {
    /// A step is done.
    Step(u64),
    /// A measured step.
    Metrics(&'a Metrics),
    /// New samples of the fixed latents.
    Samples(&'a Grid),
    /// The densities of a toy distribution.
    Densities(&'a Densities),
    /// An event.
    Event(&'a Event),
}

/// Whether training goes on. What ends more is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flow {
    /// Training goes on.
    Continue,
    /// Training writes a checkpoint and goes on, also while it is paused.
    Checkpoint,
    /// Training writes a checkpoint and ends.
    Stop,
}

/// Why training failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The run directory failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The device failed.
    #[error("the {device} device failed at step {step}: {source}")]
    Device {
        /// `cpu`, `cuda` or `metal`.
        device: &'static str,
        /// The step.
        step: u64,
        /// The error of candle.
        source: candle_core::Error,
    },
    /// The networks diverged again after every rollback.
    #[error(
        "a loss or a weight was not finite at step {step}, after {ROLLBACKS} rollbacks, with learning rates of {generator:e} and \
         {discriminator:e}: lower generator.learning_rate and discriminator.learning_rate"
    )]
    Diverged {
        /// The step.
        step: u64,
        /// The generator's learning rate.
        generator: f64,
        /// The discriminator's learning rate.
        discriminator: f64,
    },
}
