//! Drawing of the dashboard's state, a file for each screen. No files and no clock are read here.

mod axis;
mod densities;
mod duel;
pub mod frame;
mod log;
mod messages;
mod panels;
mod picture;
mod popups;
mod runs;
mod time;
mod value;

#[cfg(test)]
mod tests;
