//! A frame without a terminal.

use std::time::Instant;

use anyhow::Result;
use duel_models::picture::grid;

use super::{pictures::Pictures, state::Show};
use crate::files::panel::Panel;

/// Shows pictures on the panel until a signal asks this process to end.
pub fn write(pictures: &Pictures, mut show: Show, panel: Panel) -> Result<()> {
    let start = Instant::now();
    let mut shown = None;
    loop {
        let moment = show.at(start.elapsed());
        if shown != Some(moment) {
            panel.show(&grid(&pictures.draw(moment)?, pictures.card().shape, 1))?;
            shown = Some(moment);
        }
        if panel.ended(show.rest(start.elapsed()), None)? {
            return Ok(());
        }
    }
}
