//! The local time.

use jiff::{Timestamp, tz::TimeZone};

/// Seconds that local clocks are ahead of UTC at a moment, given in seconds since 1970; 0 where the zone is not known.
pub fn offset(time: f64) -> f64 {
    let at = Timestamp::from_second(time as i64).unwrap_or(Timestamp::UNIX_EPOCH);
    f64::from(TimeZone::system().to_offset(at).seconds())
}
