//! Pictures as pixels, on terminals that show them: kitty's graphics, iTerm2's images, sixel. A screen names the pictures
//! that it has; [`Gallery`] sends those that have changed, as detailed as a slow line allows.

mod compose;
mod encode;
mod gallery;
mod quantise;
mod query;

use duel_models::Shape;
use ratatui::layout::Rect;

#[cfg(feature = "train")]
pub use self::compose::png;
pub use self::{
    gallery::{Gallery, picture},
    query::{PixelTerminal, ask, is_multiplexed},
};

/// Pictures side by side in a part of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The cells that they take.
    pub area: Rect,
    /// Columns and rows of one of them.
    pub tile: (u16, u16),
    /// The number of pictures in a row.
    pub across: usize,
    /// The shape of each.
    pub shape: Shape,
    /// [N, height, width, channels].
    pub images: Vec<u8>,
    /// The picture that has a frame around it.
    pub mark: Option<usize>,
}
