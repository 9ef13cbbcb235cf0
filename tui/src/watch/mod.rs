//! `duel watch`: the dashboard, a run as lines, and a picture of the dashboard.

mod dashboard;
mod files;
pub mod follow;
mod keys;
pub mod progress;
mod screens;
pub mod session;
pub mod snapshot;
pub mod state;
