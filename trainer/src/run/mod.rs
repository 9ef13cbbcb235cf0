//! The run directory, both ends: the only thing between the trainer and those who watch it.

pub mod control;
pub mod curves;
pub mod density;
pub mod files;
pub mod grid;
pub mod history;
mod lines;
pub mod paths;
pub mod reader;
pub mod record;
pub mod tail;
mod tensorboard;
pub mod writer;

// The old names, until every user has the new ones.
#[doc(hidden)]
pub use self::{history as story, paths as directory};
