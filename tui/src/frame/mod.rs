//! `duel frame`: a picture frame, on a console or as a PNG file for a panel.

mod panel;
mod pictures;
mod screen;
mod session;
mod state;
#[cfg(test)]
mod tests;

pub use self::{panel::write, pictures::Pictures, session::show, state::Show};
