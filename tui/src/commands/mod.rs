//! One file a command; its first function tells the story.

pub mod clock;
#[cfg(feature = "train")]
pub mod eval;
pub mod explore;
#[cfg(feature = "train")]
pub mod export;
pub mod models;
#[cfg(feature = "train")]
pub mod pack;
#[cfg(feature = "train")]
pub mod recipes;
#[cfg(feature = "train")]
pub mod report;
#[cfg(feature = "train")]
pub mod runs;
pub mod sample;
#[cfg(feature = "train")]
pub mod train;
#[cfg(feature = "train")]
pub mod watch;
