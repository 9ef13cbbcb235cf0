//! A training as a whole: the loop around the steps, the run directory that it writes, and what watchers ask of it.

mod measure;
mod observer;
mod requests;
mod rollback;
mod run_loop;
mod trainer;

pub use self::{
    observer::{Flow, Report, TrainError},
    run_loop::{bench, threads, train},
};
