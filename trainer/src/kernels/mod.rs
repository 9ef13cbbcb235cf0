//! What candle's CPU path lacks: a network's whole forward and backward pass as one operation of candle's graph, and the
//! optimiser's step in place. On a GPU candle's own operations do the same work ([`crate::networks`]).
//!
//! Every kernel splits its work into pieces whose shapes depend on the data alone, and adds up in an order that is
//! fixed: one thread and many give the same bits.

mod convolution;
mod elementwise;
mod gemm;
mod hot;
mod norm;
mod optimiser;
mod pass;
mod storage;

pub(crate) use convolution::FOLD;
pub(crate) use gemm::{Matrix, Write, serial};
pub(crate) use hot::hot;
pub(crate) use optimiser::{AdamStep, adam, approach, descend};
pub(crate) use pass::{Pass, Tape};
pub(crate) use storage::{read, write};
