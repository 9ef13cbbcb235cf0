//! `duel clock`: the time in generated digits.

mod digits;
mod keys;
mod panel;
mod screen;
mod session;
mod state;
#[cfg(test)]
mod tests;
mod time;

pub use self::{panel::write, session::show};
