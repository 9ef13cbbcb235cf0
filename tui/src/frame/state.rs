//! The pictures that a frame shows at a time. No drawing, no generator and no clock here.

use std::time::Duration;

/// The time between two pictures of a morph: eight a second.
const STEP: Duration = Duration::from_millis(125);

/// A place on the way from one picture to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// The number of the picture.
    pub picture: u64,
    /// The fraction of the way to the next picture, 0 to 1.
    pub t: f32,
}

/// The course of a picture frame. Times are counted from its start and never go back.
#[derive(Debug)]
pub struct Show {
    /// The time of each picture, morph included.
    every: Duration,
    /// The time of the morph to the next picture, at most `every`.
    morph: Duration,
    picture: u64,
    /// The time at which the next picture is reached.
    next_at: Duration,
}

impl Show {
    /// Starts with picture 0.
    pub fn new(every: Duration, morph: Duration) -> Self {
        Self { every, morph: morph.min(every), picture: 0, next_at: every }
    }

    /// Returns what is shown at a time. After a pause of the process, the pictures that it missed are left out.
    pub fn at(&mut self, now: Duration) -> Moment {
        if now >= self.next_at {
            self.picture += 1;
            let due = self.next_at + self.every;
            self.next_at = if now < due { due } else { now + self.every };
        }
        let left = self.next_at - now;
        let t = if left < self.morph { 1.0 - left.as_secs_f32() / self.morph.as_secs_f32() } else { 0.0 };
        // Slow at both ends (smoothstep), so that a picture neither starts nor stops with a jerk.
        Moment { picture: self.picture, t: t * t * (3.0 - 2.0 * t) }
    }

    /// Begins the morph to the next picture, or ends the morph that has begun.
    pub fn skip(&mut self, now: Duration) {
        let resting = self.next_at > now + self.morph;
        self.next_at = if resting { now + self.morph } else { now };
    }

    /// Returns the time until something else is shown.
    pub fn rest(&self, now: Duration) -> Duration {
        let left = self.next_at.saturating_sub(now);
        if left > self.morph { left - self.morph } else { left.min(STEP) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f32) -> Duration {
        Duration::from_secs_f32(seconds)
    }

    #[test]
    fn a_picture_rests_then_morphs_into_the_next() {
        let mut show = Show::new(seconds(10.0), seconds(4.0));
        for (now, picture, t, rest) in [
            (0.0, 0, 0.0, 6.0),
            (5.5, 0, 0.0, 0.5),
            (7.0, 0, 0.15625, 0.125),
            (8.0, 0, 0.5, 0.125),
            (9.9375, 0, 0.999_28, 0.0625),
            (10.0, 1, 0.0, 6.0),
            (18.0, 1, 0.5, 0.125),
            (20.5, 2, 0.0, 5.5),
            // The process was stopped for a minute.
            (80.0, 3, 0.0, 6.0),
            (89.0, 3, 0.84375, 0.125),
        ] {
            let Moment { picture: found, t: way } = show.at(seconds(now));
            assert!(found == picture && (way - t).abs() < 1e-4, "{now}: {found} {way}");
            assert_eq!(show.rest(seconds(now)), seconds(rest), "{now}");
        }
    }

    #[test]
    fn a_skip_begins_the_morph_and_another_one_ends_it() {
        let mut show = Show::new(seconds(10.0), seconds(4.0));
        show.skip(seconds(1.0));
        assert_eq!(show.at(seconds(1.0)), Moment { picture: 0, t: 0.0 });
        assert_eq!(show.at(seconds(3.0)), Moment { picture: 0, t: 0.5 });
        show.skip(seconds(3.0));
        assert_eq!(show.at(seconds(3.0)), Moment { picture: 1, t: 0.0 });
        assert_eq!(show.rest(seconds(3.0)), seconds(6.0));
    }

    #[test]
    fn without_a_morph_pictures_change_at_once() {
        let mut show = Show::new(seconds(10.0), Duration::ZERO);
        assert_eq!((show.at(seconds(9.5)).picture, show.rest(seconds(4.0))), (0, seconds(6.0)));
        show.skip(seconds(9.75));
        assert_eq!((show.at(seconds(9.75)).picture, show.rest(seconds(9.75))), (1, seconds(10.0)));
    }

    #[test]
    fn a_frame_may_morph_all_the_time() {
        let mut show = Show::new(seconds(2.0), seconds(2.0));
        assert_eq!((show.at(seconds(1.0)).t, show.rest(seconds(1.0))), (0.5, STEP));
        assert_eq!(show.at(seconds(2.0)), Moment { picture: 1, t: 0.0 });
    }
}
