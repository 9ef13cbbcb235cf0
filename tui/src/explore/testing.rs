//! A card for the tests of this feature.

use duel_models::{Card, LatentLaw};

/// A card of digits, with latents of this law and size.
pub(super) fn card(latent_law: LatentLaw, latent: usize, classes: usize) -> Card {
    Card {
        name: "test".into(),
        shape: "1x28x28".parse().expect("a shape"),
        latent,
        latent_law,
        classes,
        class_names: Vec::new(),
        recipe: "test".into(),
        seed: 1,
        steps: 1,
        images: 1,
        data: "mnist".into(),
        made_by: "duel".into(),
        checked_by: "nothing".into(),
        judge: String::new(),
        scores: Default::default(),
        real: Default::default(),
    }
}
