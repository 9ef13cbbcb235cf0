//! What a run's own discriminator makes of training images, of test images and of drawn ones. A gap between the first two is what it
//! has learned by heart.

use std::collections::BTreeMap;

use candle_core::Result;

use super::{Images, SAMPLES};
use crate::{
    data::Dataset,
    gan::Duel,
    recipe::{Loss, Recipe},
};

/// The opinion of a discriminator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Opinion {
    /// Mean D(x) on training images, on test images and on drawn ones, 0 to 1. None for a discriminator that learned to judge pairs
    /// (relativistic): a logit of its means nothing alone.
    pub means: Option<[f64; 3]>,
    /// The share of pairs, of the same label where it is told that, whose first image it takes for the more real one: a training image
    /// before a test image, a training image before a drawn one, a test image before a drawn one. 0.5 if it cannot tell.
    pub pairs: [f64; 3],
}

impl Opinion {
    /// The opinion of a duel's discriminator on drawn images and at most [`SAMPLES`] of each of the others.
    pub fn of(duel: &Duel, [train, test]: [&Dataset; 2], drawn: &Images) -> Result<Self> {
        let real = |data: &Dataset| Images::of(data, 0..data.len().min(SAMPLES));
        let judge = |images: &Images| -> Result<(Vec<f32>, Vec<u8>)> {
            Ok((duel.judged(&images.values, &images.labels)?, images.labels.clone()))
        };
        Ok(Self::new(&duel.recipe, [judge(&real(train))?, judge(&real(test))?, judge(drawn)?]))
    }

    /// From logits and labels.
    fn new(recipe: &Recipe, judged: [(Vec<f32>, Vec<u8>); 3]) -> Self {
        let mean = |(logits, _): &(Vec<f32>, Vec<u8>)| {
            let sum: f64 = logits.iter().map(|&logit| 1.0 / (1.0 + f64::from(-logit).exp())).sum();
            sum / logits.len() as f64
        };
        let alone = recipe.training.loss != Loss::Relativistic;
        let classes = |(logits, labels): &(Vec<f32>, Vec<u8>)| -> Vec<Vec<f32>> {
            let mut of = vec![Vec::new(); recipe.classes().max(1)];
            for (index, &logit) in logits.iter().enumerate() {
                let class = if recipe.classes() > 0 { usize::from(labels[index]) } else { 0 };
                of[class].push(logit);
            }
            of.iter_mut().for_each(|logits| logits.sort_unstable_by(f32::total_cmp));
            of
        };
        let [train, test, drawn] = [0, 1, 2].map(|index| classes(&judged[index]));
        Self {
            means: alone.then(|| [0, 1, 2].map(|index| mean(&judged[index]))),
            pairs: [before(&train, &test), before(&train, &drawn), before(&test, &drawn)],
        }
    }

    /// The figures by name; those that do not apply left out.
    pub fn named(&self) -> BTreeMap<String, f64> {
        let means = ["d_train", "d_test", "d_drawn"].into_iter().zip(self.means.into_iter().flatten());
        let pairs = ["train_before_test", "train_before_drawn", "test_before_drawn"].into_iter().zip(self.pairs);
        means.chain(pairs).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The share of pairs whose first is the larger, equal ones by halves; of the logits of each class, in rising order.
fn before(first: &[Vec<f32>], second: &[Vec<f32>]) -> f64 {
    let (mut larger, mut pairs) = (0.0, 0.0);
    for (first, second) in first.iter().zip(second) {
        for one in first {
            let below = second.partition_point(|other| other < one);
            let equal = second.partition_point(|other| other <= one) - below;
            larger += below as f64 + 0.5 * equal as f64;
        }
        pairs += first.len() as f64 * second.len() as f64;
    }
    larger / pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_pairs_are_those_of_the_definition() {
        let judged = || {
            let labels = vec![0, 0, 1];
            [vec![2.0, 0.0, 1.0], vec![0.0, 1.0, 1.0], vec![-1.0, -1.0, 5.0]].map(|logits| (logits, labels.clone()))
        };
        // python: import math; s = lambda *x: sum(1 / (1 + math.exp(-x)) for x in x) / 3; s(2, 0, 1), s(0, 1, 1), s(-1, -1, 5)
        let means = [0.7039518855359623, 0.6540390524200032, 0.5103966639385685];
        let plain = Opinion::new(&Recipe::default(), judged());
        for (found, expected) in plain.means.expect("means").into_iter().zip(means) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        // 2 > 0, 1, 1; 0 = 0; 1 > 0 and 1 = 1 twice.
        assert_eq!(plain.pairs, [5.5 / 9.0, 6.0 / 9.0, 6.0 / 9.0]);
        let settings = ["training.conditional=true".to_owned(), "training.loss=relativistic".to_owned()];
        let pairs = Opinion::new(&Recipe::default().with(&settings).expect("good settings"), judged());
        assert_eq!((pairs.means, pairs.pairs), (None, [3.0 / 5.0, 4.0 / 5.0, 4.0 / 5.0]));
    }
}
