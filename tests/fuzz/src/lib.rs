//! What the fuzzers share.

use std::cell::RefCell;

use duel_tests::{doors::Open, seeds::Door};

/// Keeps the kernels and readers that share their work on this thread: a second one would be woken for each of millions of small inputs.
///
/// # Panics
/// If work was shared before.
pub fn alone() {
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().expect("no pool yet");
}

/// Takes an input through a door, which stays open for the next.
///
/// # Panics
/// If the door is broken: see [`Door::open`].
pub fn knock(door: Door, bytes: &[u8]) {
    thread_local! {
        static OPEN: RefCell<Option<Open>> = const { RefCell::new(None) };
    }
    OPEN.with_borrow_mut(|open| open.get_or_insert_with(|| door.open())(bytes));
}
