//! The samples of a run directory: a grid of digits as PNG, and the portrait of a duel over numbers.
#![no_main]

use std::fs;

use duel_fuzz::is_a_line;
use duel_trainer::{bell::Portrait, run::grid};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

thread_local! {
    static ROOM: TempDir = duel_fuzz::room();
}

fuzz_target!(|bytes: &[u8]| {
    ROOM.with(|room| {
        let file = room.path().join("sample");
        fs::write(&file, bytes).expect("space");
        match grid::read(&file) {
            Ok(grid) => assert!(grid.columns > 0 && grid.digits.len().is_multiple_of(grid.columns)),
            Err(error) => is_a_line(&error),
        }
        match Portrait::read(&file) {
            Ok(portrait) => assert!(!portrait.doubt().is_nan()),
            Err(error) => is_a_line(&error),
        }
    });
});
