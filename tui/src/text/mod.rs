//! Numbers, events and runs as text. Uses no feature and no terminal.

pub mod events;
pub mod markup;
pub mod numbers;
pub mod round;
pub mod run;
