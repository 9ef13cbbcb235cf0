//! The screen of the clock.

use std::fmt::Write as _;

use duel_models::{Shape, random::Stream};

use super::{screen, state::Clock};
use crate::term::{
    charset::Charset,
    testing::{draw_with, plain},
};

fn shape() -> Shape {
    "1x28x28".parse().expect("a shape")
}

/// The clock without a generator: the test fills in the pictures.
#[test]
fn clock() {
    let mut all = String::new();
    for (size, charset) in [
        ((80, 24), Charset::Braille),
        ((80, 24), Charset::Ascii),
        ((200, 50), Charset::Ascii),
        // A screen of 480×320 pixels with a font of 8×16.
        ((60, 20), Charset::Half),
        ((60, 20), Charset::Ascii),
        ((46, 5), Charset::Half),
        ((45, 5), Charset::Half),
    ] {
        let theme = plain(charset);
        let mut clock = Clock::default();
        clock.shows_keys = size.0 == 60;
        for (place, digit) in clock.changes(13 * 3600 + 37 * 60 + 42, 6) {
            clock.images[place] = Some(duel_tests::recorded::digit(digit.into()).to_vec());
        }
        let drawn = draw_with(size, |frame| drop(screen::draw(frame, &clock, shape(), theme)));
        assert!(charset != Charset::Ascii || drawn.is_ascii(), "{drawn}");
        write!(all, "--- clock, {size:?}, {charset:?} ---\n{drawn}").expect("memory");
    }
    insta::assert_snapshot!("clock", all);
}

#[test]
fn any_size_is_drawn() {
    let mut random = Stream::new(2015, "sizes");
    for _ in 0..200 {
        let size = (random.below(250) as u16 + 1, random.below(80) as u16 + 1);
        let theme = plain([Charset::Ascii, Charset::Half, Charset::Braille][random.below(3)]);
        draw_with(size, |frame| drop(screen::draw(frame, &Clock::default(), shape(), theme)));
    }
}
