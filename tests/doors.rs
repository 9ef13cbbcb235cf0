//! Seconds of what `tests/fuzz` does for hours: each door gets good files that were damaged at random.

use std::thread::panicking;

use duel_models::random::Stream;
use duel_tests::seeds::{Door, mutated};

/// Damaged files for each door.
const INPUTS: u64 = 20_000;

/// Names the input during a panic, so that it can be found again.
struct Input(Door, u64);

impl Drop for Input {
    fn drop(&mut self) {
        if panicking() {
            eprintln!("the door {} was broken by input {} of seed 1", self.0.name(), self.1);
        }
    }
}

#[test]
fn damaged_files_break_no_door() {
    for door in Door::ALL {
        let (seeds, mut open) = (door.seeds(), door.open());
        for seed in &seeds {
            open(seed);
        }
        for index in 0..INPUTS {
            let _input = Input(door, index);
            open(&mutated(&seeds, &mut Stream::new(1, door.name()).item(index)));
        }
    }
}
