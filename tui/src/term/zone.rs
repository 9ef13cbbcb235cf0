//! The local time zone.

use jiff::{Timestamp, tz::TimeZone};

/// Returns the seconds by which local clocks are ahead of UTC at `time`, in seconds since 1970; 0 if the zone is not
/// known.
pub fn offset(time: f64) -> f64 {
    let at = Timestamp::from_second(time as i64).unwrap_or(Timestamp::UNIX_EPOCH);
    f64::from(TimeZone::system().to_offset(at).seconds())
}
