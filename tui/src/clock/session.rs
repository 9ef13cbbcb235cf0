//! The clock's event loop: puts the time into the state, draws new digits with the generator, and draws the state on
//! the screen.

use std::time::{Duration, Instant};

use anyhow::Result;
use duel_runtime::Generator;

use super::{
    digits::DigitSource,
    keys::{Action, KEYS},
    screen,
    state::Clock,
    time::LocalTime,
};
use crate::term::{
    alarm::{Alarm, now},
    bindings,
    look::Look,
    window::{Input, Window},
};

/// The time for which the keys are shown after the start and after a key.
const KEYS_SHOWN: Duration = Duration::from_secs(10);

/// Shows the time until the user leaves or the terminal has vanished. The clock advances `speed` seconds in each
/// second.
pub fn show(generator: &Generator, speed: u32, look: Look) -> Result<()> {
    let shape = generator.card().shape;
    let mut window = Window::open(look)?;
    let theme = window.theme;
    // The present time is the seed, so that the clock never repeats.
    let mut source = DigitSource::new(generator, now().as_nanos() as u64);
    let mut clock = Clock::default();
    let (time, alarm) = (LocalTime::new(speed), Alarm::new());
    let mut shows_keys_until = Instant::now() + KEYS_SHOWN;
    let mut is_stale = true;
    loop {
        let keys_shown = shows_keys_until.saturating_duration_since(Instant::now());
        is_stale |= std::mem::replace(&mut clock.shows_keys, !keys_shown.is_zero()) == keys_shown.is_zero();
        let places = screen::layout(window.size(), shape, theme).map_or(0, |(_, places)| places);
        let (seconds, next) = time.read(if places > 4 { 1.0 } else { 60.0 });
        for (place, digit) in clock.changes(seconds as u64, places) {
            clock.images[place] = Some(source.next(digit)?);
            is_stale = true;
        }
        // An error of drawing means that the terminal has vanished.
        if std::mem::take(&mut is_stale) && window.draw(|frame| screen::draw(frame, &clock, shape, theme)).is_err() {
            return Ok(());
        }
        let rest = alarm.set(next);
        for input in window.wait_or(if clock.shows_keys { rest.min(keys_shown) } else { rest }, Some(&alarm)) {
            is_stale = true;
            match input {
                Input::Gone => return Ok(()),
                Input::Redraw => window.take_again()?,
                Input::Suspend => window.suspend()?,
                Input::Finer => {}
                Input::Key(key) => match bindings::action(KEYS, key) {
                    Some(Action::Quit) => return Ok(()),
                    Some(Action::Suspend) => window.suspend()?,
                    None => shows_keys_until = Instant::now() + KEYS_SHOWN,
                },
            }
        }
    }
}
