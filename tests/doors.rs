//! A short round of what `tests/fuzz` does for hours: good files, damaged, at each door.

use std::thread::panicking;

use duel_models::random::Stream;
use duel_tests::seeds::{Door, mutated};

/// Inputs at each door.
const INPUTS: u64 = 20_000;

/// Says which input broke the door.
struct Input(Door, u64);

impl Drop for Input {
    fn drop(&mut self) {
        if panicking() {
            eprintln!("{} was broken by input {} of seed 1", self.0.name(), self.1);
        }
    }
}

#[test]
fn doors_hold_whatever_is_thrown_at_them() {
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
