//! The run directory, both ends: the only thing between the trainer and those who watch it.

pub mod checkpoint;
pub mod control;
pub mod curves;
pub mod directory;
pub mod files;
pub mod grid;
mod lines;
pub mod reader;
pub mod record;
pub mod story;
pub mod tail;
mod tensorboard;
pub mod writer;
