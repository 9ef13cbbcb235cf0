//! Settings that follow from the pictures: shape, classes, and for a recipe that derives, the sizes of the networks and
//! the training.

use std::collections::BTreeSet;

use duel_models::Shape;
use toml::Value;

use super::sections::STAGES_MAX;

/// What a recipe needs to know of the training pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Channels, height and width of each picture.
    pub shape: Shape,
    /// The number of pictures.
    pub count: usize,
    /// The number of classes; 0 without labels.
    pub classes: usize,
    /// The names of the classes; empty for numbers.
    pub names: Vec<String>,
}

/// The settings that a file or a flag gave, as `section.key`. They do not make two recipes different.
#[derive(Debug, Clone, Default)]
pub struct Given(pub(super) BTreeSet<String>);

impl PartialEq for Given {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// The fewest pictures a class needs on average so that networks are conditioned on it.
const CLASS_LEAST: usize = 10;
/// A set of fewer pictures is augmented: without augmentation, results fall apart below some ten thousand pictures
/// (Karras et al. 2020, figure 7).
const AUGMENTED: usize = 10_000;

/// The settings that follow from the pictures where `derive = true`.
// In the order of the values of `derived`.
pub const DERIVED: [&str; 10] = [
    "generator.kind",
    "generator.channels",
    "discriminator.kind",
    "discriminator.channels",
    "training.batch",
    "training.conditional",
    "training.balanced",
    "training.augment",
    "training.steps",
    "evaluation.every",
];

/// Returns a value for each setting of [`DERIVED`]: it follows from the pictures and from `width`, the recipe's
/// `generator.width`.
///
/// The stage at the smallest size has 4 × `width` channels, and each larger one half as many: every stage then costs
/// the same number of multiplications, so that a step on 64×64 pixels costs 4/3 of a step on 32×32.
pub(super) fn derived(width: usize, facts: &Facts) -> [Value; 10] {
    let most = (4 * width).min(512);
    let stages = facts.shape.halvings().clamp(1, STAGES_MAX);
    let halved = |stages: usize| (0..stages).map(move |stage| (most >> stage).max(8) as i64);
    let generator: Vec<Value> = halved(stages).map(Value::from).collect();
    let mut discriminator: Vec<Value> = halved(halvings_to_5(facts.shape)).map(Value::from).collect();
    discriminator.reverse();
    let conditional = facts.classes > 1 && facts.count >= CLASS_LEAST * facts.classes;
    // A batch must fit into the pictures, except that a single picture fills any batch.
    let fitting = if facts.count > 1 { facts.count.min(64) } else { 64 };
    let batch = (facts.count / 4).clamp(8, 64).next_power_of_two().min(fitting);
    let kind = if facts.shape.halvings() == 0 { "mlp" } else { "conv" };
    let augment = if facts.count < AUGMENTED { "adaptive" } else { "off" };
    // 16 of 180 pictures are held out for evaluations.
    let every = if facts.count < 180 { 0 } else { 500 };
    let steps = if facts.count < 1_000 { 6_000 } else { 12_000 };
    [
        kind.into(),
        generator.into(),
        kind.into(),
        discriminator.into(),
        (batch as i64).into(),
        conditional.into(),
        conditional.into(),
        augment.into(),
        steps.into(),
        every.into(),
    ]
}

/// Counts the halvings of the longer side, rounded down, until it has at most 5 pixels; the shorter side keeps at least
/// one. A discriminator and the network of random features have so many stages.
pub fn halvings_to_5(shape: Shape) -> usize {
    let (short, long) = (shape.height.min(shape.width), shape.height.max(shape.width));
    (1..=STAGES_MAX).find(|&stages| long >> stages <= 5 || short >> (stages + 1) == 0).unwrap_or(STAGES_MAX)
}
