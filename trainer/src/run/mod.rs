//! The run directory, both ends: the only thing between the trainer and those who watch it.

pub mod record;
pub mod tail;
pub mod curves;
pub mod story;
pub mod grid;
pub mod reader;
pub mod control;
