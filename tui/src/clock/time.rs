//! The time that the clock shows.

use std::time::Duration;

use crate::term::{alarm::now, zone};

/// A local time that runs at a speed of its own.
#[derive(Debug)]
pub struct LocalTime {
    /// Seconds since 1970 at which it began.
    start: f64,
    /// Seconds that it advances in each second.
    speed: f64,
}

impl LocalTime {
    /// Begins at the time of the system.
    pub fn new(speed: u32) -> Self {
        Self { start: now().as_secs_f64(), speed: speed.into() }
    }

    /// Returns the local time in seconds since the midnight of 1 January 1970, and the time of the system, since 1970, at
    /// which it reaches the next multiple of `every` seconds.
    pub fn read(&self, every: f64) -> (f64, Duration) {
        let system = now();
        let time = self.start + (system.as_secs_f64() - self.start) * self.speed;
        let seconds = (time + zone::offset(time)).max(0.0);
        (seconds, system + self.rest(seconds, every))
    }

    fn rest(&self, seconds: f64, every: f64) -> Duration {
        let rest = every - seconds.rem_euclid(every);
        Duration::from_secs_f64(rest.clamp(0.001, every) / self.speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_number_comes_after_the_rest_of_the_last_one() {
        for (speed, seconds, every, expected) in [
            (1, 100.25, 1.0, 0.75),
            (1, 100.0, 60.0, 20.0),
            (1, 120.0, 60.0, 60.0),
            (100, 100.0, 60.0, 0.2),
            (1000, 100.0, 1.0, 0.001),
        ] {
            let time = LocalTime { start: 0.0, speed: f64::from(speed) };
            let rest = time.rest(seconds, every).as_secs_f64();
            assert!((rest - expected).abs() < 1e-6, "{speed} {seconds} {every}: {rest}");
        }
        let time = LocalTime::new(1);
        let (seconds, next) = time.read(60.0);
        let ahead = next.as_secs_f64() - now().as_secs_f64();
        let past = (seconds + ahead).rem_euclid(60.0);
        assert!(ahead <= 60.0 && !(5.0..55.0).contains(&past), "{seconds} {ahead}");
    }
}
