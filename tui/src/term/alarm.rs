//! An alarm at a time of the system's clock, which may be set, and which goes on while the machine is suspended.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Duration, SystemTime},
};

use rustix::io::Errno;

/// The longest wait where the system does not tell that its clock was set.
const LOOK: Duration = Duration::from_secs(1);

/// The alarm.
#[derive(Debug)]
pub struct Alarm(Option<OwnedFd>);

impl Alarm {
    /// Makes an alarm that is not set.
    pub fn new() -> Self {
        Self(timer::create())
    }

    /// Sets the alarm to a time since 1970. Returns how long to wait at most, until the clock must be looked at again.
    pub fn set(&self, at: Duration) -> Duration {
        match self.0.as_ref().map(|timer| timer::set(timer, at)) {
            Some(Ok(())) => Duration::MAX,
            // The clock was set after the last look at it. The timer runs all the same.
            Some(Err(Errno::CANCELED)) => Duration::ZERO,
            _ => at.saturating_sub(now()).min(LOOK),
        }
    }

    /// Returns a descriptor that is readable once the time has come or the clock was set. None where there is no such
    /// timer.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(AsFd::as_fd)
    }
}

/// Returns the time of the system since 1970.
pub fn now() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}

#[cfg(target_os = "linux")]
mod timer {
    use std::{os::fd::OwnedFd, time::Duration};

    use rustix::{
        io::{Errno, Result},
        time::{
            Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
        },
    };

    /// Makes a timer of the system's clock.
    pub fn create() -> Option<OwnedFd> {
        timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK).ok()
    }

    /// Sets the timer. `ECANCELED` if the clock was set since the last call: timerfd_create(2), `TFD_TIMER_CANCEL_ON_SET`.
    pub fn set(timer: &OwnedFd, at: Duration) -> Result<()> {
        let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        let once = Itimerspec { it_interval, it_value: Timespec::try_from(at).map_err(|_| Errno::INVAL)? };
        timerfd_settime(timer, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET, &once).map(drop)
    }
}

#[cfg(not(target_os = "linux"))]
mod timer {
    use std::{os::fd::OwnedFd, time::Duration};

    use rustix::io::{Errno, Result};

    pub fn create() -> Option<OwnedFd> {
        None
    }

    pub fn set(_timer: &OwnedFd, _at: Duration) -> Result<()> {
        Err(Errno::NOSYS)
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    #[test]
    fn an_alarm_is_raised_at_its_time() {
        let alarm = Alarm::new();
        let at = now() + Duration::from_millis(50);
        assert_eq!(alarm.set(at), Duration::MAX);
        let mut fds = [PollFd::from_borrowed_fd(alarm.fd().expect("Linux"), PollFlags::IN)];
        let patience = Timespec { tv_sec: 10, tv_nsec: 0 };
        assert_eq!(poll(&mut fds, Some(&patience)), Ok(1));
        assert!(now() >= at);
        // An alarm that is set again is no longer raised.
        alarm.set(now() + Duration::from_secs(100));
        assert_eq!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(0));
    }

    #[test]
    fn without_a_timer_the_clock_is_looked_at_each_second() {
        let alarm = Alarm(None);
        assert_eq!(alarm.set(now() + Duration::from_secs(60)), LOOK);
        assert!(alarm.set(now() + Duration::from_millis(200)) <= Duration::from_millis(200));
        assert_eq!((alarm.set(Duration::ZERO), alarm.fd().is_none()), (Duration::ZERO, true));
    }
}
