//! The terminal: what it can show, its window and keys, and the things that are drawn on it. Uses no feature.

pub mod alarm;
pub mod bindings;
pub mod cells;
pub mod charset;
#[cfg(feature = "train")]
pub mod columns;
pub mod input;
pub mod look;
pub mod output;
pub mod palette;
pub mod pixels;
#[cfg(feature = "train")]
pub mod plot;
pub mod printed;
pub mod resize;
pub mod sheet;
pub mod signals;
#[cfg(feature = "train")]
pub mod svg;
#[cfg(test)]
pub mod testing;
pub mod theme;
pub mod tiles;
#[cfg(feature = "train")]
pub mod title;
pub mod tty;
pub mod window;
pub mod zone;
