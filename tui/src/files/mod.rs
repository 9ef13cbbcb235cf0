//! Files that commands write: whole or absent. Pictures as PNG, GIF, NumPy arrays and IDX.

pub mod animation;
pub mod arrays;
pub mod panel;
pub mod pictures;
pub mod rendering;
pub mod write;
