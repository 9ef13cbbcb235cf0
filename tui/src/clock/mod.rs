//! `duel clock`: the time in generated digits.

mod digits;
mod screen;
mod session;
mod state;
#[cfg(test)]
mod tests;

pub use self::session::show;
