//! The signals that ask this process to end. A signal that was ignored when the program started stays ignored: `nohup` ignores
//! SIGHUP, and a shell without job control ignores SIGINT and SIGQUIT for its background jobs.

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// Returns those of SIGTERM, SIGHUP, SIGINT and SIGQUIT that this process does not ignore.
pub fn ends() -> impl Iterator<Item = i32> {
    [SIGTERM, SIGHUP, SIGINT, SIGQUIT].into_iter().filter(|signal| !is_ignored(*signal))
}

/// Tells whether this process ignores a signal. No handler is set for an ignored signal, so that the answer is always the one
/// at the start of the program.
#[allow(unsafe_code)]
pub fn is_ignored(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action, sigaction(2) only writes the present one. It is plain data, for which zeros are valid.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}
