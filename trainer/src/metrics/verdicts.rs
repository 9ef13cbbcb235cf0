//! The verdicts of a run's own discriminator on training, test and generated pictures. A gap between training and test
//! pictures shows memorisation.

use std::collections::BTreeMap;

use candle_core::Result;

use super::{auc::area_under_curve, similarity::SAMPLES};
use crate::{
    data::{DataSet, Images},
    gan::Duel,
    recipe::Recipe,
};

/// Logits and labels of some pictures; the labels are empty for pictures without labels.
type Judged = (Vec<f32>, Vec<u8>);

/// The verdicts of a discriminator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdicts {
    /// Mean D(x) on training, test and generated pictures, 0 to 1. None for a loss of pairs, under which the logit of
    /// one picture has no meaning.
    pub means: Option<[f64; 3]>,
    /// The share of pairs in which the discriminator finds the first picture more real than the second. The pairs are
    /// (training, test), (training, generated) and (test, generated), of equal labels if the networks take labels. 0.5
    /// is chance.
    pub pairs: [f64; 3],
}

impl Verdicts {
    /// Asks a discriminator about generated pictures and at most [`SAMPLES`] training and test pictures.
    pub fn collect(duel: &Duel, [train, test]: [&DataSet; 2], generated: &Images) -> Result<Self> {
        let real = |data: &DataSet| Images::slice(data, 0..data.len().min(SAMPLES));
        let judge = |images: &Images| -> Result<Judged> {
            Ok((duel.logits(&images.values, &images.labels)?, images.labels.clone()))
        };
        Ok(Self::new(&duel.recipe, [judge(&real(train))?, judge(&real(test))?, judge(generated)?]))
    }

    fn new(recipe: &Recipe, judged: [Judged; 3]) -> Self {
        let mean = |(logits, _): &Judged| {
            let sum: f64 = logits.iter().map(|&logit| 1.0 / (1.0 + f64::from(-logit).exp())).sum();
            sum / logits.len() as f64
        };
        let by_class = |(logits, labels): &Judged| -> Vec<Vec<f32>> {
            let mut classes = vec![Vec::new(); recipe.classes().max(1)];
            for (index, &logit) in logits.iter().enumerate() {
                let class = if recipe.classes() > 0 { usize::from(labels[index]) } else { 0 };
                classes[class].push(logit);
            }
            classes
        };
        let [train, test, generated] = [0, 1, 2].map(|index| by_class(&judged[index]));
        Self {
            means: (!recipe.training.loss.is_pairwise()).then(|| [0, 1, 2].map(|index| mean(&judged[index]))),
            pairs: [auc(&train, &test), auc(&train, &generated), auc(&test, &generated)],
        }
    }

    /// The verdicts by name; those that do not apply left out.
    pub fn named(&self) -> BTreeMap<String, f64> {
        let means = ["d_train", "d_test", "d_drawn"].into_iter().zip(self.means.into_iter().flatten());
        let pairs = ["train_before_test", "train_before_drawn", "test_before_drawn"].into_iter().zip(self.pairs);
        means.chain(pairs).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The AUC over the pairs of every class.
fn auc(first: &[Vec<f32>], second: &[Vec<f32>]) -> f64 {
    area_under_curve(first.iter().map(Vec::as_slice).zip(second.iter().map(Vec::as_slice)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_pairs_follow_their_definition() {
        let judged = || {
            let labels = vec![0, 0, 1];
            [vec![2.0, 0.0, 1.0], vec![0.0, 1.0, 1.0], vec![-1.0, -1.0, 5.0]].map(|logits| (logits, labels.clone()))
        };
        // python: import math; s = lambda *x: sum(1 / (1 + math.exp(-x)) for x in x) / 3; s(2, 0, 1), s(0, 1, 1), s(-1, -1, 5)
        let means = [0.7039518855359623, 0.6540390524200032, 0.5103966639385685];
        let plain = Verdicts::new(&Recipe::default(), judged());
        for (found, expected) in plain.means.expect("means").into_iter().zip(means) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        // 2 > 0, 1, 1; 0 = 0; 1 > 0 and 1 = 1 twice.
        assert_eq!(plain.pairs, [5.5 / 9.0, 6.0 / 9.0, 6.0 / 9.0]);
        let settings = ["data.classes=2", "training.conditional=true", "training.loss=relativistic"];
        let pairs =
            Verdicts::new(&Recipe::default().with(&settings.map(str::to_owned)).expect("good settings"), judged());
        assert_eq!((pairs.means, pairs.pairs), (None, [3.0 / 5.0, 4.0 / 5.0, 4.0 / 5.0]));
    }
}
