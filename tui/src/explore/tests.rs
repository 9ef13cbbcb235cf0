//! The screen of a walk, after scripted and after random keys.

use std::fmt::Write as _;

use duel_models::{Card, LatentLaw, random::Stream};

use super::{keys::KEYS, screen, state::Explore, testing::card};
use crate::term::{
    charset::Charset,
    input::Key,
    testing::{draw_with, plain},
};

/// A walk without a generator: the test fills in the pictures.
#[test]
fn walk() {
    let mut all = String::new();
    for (size, charset) in [((80, 24), Charset::Braille), ((80, 24), Charset::Ascii), ((200, 50), Charset::Ascii)] {
        let theme = plain(charset);
        let mut walk = Explore::new(card(LatentLaw::Normal, 8, 10), 1);
        let (_, (across, down)) = screen::layout(size, &walk, theme);
        walk.resize((across, down));
        walk.press(Key::Char('4'));
        walk.images = (0..across * down).flat_map(|at| duel_tests::recorded::digit(at % 10)).collect();
        let drawn = draw_with(size, |frame| drop(screen::draw(frame, &walk, theme)));
        assert!(charset != Charset::Ascii || drawn.is_ascii(), "{drawn}");
        write!(all, "--- explore, {size:?}, {charset:?} ---\n{drawn}").expect("memory");
        walk.press(Key::Char('?'));
        let keys = draw_with(size, |frame| drop(screen::draw(frame, &walk, theme)));
        write!(all, "--- its keys ---\n{keys}").expect("memory");
        let class = walk.class;
        walk.press(Key::Char('7'));
        assert!(!walk.help && walk.class == class, "a key leaves the list, and does no more");
    }
    insta::assert_snapshot!("walk", all);
}

#[test]
fn random_keys_on_a_walk() {
    let mut walk = Explore::new(card(LatentLaw::Normal, 8, 10), 1);
    let keys: Vec<Key> = KEYS.iter().flat_map(|one| one.keys).copied().collect();
    let mut random = Stream::new(2015, "keys");
    for round in 0..100_000 {
        walk.press(keys[random.below(keys.len())]);
        if round % 500 == 0 {
            let size = (random.below(250) as u16 + 1, random.below(80) as u16 + 1);
            let theme = plain([Charset::Ascii, Charset::Half, Charset::Braille, Charset::Pixels][random.below(4)]);
            walk.resize(screen::layout(size, &walk, theme).1);
            assert_eq!(walk.latents().len(), walk.size.0 * walk.size.1 * 8);
            assert!(walk.latents().iter().all(|value| value.is_finite()));
            draw_with(size, |frame| drop(screen::draw(frame, &walk, theme)));
        }
    }
}

#[test]
fn every_class_can_be_reached() {
    let mut walk = Explore::new(Card { classes: 256, ..card(LatentLaw::Normal, 8, 10) }, 1);
    for (keys, expected) in [
        ("7", 7),
        ("n123", 123),
        // A number beyond the last class begins anew.
        ("n999", 9),
        ("n255]", 0),
        ("[[", 254),
        ("/200\r", 200),
        ("/nothing\r", 200),
        ("/3\u{1b}", 200),
        ("/12\u{8}\r", 1),
    ] {
        for c in keys.chars() {
            let key = match c {
                '\r' => Key::Enter,
                '\u{1b}' => Key::Escape,
                '\u{8}' => Key::Backspace,
                c => Key::Char(c),
            };
            walk.press(key);
        }
        assert_eq!((walk.class, &walk.typed), (expected, &None), "{keys:?}");
    }
    let mut plain = Explore::new(Card { classes: 0, ..card(LatentLaw::Normal, 8, 10) }, 1);
    for key in ['5', '[', ']', '/'] {
        plain.press(Key::Char(key));
        assert!(plain.note.contains("takes no class") && plain.typed.is_none(), "{key}");
    }
}

#[test]
fn pixels_are_one_picture_with_a_mark() {
    let theme = plain(Charset::Pixels);
    let mut walk =
        Explore::new(Card { shape: "3x64x64".parse().expect("a shape"), ..card(LatentLaw::Normal, 8, 10) }, 1);
    let (_, (across, down)) = screen::layout((80, 24), &walk, theme);
    walk.resize((across, down));
    walk.images = vec![0; across * down * walk.card.shape.size()];
    let mut pictures = Vec::new();
    draw_with((80, 24), |frame| pictures = screen::draw(frame, &walk, theme));
    assert_eq!((across, down, pictures.len(), pictures[0].mark), (7, 5, 1, Some(17)));
    walk.press(Key::Char('z'));
    let (tile, count) = screen::layout((80, 24), &walk, theme);
    assert_eq!((tile.width, tile.height, count), (42, 21, (1, 1)));
    walk.resize(count);
    let middle = walk.latents();
    walk.press(Key::Right);
    assert!(walk.large && walk.latents() != middle, "the walk goes on");
    walk.press(Key::Escape);
    assert!(!walk.large);
}
