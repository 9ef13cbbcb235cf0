//! Threads that stay awake for the length of a training step.

use std::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, Ordering},
};

use rayon::Yield;

/// Looks for work in vain after which a thread sleeps after all: about a millisecond, which no gap between a step's pieces lasts.
/// So a machine with more cores than the networks can use does not heat them.
const PATIENCE: u32 = 10_000;

/// Runs `body`, during which the pool's other threads look for work without sleeping.
///
/// A step is a hundred pieces of parallel work with short gaps between them. rayon's threads fall asleep in such a gap, and
/// to wake one takes as long as a small matrix product: a dense pair spent a fifth of its time in the kernel's scheduler.
pub(crate) fn keep_threads_awake<T>(body: impl FnOnce() -> T) -> T {
    let Some(own) = rayon::current_thread_index() else { return body() };
    let done = AtomicBool::new(false);
    rayon::in_place_scope(|scope| {
        scope.spawn_broadcast(|_, thread| {
            // The thread that runs `body` may come here while it waits for another's piece.
            let mut idle = 0;
            while thread.index() != own && idle < PATIENCE && !done.load(Ordering::Relaxed) {
                if rayon::yield_now() == Some(Yield::Executed) {
                    idle = 0;
                } else {
                    idle += 1;
                    spin_loop();
                }
            }
        });
        let _finished = Finished(&done);
        body()
    })
}

/// Ends the watch of the other threads, also when `body` panics.
struct Finished<'a>(&'a AtomicBool);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
