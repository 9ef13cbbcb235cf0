//! Tests of the scores with sets of bad images, such as noise or one digit repeated: the scores that should detect a
//! kind of failure must be clearly worse than the scores of equally many real digits.

use duel_models::random::Stream;

use super::{
    judge::Judge,
    scores::{Exam, Scores},
};
use crate::{
    data::{
        DataSet, Images, Split,
        mnist::{self, SHAPE},
    },
    recipe::Source,
};

/// Images in each set.
const COUNT: usize = 2000;

/// The first `COUNT` training images whose label is `wanted`.
fn digits(train: &DataSet, wanted: impl Fn(u8) -> bool) -> Images {
    let chosen = (0..train.len()).filter(|&index| wanted(train.labels[index])).take(COUNT);
    let mut images = Images { size: SHAPE.size(), values: Vec::new(), labels: Vec::new() };
    for index in chosen {
        let one = Images::slice(train, index..index + 1);
        images.values.extend(one.values);
        images.labels.extend(one.labels);
    }
    images
}

fn parzen(scores: &Scores) -> f64 {
    scores.parzen.expect("the data are MNIST").mean
}

fn kid(scores: &Scores) -> f64 {
    scores.similarity.kid.expect("fewer than 10,000 images")
}

#[test]
fn each_kind_of_failure_worsens_the_scores_that_should_detect_it() {
    let judge = Judge::digits().expect("the shipped classifier");
    let (train, test) = (mnist::load(Split::Train), mnist::load(Split::Test));
    let exam = Exam::new(judge, &Source::Mnist, train, &test).expect("a CPU");
    let mut stream = Stream::new(1, "noise");
    let noise = Images {
        size: SHAPE.size(),
        values: (0..COUNT * SHAPE.size()).map(|_| 2.0 * stream.uniform() as f32 - 1.0).collect(),
        labels: Vec::new(),
    };
    let one = digits(exam.train(), |label| label == 3).values[..SHAPE.size()].to_vec();
    let repeated = Images { size: SHAPE.size(), values: one.repeat(COUNT), labels: vec![3; COUNT] };
    let score = |images: &Images| exam.compare(images).expect("scores");
    let real = score(&digits(exam.train(), |_| true));

    let noise = score(&noise);
    assert_eq!(
        [noise.similarity.precision, noise.similarity.recall, noise.similarity.density, noise.similarity.coverage],
        [0.0; 4],
        "{noise:?}"
    );
    assert!(
        noise.similarity.frechet > 100.0 * real.similarity.frechet && parzen(&noise) < parzen(&real) - 500.0,
        "{noise:?} {real:?}"
    );

    // One good digit, repeated, has full precision and density: only recall and coverage detect it.
    let repeated = score(&repeated);
    assert!(
        repeated.similarity.precision == 1.0
            && repeated.similarity.recall == 0.0
            && repeated.similarity.coverage < 0.01,
        "{repeated:?}"
    );
    assert!(
        repeated.similarity.frechet > 50.0 * real.similarity.frechet && repeated.similarity.class_balance == Some(0.0),
        "{repeated:?} {real:?}"
    );

    let spread = real.spreads.expect("fewer than 10,000")[1];
    assert!(kid(&real).abs() < 6.0 * spread, "{real:?}");
    assert!(kid(&noise) > 1_000.0 * spread && kid(&repeated) > 1_000.0 * spread, "{noise:?} {repeated:?} {spread}");

    // 1,028 of the 10,000 test images are the digit that is missing.
    let nine = score(&digits(exam.train(), |label| label != 7));
    assert!((nine.similarity.class_balance.expect("classes") - 9f64.ln() / 10f64.ln()).abs() < 0.005, "{nine:?}");
    assert!(
        nine.similarity.recall < real.similarity.recall - 0.04 && parzen(&nine) < parzen(&real) - 5.0,
        "{nine:?} {real:?}"
    );
    assert!(
        nine.similarity.frechet > 2.0 * real.similarity.frechet
            && (nine.similarity.precision - real.similarity.precision).abs() < 0.02,
        "{nine:?} {real:?}"
    );

    let copies = Images::slice(exam.train(), 0..20);
    assert_eq!(exam.score(&copies).expect("scores").near_training, Some(1.0));
}
