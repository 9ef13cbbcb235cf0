//! One file a command; its first function tells the story.

#[cfg(feature = "train")]
pub mod recipes;
#[cfg(feature = "train")]
pub mod train;
