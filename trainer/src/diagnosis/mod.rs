//! Diagnoses failures of a training while it runs, and names the settings of the recipe that remedy them.
//!
//! There are two kinds of evidence: a window of measured steps, and a probe of samples whenever a grid of them is
//! written. Each failure is one function of one kind of evidence. A failure is reported once, when it begins, and again
//! only after it was gone.

mod finding;
mod sample_failures;
mod sample_statistics;
mod step_failures;
mod watch;

#[cfg(test)]
mod tests;

pub use self::{
    finding::Finding,
    sample_statistics::{LOGITS, Observation, PROBE, Probe},
    watch::Watch,
};
