//! Measures of generated pictures, each beside the same measure of real pictures. Scores such as the Fréchet distance
//! compare features of a classifier that was trained on MNIST, so they exist for MNIST only.

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
