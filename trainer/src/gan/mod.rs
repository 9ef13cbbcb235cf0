//! Adversarial training: the two networks, their losses, one training step, checkpoints, and sampling.

pub mod balance;
mod batch;
mod duel;
pub mod ema;
pub mod losses;
mod measures;
mod sampling;
pub mod state;
mod step;

#[cfg(test)]
mod gradients;
#[cfg(test)]
mod oracle;

pub use self::duel::{Duel, Duellist};
