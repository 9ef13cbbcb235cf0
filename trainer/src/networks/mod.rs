//! The generator and the discriminator: described once as layers, run on the CPU by the project's kernels and on a GPU
//! by candle's own operations.

mod build;
mod cpu;
mod engine;
mod forward;
mod gpu;
mod layer;
pub mod layers;
mod network;
pub mod optimiser;
mod pass_buffers;
mod random_features;
mod sequential;
mod spectral_norm;
mod stages;
mod state_dict;
pub(crate) mod tensor_file;

pub(crate) use self::engine::Engine;
pub use self::{
    build::{classifier, discriminator, generator},
    engine::Mode,
    forward::probability,
    layer::Layer,
    layers::Op,
    network::Network,
    random_features::random_features,
    state_dict::StateDictEntry,
};
pub use crate::kernels::activation::{Activation, LEAK};
