//! The run directory: the trainer writes it, and the terminal reads it. They share nothing else.

mod append;
pub mod control;
pub mod curves;
pub mod density;
pub mod grid;
pub mod history;
pub mod paths;
pub mod reader;
pub mod record;
pub mod scalars;
pub mod summary;
pub mod tail;
mod tensorboard;
pub mod writer;
