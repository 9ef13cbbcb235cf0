//! The contract between the trainer and the runtime: what a generator file says of itself ([`Card`]), how a seed becomes
//! latents and labels ([`latent`]), how a network's output becomes pixels ([`pixels`]), and the generators that ship with
//! duel ([`SHIPPED`]). A leaf: no tensors, no files.

mod card;
pub mod grid;
pub mod latent;
pub mod pixels;
pub mod random;
mod shipped;

pub use card::{Card, CardError, LatentLaw, PIXELS, SIDE};
pub use latent::Latents;
pub use shipped::{SHIPPED, Shipped, shipped};
