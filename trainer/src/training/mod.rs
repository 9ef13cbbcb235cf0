//! A whole training: the loop around the steps, the writing of the run directory, and the handling of users' requests.

mod measure;
mod observer;
mod requests;
mod rollback;
mod run_loop;
mod trainer;
mod usage;

pub use self::{
    observer::{Flow, Report, TrainError},
    run_loop::{bench, threads, train},
};
