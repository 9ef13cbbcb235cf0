//! `duel clock`: the time, in handwriting that never repeats.

use std::{
    iter,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use duel_models::{Latents, PIXELS};
use duel_runtime::{Generator, to_bytes};

use crate::{
    charset::Charset,
    clock::Clock,
    event::Key,
    model::ModelArgs,
    screen,
    terminal::{self, Input, Window},
    theme::Theme,
    zone,
};

/// Arguments of `duel clock`.
#[derive(Debug, Args)]
pub struct ClockArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// The characters to draw with.
    #[arg(long, value_enum, default_value_t)]
    charset: Charset,
    /// Seconds that the clock shows for each that passes, 1 to 1000.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    speed: u32,
}

/// Shows the time until a key is pressed.
pub fn run(args: ClockArgs) -> Result<()> {
    ensure!(terminal::is_there(), "the clock needs a terminal");
    let generator = args.model.load()?;
    let card = generator.card();
    ensure!(
        card.classes >= 10,
        "the model {} takes no labels: give --model one that does, `duel models` lists them",
        card.name
    );
    let theme = Theme::of(args.charset);
    let mut window = Window::open().context("cannot take the terminal over")?;
    // Another hand every time: the moment is the seed.
    let mut hand = Hand::new(&generator, now().as_nanos() as u64);
    let mut clock = Clock::default();
    let (speed, start) = (f64::from(args.speed), now().as_secs_f64());
    loop {
        let time = start + (now().as_secs_f64() - start) * speed;
        let seconds = time + zone::offset(time);
        let (width, height) = crossterm::terminal::size().context("cannot ask the terminal for its size")?;
        let places = screen::clock::layout(width, height).map_or(0, |(_, places)| places);
        for (place, digit) in clock.changes(seconds.max(0.0) as u64, places) {
            clock.images[place] = Some(hand.write(digit)?);
        }
        // A terminal that cannot be drawn on has vanished.
        if window.draw(|frame| screen::clock::draw(frame, &clock, theme)).is_err() {
            return Ok(());
        }
        if !wait(&mut window, places, seconds, speed)? {
            return Ok(());
        }
    }
}

/// Waits for the next second, or minute if only those are shown; false if the clock is to end.
fn wait(window: &mut Window, places: usize, seconds: f64, speed: f64) -> Result<bool> {
    let every = if places > 4 { 1.0 } else { 60.0 };
    let rest = every - seconds.rem_euclid(every);
    for input in window.wait(Duration::from_secs_f64(rest.clamp(0.001, every) / speed)) {
        match input {
            Input::Gone | Input::Key(Key::Char('q') | Key::Escape | Key::Ctrl('c')) => return Ok(false),
            Input::Redraw => window.take_again()?,
            Input::Suspend | Input::Key(Key::Ctrl('z')) => window.suspend()?,
            Input::Key(_) => {}
        }
    }
    Ok(true)
}

/// Since 1970.
fn now() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}

/// Images of each digit that are kept ahead.
const AHEAD: usize = 2;

/// Digits drawn ahead of their time, some of each: the runtime draws many at once for little more than one.
struct Hand<'a> {
    generator: &'a Generator,
    source: Latents,
    drawn: u64,
    ahead: [Vec<[u8; PIXELS]>; 10],
}

impl<'a> Hand<'a> {
    fn new(generator: &'a Generator, seed: u64) -> Self {
        Self { source: Latents::new(seed, generator.card()), generator, drawn: 0, ahead: Default::default() }
    }

    /// A digit that was not shown before.
    fn write(&mut self, digit: u8) -> Result<[u8; PIXELS]> {
        let digit = usize::from(digit);
        if self.ahead[digit].is_empty() {
            self.draw_ahead()?;
        }
        self.ahead[digit].pop().context("some of each digit were drawn")
    }

    /// As many of each digit as are kept, each of a latent of its own.
    fn draw_ahead(&mut self) -> Result<()> {
        let missing = |digit: u8| AHEAD.saturating_sub(self.ahead[usize::from(digit)].len());
        let labels: Vec<u8> = (0..10).flat_map(|digit| iter::repeat_n(digit, missing(digit))).collect();
        let mut latents = vec![0.0; labels.len() * self.source.size()];
        for latent in latents.chunks_exact_mut(self.source.size()) {
            self.source.latent(self.drawn, latent);
            self.drawn += 1;
        }
        let images = to_bytes(&self.generator.draw(&latents, &labels)?);
        for (image, label) in images.as_chunks::<PIXELS>().0.iter().zip(labels) {
            self.ahead[usize::from(label)].push(*image);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use duel_tests::generator;

    use super::*;

    #[test]
    fn a_hand_keeps_no_more_than_it_needs_however_rare_a_digit() {
        let generator = Generator::load(&generator::onnx()).expect("a generator");
        let mut hand = Hand::new(&generator, 1);
        for _ in 0..50 {
            hand.write(1).expect("a digit");
        }
        assert!(hand.ahead.iter().all(|images| images.len() <= AHEAD));
    }
}
