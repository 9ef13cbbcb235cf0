//! The time as digits, and the digits that change. Nothing here draws, uses a generator or reads a clock.

/// Digits of hours, minutes and seconds.
pub const DIGITS: usize = 6;

/// The digits that the clock shows.
#[derive(Debug, Default)]
pub struct Clock {
    shown: [Option<u8>; DIGITS],
    /// A picture of each digit, [height, width, channels].
    pub images: [Option<Vec<u8>>; DIGITS],
    /// Whether the keys are shown.
    pub shows_keys: bool,
}

/// Returns the digits of a time of day, given in seconds since midnight.
pub fn digits(seconds: u64) -> [u8; DIGITS] {
    let (hours, minutes, seconds) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let tens = |number: u64| [(number / 10) as u8, (number % 10) as u8];
    let [[a, b], [c, d], [e, f]] = [hours, minutes, seconds].map(tens);
    [a, b, c, d, e, f]
}

impl Clock {
    /// Returns the position and the new digit of each digit that has changed, among the first `places` digits.
    pub fn changes(&mut self, seconds: u64, places: usize) -> Vec<(usize, u8)> {
        let now = digits(seconds);
        let changed = (0..places.min(DIGITS)).filter(|place| self.shown[*place] != Some(now[*place]));
        let changed: Vec<(usize, u8)> = changed.map(|place| (place, now[place])).collect();
        for (place, digit) in &changed {
            self.shown[*place] = Some(*digit);
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_that_changed_are_returned() {
        let mut clock = Clock::default();
        assert_eq!(digits(13 * 3600 + 37 * 60 + 5), [1, 3, 3, 7, 0, 5]);
        assert_eq!(clock.changes(59, 6).len(), 6);
        assert_eq!(clock.changes(60, 6), [(3, 1), (4, 0), (5, 0)]);
        assert_eq!(clock.changes(60, 6), []);
        assert_eq!(clock.changes(119, 4), [], "seconds that are not shown do not count");
        assert_eq!(clock.changes(23 * 3600, 4), [(0, 2), (1, 3), (3, 0)]);
    }
}
