//! The clock without a terminal: hours and minutes as one picture.

use anyhow::Result;
use duel_models::{Shape, picture::Picture};
use duel_runtime::Generator;

use super::{digits::DigitSource, state::Clock, time::LocalTime};
use crate::{
    files::panel::Panel,
    term::alarm::{Alarm, now},
};

/// Digits of hours and minutes.
const PLACES: usize = 4;

/// Shows the time on the panel, each minute, until a signal asks this process to end.
pub fn write(generator: &Generator, speed: u32, panel: Panel) -> Result<()> {
    let mut source = DigitSource::new(generator, now().as_nanos() as u64);
    let (time, alarm, mut clock) = (LocalTime::new(speed), Alarm::new(), Clock::default());
    loop {
        let (seconds, next) = time.read(60.0);
        let changes = clock.changes(seconds as u64, PLACES);
        let is_new = !changes.is_empty();
        for (place, digit) in changes {
            clock.images[place] = Some(source.next(digit)?);
        }
        if is_new {
            panel.show(&face(&clock, generator.card().shape))?;
        }
        if panel.ended(alarm.set(next), Some(&alarm))? {
            return Ok(());
        }
    }
}

/// Returns the picture of hours, a colon and minutes, on black. The digits are pictures of `shape`.
fn face(clock: &Clock, shape: Shape) -> Picture {
    let Shape { channels, height, width, .. } = shape;
    let (gap, dot) = ((width / 3).max(1), (height / 10).max(1));
    let mut face = Picture { width: PLACES * width + gap, height, channels, pixels: Vec::new() };
    face.pixels = vec![0; face.width * height * channels];
    for (place, image) in clock.images.iter().take(PLACES).enumerate() {
        let left = place * width + if place < PLACES / 2 { 0 } else { gap };
        for (y, row) in image.iter().flat_map(|image| image.chunks_exact(width * channels)).enumerate() {
            face.pixels[(y * face.width + left) * channels..][..row.len()].copy_from_slice(row);
        }
    }
    let left = PLACES / 2 * width + (gap - dot.min(gap)) / 2;
    for top in [height / 3, height - height / 3 - dot] {
        for y in top..top + dot {
            face.pixels[(y * face.width + left) * channels..][..dot.min(gap) * channels].fill(255);
        }
    }
    face
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_has_four_digits_and_a_colon() {
        for text in ["1x28x28", "3x16x24", "1x8x128", "3x128x8"] {
            let shape: Shape = text.parse().expect("a shape");
            let images = std::array::from_fn(|place| Some(vec![10 * place as u8 + 1; shape.size()]));
            let mut clock = Clock::default();
            clock.images = images;
            let Picture { width, height, channels, pixels } = face(&clock, shape);
            assert_eq!((height, channels), (shape.height, shape.channels));
            assert_eq!(pixels.len(), width * height * channels);
            let count = |level: u8| pixels.iter().filter(|pixel| **pixel == level).count();
            assert_eq!([1, 11, 21, 31, 41].map(count), [shape.size(), shape.size(), shape.size(), shape.size(), 0]);
            let dots = (height / 10).max(1) * (height / 10).max(1).min((shape.width / 3).max(1)) * channels;
            assert_eq!(count(255), 2 * dots, "{text}");
        }
    }
}
