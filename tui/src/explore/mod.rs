//! `duel explore`: a walk through latent space.

mod keys;
mod screen;
mod session;
mod state;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use self::session::walk;
