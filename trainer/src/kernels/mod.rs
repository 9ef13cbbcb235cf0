//! The arithmetic of a training step on a CPU: slices in, slices out. Knows no network.
//!
//! Every kernel splits its work into pieces whose shapes depend on the data alone, and adds up in an order that is
//! fixed: one thread and many give the same bits.

pub(crate) mod activation;
pub(crate) mod augment;
pub(crate) mod convolution;
mod convolution_shape;
pub(crate) mod dense;
mod direct;
pub(crate) mod elementwise;
pub(crate) mod gemm;
pub(crate) mod norm;
pub(crate) mod optimiser;
pub(crate) mod storage;
mod threads;
pub(crate) mod upsampling;
mod winograd;

pub(crate) use self::{
    storage::{values, write, write_all},
    threads::with_spinning_threads,
};
