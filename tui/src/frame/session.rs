//! The event loop of a frame on a terminal: time and keys into the state, pictures onto the screen.

use std::time::Instant;

use anyhow::Result;

use super::{pictures::Pictures, screen, state::Show};
use crate::term::{
    input::Key,
    look::Look,
    window::{Input, Window},
};

/// Shows pictures until the user leaves or the terminal has vanished.
pub fn show(pictures: &Pictures, mut show: Show, look: Look) -> Result<()> {
    let mut window = Window::open(look)?;
    let theme = window.theme;
    let shape = pictures.card().shape;
    let start = Instant::now();
    let mut shown = None;
    loop {
        let moment = show.at(start.elapsed());
        if shown != Some(moment) {
            let picture = pictures.draw(moment)?;
            // An error of drawing means that the terminal has vanished.
            if window.draw(|frame| screen::draw(frame, shape, &picture, theme)).is_err() {
                return Ok(());
            }
            shown = Some(moment);
        }
        for input in window.wait(show.rest(start.elapsed())) {
            match input {
                Input::Gone | Input::Key(Key::Char('q') | Key::Escape | Key::Ctrl('c')) => return Ok(()),
                Input::Key(Key::Char(' ') | Key::Right) => show.skip(start.elapsed()),
                Input::Redraw => window.take_again()?,
                Input::Suspend | Input::Key(Key::Ctrl('z')) => window.suspend()?,
                Input::Finer => {}
                Input::Key(_) => continue,
            }
            shown = None;
        }
    }
}
