//! The range of steps that the curves show, and their horizontal axis.

use crate::{term::plot::Across, text::round};

/// The fewest steps that are shown.
const CLOSEST: u64 = 16;

/// Shares of the view over which curves can be averaged.
const SMOOTHING: [f32; 3] = [0.0, 0.02, 0.1];

/// The range of steps that the curves show, and how the curves are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View {
    /// The number of steps shown; none for all.
    pub zoom: Option<u64>,
    /// The last step shown; none for the newest.
    pub end: Option<u64>,
    /// What the horizontal axis shows.
    pub across: Across,
    /// Whether axes of positive values are logarithmic.
    pub logarithm: bool,
    smooth: usize,
}

impl View {
    /// Returns the first and the last step shown, for a run that has done `done` of `planned` steps.
    ///
    /// The end is a round number some way ahead, so that the curves grow into the room instead of moving with each
    /// step: that is easier to read, and takes few bytes to send.
    pub fn steps(&self, done: u64, planned: u64) -> (u64, u64) {
        match self.zoom {
            None => {
                let end = (round::up(done.max(10) as f64, round::FINE).round() as u64).max(done);
                (0, if planned >= done && planned > 0 { end.min(planned) } else { end })
            }
            Some(span) => {
                let notch = (span / 8).max(1);
                let newest = done.div_ceil(notch).saturating_mul(notch);
                let end = self.end.unwrap_or(newest).max(span);
                (end - span, end)
            }
        }
    }

    /// Exchanges steps and time on the horizontal axis.
    pub fn turn(&mut self) {
        self.across = if self.across == Across::Steps { Across::Time } else { Across::Steps };
    }

    /// Returns the share of the view over which curves are averaged.
    pub fn smoothing(&self) -> f32 {
        SMOOTHING[self.smooth % SMOOTHING.len()]
    }

    /// Selects the next share for averaging.
    pub fn smooth(&mut self) {
        self.smooth = (self.smooth + 1) % SMOOTHING.len();
    }

    /// Halves the number of steps shown.
    pub fn zoom_in(&mut self, done: u64) {
        let span = self.zoom.unwrap_or(done) / 2;
        if span >= CLOSEST {
            self.zoom = Some(span);
        }
    }

    /// Doubles the number of steps shown.
    pub fn zoom_out(&mut self, done: u64) {
        match self.zoom.map(|span| span.saturating_mul(2)) {
            Some(span) if span < done => self.zoom = Some(span),
            _ => self.whole(),
        }
    }

    /// Shows all steps.
    pub fn whole(&mut self) {
        (self.zoom, self.end) = (None, None);
    }

    /// Moves a quarter of the view to the left or right. At the right end the view follows the newest step.
    pub fn pan(&mut self, done: u64, planned: u64, right: bool) {
        let Some(span) = self.zoom else { return };
        let end = self.steps(done, planned).1;
        let end = if right { end.saturating_add(span / 4) } else { end.saturating_sub(span / 4).max(span) };
        self.end = (end < done).then_some(end);
    }

    /// Describes the view in a few words; empty for the view at the start.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        if let Some(span) = self.zoom {
            words.push(if self.end.is_some() { format!("{span} steps") } else { format!("last {span} steps") });
        }
        words.extend(self.logarithm.then(|| "log".to_owned()));
        words.extend((self.smooth > 0).then(|| format!("smooth {}", self.smooth)));
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_holds_the_newest_step_and_moves_in_notches() {
        let mut view = View::default();
        assert_eq!(
            (view.steps(0, 0), view.steps(1234, 78_125), view.steps(70_000, 78_125)),
            ((0, 10), (0, 1500), (0, 78_125))
        );
        assert_eq!(view.steps(90_000, 78_125), (0, 100_000));
        view.zoom_in(1000);
        assert_eq!(view.zoom, Some(500));
        assert_eq!((view.steps(1000, 0), view.steps(1060, 0)), ((554, 1054), (616, 1116)));
        view.pan(1000, 0, false);
        assert_eq!(view.steps(1000, 0), (429, 929));
        assert_eq!(view.steps(2000, 0), (429, 929), "panned, it stays");
        view.pan(1000, 0, true);
        assert_eq!(view.end, None, "at the right end, it follows");
        view.zoom_out(1000);
        assert_eq!(view.zoom, None);
    }

    #[test]
    fn any_numbers_give_a_view() {
        for done in [0, 1, 15, 16, 999, u64::MAX / 2, u64::MAX] {
            let mut view = View::default();
            for _ in 0..70 {
                let (from, to) = view.steps(done, 5);
                assert!(from < to, "{done} {view:?}");
                view.zoom_in(done);
                view.pan(done, 5, false);
            }
        }
    }
}
