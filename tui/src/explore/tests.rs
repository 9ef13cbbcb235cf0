//! The screen of a walk, after scripted and after random keys.

use std::fmt::Write as _;

use duel_models::{Card, LatentLaw, random::Stream};

use super::{keys::KEYS, screen, state::Explore};
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
        let card = card();
        let mut walk = Explore::new(card.clone(), 1);
        let (_, (across, down)) = screen::layout(size, card.shape, theme);
        walk.resize((across, down));
        walk.press(Key::Char('4'));
        walk.images = (0..across * down).flat_map(|at| duel_tests::recorded::digit(at % 10)).collect();
        let drawn = draw_with(size, |frame| screen::draw(frame, &walk, theme));
        assert!(charset != Charset::Ascii || drawn.is_ascii(), "{drawn}");
        write!(all, "--- explore, {size:?}, {charset:?} ---\n{drawn}").expect("memory");
    }
    insta::assert_snapshot!("walk", all);
}

fn card() -> Card {
    Card {
        name: "test".into(),
        shape: "1x28x28".parse().expect("a shape"),
        latent: 8,
        latent_law: LatentLaw::Normal,
        classes: 10,
        class_names: Vec::new(),
        recipe: "test".into(),
        seed: 1,
        steps: 1,
        images: 1,
        data: "mnist".into(),
        made_by: "duel".into(),
        checked_by: "nothing".into(),
        scores: Default::default(),
    }
}

#[test]
fn random_keys_on_a_walk() {
    let mut walk = Explore::new(card(), 1);
    let keys: Vec<Key> = KEYS.iter().flat_map(|one| one.keys).copied().collect();
    let mut random = Stream::new(2015, "keys");
    for round in 0..100_000 {
        walk.press(keys[random.below(keys.len())]);
        if round % 500 == 0 {
            let size = (random.below(250) as u16 + 1, random.below(80) as u16 + 1);
            let theme = plain([Charset::Ascii, Charset::Half, Charset::Braille][random.below(3)]);
            walk.resize(screen::layout(size, walk.card.shape, theme).1);
            assert_eq!(walk.latents().len(), walk.size.0 * walk.size.1 * 8);
            assert!(walk.latents().iter().all(|value| value.is_finite()));
            draw_with(size, |frame| screen::draw(frame, &walk, theme));
        }
    }
}
