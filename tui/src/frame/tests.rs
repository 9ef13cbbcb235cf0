//! The screen of a frame.

use std::fmt::Write as _;

use duel_models::{Shape, random::Stream};

use super::screen;
use crate::term::{
    charset::Charset,
    testing::{draw_with, plain},
};

fn shape(text: &str) -> Shape {
    text.parse().expect("a shape")
}

#[test]
fn frame() {
    let mut all = String::new();
    for (size, charset) in [
        ((5, 3), Charset::Half),
        ((20, 8), Charset::Ascii),
        ((80, 24), Charset::Half),
        ((80, 24), Charset::Ascii),
        ((80, 24), Charset::Braille),
        ((200, 50), Charset::Half),
    ] {
        let picture = duel_tests::recorded::digit(5);
        let drawn = draw_with(size, |frame| drop(screen::draw(frame, shape("1x28x28"), &picture, plain(charset))));
        assert!(charset != Charset::Ascii || drawn.is_ascii(), "{drawn}");
        write!(all, "--- frame, {size:?}, {charset:?} ---\n{drawn}").expect("memory");
    }
    insta::assert_snapshot!("frame", all);
}

#[test]
fn any_picture_is_drawn_at_any_size() {
    let mut random = Stream::new(2015, "sizes");
    for round in 0..200 {
        let shape = shape(["1x28x28", "3x64x64", "3x8x128", "3x128x8"][round % 4]);
        let size = (random.below(250) as u16 + 1, random.below(80) as u16 + 1);
        let theme = plain([Charset::Ascii, Charset::Half, Charset::Braille][random.below(3)]);
        let drawn = draw_with(size, |frame| drop(screen::draw(frame, shape, &vec![255; shape.size()], theme)));
        assert!(drawn.chars().any(|glyph| !glyph.is_whitespace()), "{size:?}");
    }
}
