//! What a training tells its caller, and why it may fail.

use crate::run::{
    density::Portrait,
    paths::RunError,
    record::{Event, Metrics},
};

/// Rollbacks after values that were not finite, before training gives up.
pub(super) const RETREATS: u32 = 3;

/// What a training tells while it goes on.
#[derive(Debug)]
pub enum Report<'a> {
    /// A step is done.
    Step(u64),
    /// A measured step.
    Metrics(&'a Metrics),
    /// New samples of the fixed latents, [`SAMPLES`] images of grey levels.
    Samples(&'a [u8]),
    /// A duel over numbers as it looks now.
    Portrait(&'a Portrait),
    /// Something happened.
    Event(&'a Event),
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Train on.
    Continue,
    /// Write a checkpoint and end.
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
        /// Which.
        device: &'static str,
        /// When.
        step: u64,
        /// Why.
        source: candle_core::Error,
    },
    /// The networks diverged, and going back did not help.
    #[error(
        "a loss or a weight was not finite at step {step}, after going back {RETREATS} times, and now with rates of {generator:e} and \
         {discriminator:e}: lower generator.learning_rate and discriminator.learning_rate"
    )]
    Diverged {
        /// When.
        step: u64,
        /// The generator's learning rate.
        generator: f64,
        /// The discriminator's.
        discriminator: f64,
    },
}
