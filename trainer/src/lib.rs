//! Trains generative adversarial networks with candle and writes the run directory; knows no terminal.
//!
//! Modules in the order that data flows.

pub mod balance;
pub mod batches;
pub mod bell;
pub mod dataset;
pub mod device;
pub mod diagnosis;
#[doc(hidden)]
pub mod doors;
pub mod duel;
pub mod evaluate;
pub mod export;
mod kernels;
pub mod losses;
pub mod networks;
pub mod optimiser;
pub mod recipe;
pub mod run;
pub mod training;
