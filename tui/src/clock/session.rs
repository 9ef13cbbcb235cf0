//! The clock's event loop: puts the time into the state, draws new digits with the generator, and draws the state on
//! the screen.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use duel_runtime::Generator;

use super::{digits::DigitSource, screen, state::Clock};
use crate::term::{
    input::Key,
    look::Look,
    window::{Input, Window},
    zone,
};

/// Shows the time until the user leaves or the terminal has vanished. The clock advances `speed` seconds in each
/// second.
pub fn show(generator: &Generator, speed: u32, look: Look) -> Result<()> {
    let shape = generator.card().shape;
    let mut window = Window::open(look)?;
    let theme = window.theme;
    // The present time is the seed, so that the clock never repeats.
    let mut source = DigitSource::new(generator, now().as_nanos() as u64);
    let mut clock = Clock::default();
    let (speed, start) = (f64::from(speed), now().as_secs_f64());
    loop {
        let time = start + (now().as_secs_f64() - start) * speed;
        let seconds = time + zone::offset(time);
        let places = screen::layout(window.size(), shape, theme).map_or(0, |(_, places)| places);
        for (place, digit) in clock.changes(seconds.max(0.0) as u64, places) {
            clock.images[place] = Some(source.next(digit)?);
        }
        // An error of drawing means that the terminal has vanished.
        if window.draw(|frame| screen::draw(frame, &clock, shape, theme)).is_err() {
            return Ok(());
        }
        if !wait(&mut window, places, seconds, speed)? {
            return Ok(());
        }
    }
}

/// Waits for the next second, or for the next minute if no seconds are shown; returns false if the user leaves.
fn wait(window: &mut Window, places: usize, seconds: f64, speed: f64) -> Result<bool> {
    let every = if places > 4 { 1.0 } else { 60.0 };
    let rest = every - seconds.rem_euclid(every);
    for input in window.wait(Duration::from_secs_f64(rest.clamp(0.001, every) / speed)) {
        match input {
            Input::Gone | Input::Key(Key::Char('q') | Key::Escape | Key::Ctrl('c')) => return Ok(false),
            Input::Redraw => window.take_again()?,
            Input::Suspend | Input::Key(Key::Ctrl('z')) => window.suspend()?,
            Input::Finer | Input::Key(_) => {}
        }
    }
    Ok(true)
}

/// Returns the time since 1970.
fn now() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}
