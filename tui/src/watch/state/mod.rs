//! The dashboard's state. No drawing, no files and no clock here.

pub mod action;
pub mod app;
pub mod log;
pub mod popup;
pub mod runs;
pub mod time;
pub mod view;
