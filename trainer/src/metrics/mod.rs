//! Measures of generated pictures, each beside the score of real pictures. Scores of features use the classifier of
//! digits, so that only MNIST digits have such scores.

pub mod auc;
pub mod cas;
pub mod class_entropy;
pub mod classifier;
pub mod distances;
pub mod frechet;
pub mod nearest;
pub mod neighbours;
pub mod parzen;
pub mod scores;
pub mod similarity;
pub mod verdicts;

#[cfg(test)]
mod known_failures;
