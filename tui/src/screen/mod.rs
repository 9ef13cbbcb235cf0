//! What is drawn of the state, one file a screen; nothing here reads files or the clock.

#[cfg(feature = "train")]
mod watch;

#[cfg(feature = "train")]
mod bell;
#[cfg(feature = "train")]
mod duel;
#[cfg(feature = "train")]
mod log;
#[cfg(feature = "train")]
mod runs;
#[cfg(feature = "train")]
mod time;
#[cfg(feature = "train")]
mod value;

pub mod clock;
pub mod explore;

#[cfg(feature = "train")]
mod messages;
#[cfg(feature = "train")]
mod panels;
#[cfg(feature = "train")]
mod popups;
mod sheet;
mod tiles;

#[cfg(all(test, feature = "train"))]
mod tests;

#[cfg(feature = "train")]
pub use self::{panels::time_left, watch::draw};

use self::sheet::{Sheet, piece};
use crate::theme::Role;

/// Lines in the middle of a screen that has no room for anything else.
fn draw_in_the_middle(sheet: &mut Sheet, lines: &[String]) {
    let area = sheet.area();
    let top = area.height.saturating_sub(lines.len() as u16) / 2;
    for (line, y) in lines.iter().zip(top..) {
        let x = area.width.saturating_sub(line.chars().count() as u16) / 2;
        sheet.put(x, area.right(), y, &[piece(line.clone(), Role::Text)]);
    }
}
