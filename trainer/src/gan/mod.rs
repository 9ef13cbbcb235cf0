//! Adversarial training: the two networks, their losses, one training step, checkpoints, and sampling.

mod augment;
pub mod balance;
mod batch;
mod duel;
pub mod ema;
pub mod losses;
mod measures;
pub mod overfitting;
mod sampling;
pub mod state;
mod step;

#[cfg(test)]
mod gradients;
#[cfg(test)]
mod oracle;

pub use self::duel::{Best, Duel, Duellist};
