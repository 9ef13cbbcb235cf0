//! Threads that stay awake for the length of a training step.

use std::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, Ordering},
};

use rayon::Yield;

/// A spinning thread sleeps after this number of searches that find no work: about a millisecond, longer than any gap
/// between two pieces of a step. Without this limit a machine with more cores than the networks can use would run hot.
const IDLE_SEARCHES: u32 = 10_000;

/// Runs `body` while the pool's other threads spin: they look for work without sleeping.
///
/// A step is a hundred pieces of parallel work with short gaps between them. rayon's threads fall asleep in such a gap,
/// and to wake one takes as long as a small matrix product: a dense pair of networks spent a fifth of its time in the
/// kernel's scheduler.
pub(crate) fn with_spinning_threads<T>(body: impl FnOnce() -> T) -> T {
    let Some(own) = rayon::current_thread_index() else { return body() };
    let done = AtomicBool::new(false);
    rayon::in_place_scope(|scope| {
        scope.spawn_broadcast(|_, thread| {
            // The thread that runs `body` may also run this closure, while it waits for another thread: it must not
            // spin then.
            let mut idle = 0;
            while thread.index() != own && idle < IDLE_SEARCHES && !done.load(Ordering::Relaxed) {
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

/// Lets the other threads sleep again, also when `body` panics.
struct Finished<'a>(&'a AtomicBool);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
