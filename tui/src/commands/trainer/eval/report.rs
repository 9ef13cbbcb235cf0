//! What `duel eval` prints.

use std::collections::BTreeMap;

use duel_models::score_digits;
use duel_trainer::metrics::{parzen, scores::Scores, verdicts::Verdicts};

use crate::{runs::samples, text::numbers::thousands};

/// The name of the score that `--cas` adds.
pub(super) const CAS: &str = "classification_accuracy";

/// A caution about the Parzen window score, after Theis et al. 2016.
const WEAKNESS: &str =
    "a weak measure: the window is wider than a digit's details, copies score high, and good samples may score low";

/// The scores of some images beside those of real ones, by name, and their judge.
pub(super) struct Comparison {
    pub scores: BTreeMap<String, f64>,
    pub real: BTreeMap<String, f64>,
    /// The judge's name and hash.
    pub name: String,
    pub hash: String,
    /// The number of test images.
    pub tests: usize,
    /// The number of real images that are scored, too.
    pub reals: usize,
    /// The name of the data.
    pub data: String,
    /// Whether the data are MNIST, for which the paper of 2014 has scores.
    pub mnist: bool,
}

/// What `duel eval` prints.
pub(super) struct Report {
    pub target: String,
    pub count: usize,
    /// The scores, or a sentence that says why there are none.
    pub scores: Result<Comparison, String>,
    pub verdicts: Option<Verdicts>,
}

impl Report {
    pub(super) fn json(&self) -> String {
        let mut line = serde_json::json!({ "target": self.target, "images": self.count, "seed": samples::SEED });
        match &self.scores {
            Ok(Comparison { scores, real, name, hash, tests, data, mnist, .. }) => {
                line["data"] = serde_json::json!(data);
                line["tests"] = serde_json::json!(tests);
                line["judge"] = serde_json::json!({ "name": name, "hash": hash });
                line["scores"] = serde_json::json!(scores);
                line["real"] = serde_json::json!(real);
                if *mnist {
                    let paper: BTreeMap<&str, [f64; 2]> =
                        parzen::PAPER.map(|(model, mean, error)| (model, [mean, error])).into();
                    line["parzen_of_the_paper"] = serde_json::json!(paper);
                    line["parzen_weakness"] = serde_json::json!(WEAKNESS);
                }
            }
            Err(why) => line["no_scores"] = serde_json::json!(why),
        }
        if let Some(verdicts) = &self.verdicts {
            line["discriminator"] = serde_json::json!(verdicts.named());
        }
        format!("{line}\n")
    }

    pub(super) fn text(&self) -> String {
        let scores = match &self.scores {
            Ok(comparison) => self.table(comparison),
            Err(why) => format!("{why}.\n"),
        };
        scores + &self.verdicts.map_or_else(String::new, verdicts_in_words)
    }

    fn table(&self, comparison: &Comparison) -> String {
        let Comparison { scores, real, name, hash, tests, reals, data, mnist } = comparison;
        let tests = thousands(*tests as u64);
        let mut text = format!("{}: {} images against the {tests} test images of {data}\n\n", self.target, self.count);
        if scores.contains_key("kid") {
            text += "The Fréchet distance of fewer than 10,000 images is biased: compare it only with that of equally many.\n\n";
        }
        text += &format!("{:23} {:>9} {:>9}   {}\n", "", "here", "real", "best");
        for (name, best) in Scores::MEASURES {
            let digits = score_digits(name);
            let shown = |scores: &BTreeMap<String, f64>| {
                scores.get(*name).map_or("-".to_owned(), |score| format!("{score:.digits$}"))
            };
            if scores.contains_key(*name) || real.contains_key(*name) {
                text += &format!("{:23} {:>9} {:>9}   {best}\n", name.replace('_', " "), shown(scores), shown(real));
            }
        }
        text += &format!("\nreal: {} training images. Judge: {name} {}.\n", thousands(*reals as u64), &hash[..16]);
        if name.starts_with("random features") {
            text += "Random features notice a missing class less than a classifier does: the data have no labels, or too few for one.\n";
        }
        if !mnist {
            return text;
        }
        let paper = parzen::PAPER.map(|(model, mean, error)| format!("{model} {mean} ± {error}"));
        text + &format!("parzen, in nats: {WEAKNESS}.\nIn the paper of 2014: {}.\n", paper.join(", "))
    }
}

/// Describes a discriminator's verdicts.
fn verdicts_in_words(verdicts: Verdicts) -> String {
    let [train_test, train_generated, test_generated] = verdicts.pairs.map(|share| format!("{:.1} %", 100.0 * share));
    let means = match verdicts.means {
        Some([train, test, generated]) => format!(
            "mean D(x) is {train:.3} for training images, {test:.3} for test images, {generated:.3} for generated ones"
        ),
        None => "its loss judges pairs of images, as the shares below do".to_owned(),
    };
    format!(
        "\nThe run's discriminator: {means}.\nIt finds a training image more real than a test image in {train_test} of pairs, a training \
         image more real\nthan a generated one in {train_generated}, a test image more real than a generated one in {test_generated}; 50 % is \
         chance.\n"
    )
}
