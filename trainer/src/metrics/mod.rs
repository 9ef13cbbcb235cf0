//! Measures of generated pictures, each beside the same measure of real pictures. Scores such as the Fréchet distance
//! compare features of a judge, which each data set has.

pub mod auc;
pub mod cas;
pub mod class_entropy;
pub mod classifier;
pub mod clusters;
pub mod distances;
pub mod frechet;
pub mod judge;
pub mod kid;
pub mod modes;
pub mod nearest;
pub mod neighbours;
pub mod parzen;
pub mod scores;
pub mod similarity;
pub mod spread;
pub mod verdicts;

#[cfg(test)]
mod known_failures;
