//! Shared by the fuzz targets.

use std::cell::RefCell;

use duel_tests::{doors::Open, seeds::Door};

/// Keeps rayon on this thread: for each of millions of small inputs, waking a second thread would cost more than it
/// saves.
///
/// # Panics
/// If rayon has started its threads already.
pub fn use_one_thread() {
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().expect("no pool yet");
}

/// Runs the check of a door on one input; the state of the check is kept for the next input.
///
/// # Panics
/// If the reader fails the check on this input: see [`Door::open`].
pub fn check(door: Door, bytes: &[u8]) {
    thread_local! {
        static OPEN: RefCell<Option<Open>> = const { RefCell::new(None) };
    }
    OPEN.with_borrow_mut(|open| open.get_or_insert_with(|| door.open())(bytes));
}
