//! The run directory, both ends: the only thing between the trainer and those who watch it.

pub mod control;
pub mod curves;
pub mod density;
pub mod grid;
pub mod history;
mod lines;
pub mod paths;
pub mod reader;
pub mod record;
pub mod scalars;
pub mod tail;
mod tensorboard;
pub mod writer;
