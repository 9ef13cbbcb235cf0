//! The contract between the trainer and the runtime: what a generator file says of itself ([`Card`]), how a seed becomes
//! latents and labels ([`latent`]), how a network's output becomes pixels ([`pixels`]), how files come to the disk whole
//! ([`files`]), and the generators that ship with duel ([`SHIPPED`]). A leaf: no tensors.

mod card;
pub mod files;
pub mod grid;
pub mod latent;
pub mod pixels;
pub mod random;
mod shipped;
pub mod text;

pub use card::{Card, CardError, LatentLaw, PIXELS, SIDE};
pub use latent::Latents;
pub use shipped::{SHIPPED, Shipped, shipped};
