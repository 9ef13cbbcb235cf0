//! Trains generative adversarial networks with candle and writes the run directory; knows no terminal.
//!
//! Modules in the order that data flows.

pub mod data;
pub mod device;
pub mod diagnosis;
#[doc(hidden)]
pub mod doors;
pub mod export;
pub mod gan;
mod kernels;
pub mod metrics;
pub mod networks;
pub mod recipe;
pub mod run;
pub mod training;
