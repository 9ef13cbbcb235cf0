//! Measures of generated pictures, each beside the score of real pictures. Until other data have a judge of their own, features are those
//! of the digits' classifier, and only MNIST is scored by them.

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
