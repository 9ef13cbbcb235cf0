//! Curves over training steps, or over time.

use duel_trainer::run::{
    curves::{Bucket, Span},
    scalars::Series,
};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{canvas::Canvas, scale::Scale};
use crate::{
    term::theme::{Colors, Role, Theme},
    text::numbers::short,
};

/// Columns left of a chart for the numbers of its axis.
const MARGIN: u16 = 6;

/// What the horizontal axis shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Across {
    /// Steps.
    #[default]
    Steps,
    /// Seconds of training, without pauses.
    Time,
}

impl Across {
    /// Returns the place of some successive records on the axis.
    fn place(self, bucket: &Bucket) -> f64 {
        match self {
            Self::Steps => (bucket.first + (bucket.last - bucket.first) / 2) as f64,
            Self::Time => bucket.seconds.into(),
        }
    }
}

/// One scalar of one run.
#[derive(Debug, Clone, Copy)]
pub struct Curve<'a> {
    /// The records in view.
    pub buckets: &'a [Bucket],
    /// The scalar.
    pub series: Series,
    /// The role that decides the curve's colour.
    pub role: Role,
}

/// Curves over the same axis.
#[derive(Debug, Clone, Copy)]
pub struct Chart<'a> {
    /// The curves, the most important last, where it covers the others.
    pub curves: &'a [Curve<'a>],
    /// What the horizontal axis shows.
    pub across: Across,
    /// The first and the last place on the horizontal axis.
    pub range: (f64, f64),
    /// The range of the vertical axis.
    pub scale: Scale,
    /// A value that a dashed line marks, and the line's role.
    pub mark: Option<(f32, Role)>,
    /// A place on the horizontal axis that an upright line marks.
    pub cursor: Option<f64>,
    /// The share of the view over which a curve is averaged; 0 shows the range of every record.
    pub smoothing: f32,
}

/// A curve in one column of dots, as heights from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Column {
    Nothing,
    /// A value that is not finite.
    Lost,
    Range(f32, f32),
}

impl Chart<'_> {
    /// Draws the numbers of the axis at the left, and the curves beside them.
    pub fn draw(&self, area: Rect, buffer: &mut Buffer, theme: Theme) {
        if area.width <= MARGIN + 2 || area.height == 0 {
            return;
        }
        let plot = Rect { x: area.x + MARGIN, width: area.width - MARGIN, ..area };
        self.draw_scale(area, buffer, theme);
        self.draw_bare(plot, buffer, theme);
    }

    /// Draws the curves without the axis.
    pub fn draw_bare(&self, plot: Rect, buffer: &mut Buffer, theme: Theme) {
        let mut canvas = Canvas::new(plot, theme);
        let (width, height) = canvas.size();
        let dot = |at: f32| ((1.0 - at) * (height.max(1) - 1) as f32).round() as usize;
        if let Some((value, role)) = self.mark {
            for x in (0..width).filter(|x| x % 4 == 0) {
                canvas.set(x, dot(self.scale.height(value)), role);
            }
        }
        let mut lost = Vec::new();
        let mut letters = Vec::new();
        for (number, curve) in self.curves.iter().enumerate() {
            let columns = self.columns(curve, width);
            // Letters stand near the end of each curve, no two in one column.
            let end = columns.iter().rposition(|column| matches!(column, Column::Range(..)));
            let place = end.map(|end| end.saturating_sub(4 * (self.curves.len() - 1 - number)));
            if let (Some(x), Some(letter)) = (place, letter(theme, curve.role))
                && let Column::Range(low, high) = columns[x]
            {
                letters.push((x, dot((low + high) / 2.0), letter, curve.role));
            }
            for (x, column) in columns.into_iter().enumerate() {
                match column {
                    Column::Nothing => {}
                    Column::Lost => lost.push(x),
                    Column::Range(low, high) => {
                        for y in dot(high)..=dot(low) {
                            canvas.set(x, y, curve.role);
                        }
                    }
                }
            }
        }
        canvas.draw(buffer);
        let (across, down) = Canvas::density(theme);
        for (x, y, letter, role) in letters {
            if let Some(cell) = buffer.cell_mut((plot.x + (x / across) as u16, plot.y + (y / down) as u16)) {
                cell.set_char(letter).set_style(theme.style(role));
            }
        }
        for x in lost {
            let x = plot.x + (x / across) as u16;
            buffer.set_string(x, plot.y, theme.pick("×", "x", "x"), theme.style(Role::Bad));
        }
        self.draw_cursor(plot, buffer, theme);
    }

    fn columns(&self, curve: &Curve, width: usize) -> Vec<Column> {
        let mut columns = vec![Column::Nothing; width];
        let smoothing = self.smoothing * curve.buckets.len() as f32;
        let mut smooth = f32::NAN;
        // The last place with a finite value, from which a line leads to the next one.
        let mut pen: Option<(usize, f32)> = None;
        for bucket in curve.buckets {
            let span = bucket.span(curve.series);
            let Some(x) = self.column(self.across.place(bucket), width) else { continue };
            if span.min.is_nan() {
                columns[x] = Column::Lost;
                pen = None;
                continue;
            }
            let (low, high, middle) = self.heights(span, smoothing, &mut smooth);
            if let Some((from, height)) = pen {
                bridge(&mut columns, (from, height), (x, middle));
            }
            columns[x] = match columns[x] {
                Column::Range(l, h) => Column::Range(l.min(low), h.max(high)),
                Column::Lost => Column::Lost,
                Column::Nothing => Column::Range(low, high),
            };
            pen = Some((x, middle));
        }
        columns
    }

    fn heights(&self, span: Span, smoothing: f32, smooth: &mut f32) -> (f32, f32, f32) {
        let mean = if span.mean.is_nan() { (span.min + span.max) / 2.0 } else { span.mean };
        if smoothing < 1.0 {
            return (self.scale.height(span.min), self.scale.height(span.max), self.scale.height(mean));
        }
        *smooth = if smooth.is_nan() { mean } else { *smooth + (mean - *smooth) / smoothing };
        let height = self.scale.height(*smooth);
        (height, height, height)
    }

    /// Returns the column of dots of a place on the horizontal axis; none outside the view.
    fn column(&self, place: f64, width: usize) -> Option<usize> {
        let (from, to) = self.range;
        // A place that is no number is outside.
        let inside = from < to && (from..=to).contains(&place) && width > 0;
        inside.then(|| ((place - from) / (to - from) * (width - 1) as f64).round() as usize)
    }

    fn draw_cursor(&self, plot: Rect, buffer: &mut Buffer, theme: Theme) {
        let across = Canvas::density(theme).0;
        let column = self.cursor.and_then(|place| self.column(place, usize::from(plot.width) * across));
        let Some(x) = column.map(|column| plot.x + (column / across) as u16) else { return };
        for y in plot.top()..plot.bottom() {
            let Some(cell) = buffer.cell_mut((x, y)) else { continue };
            if cell.symbol() == " " {
                cell.set_symbol(theme.pick("┊", "│", "|")).set_style(theme.style(Role::Title));
            } else {
                cell.set_style(theme.style(Role::Here));
            }
        }
    }

    /// Draws the numbers at the top, the bottom and the mark, and between them where there is room.
    fn draw_scale(&self, area: Rect, buffer: &mut Buffer, theme: Theme) {
        let rows = area.height - 1;
        let row = |value: f32| ((1.0 - self.scale.height(value)) * f32::from(rows)).round() as u16;
        let mut taken: Vec<u16> = Vec::new();
        let ends = [self.scale.high, self.scale.low].map(|value| (value, Role::Dim));
        let between = (1..4).map(|quarter| (self.scale.value(quarter as f32 / 4.0), Role::Dim));
        let marked = self.mark.filter(|(value, _)| (self.scale.low..=self.scale.high).contains(value));
        for (value, role) in marked.into_iter().chain(ends).chain(between.filter(|_| rows >= 8)) {
            let row = row(value);
            if taken.iter().any(|other| other.abs_diff(row) < if rows >= 8 { 2 } else { 1 }) {
                continue;
            }
            taken.push(row);
            let text = format!("{:>5}", short(f64::from(value)));
            buffer.set_string(area.x, area.y + row, text, theme.style(role));
        }
    }
}

/// Returns the letter that tells a curve from the others where there are no colours.
pub fn letter(theme: Theme, role: Role) -> Option<char> {
    match (theme.colors, role) {
        (Colors::None, Role::D) => Some('D'),
        (Colors::None, Role::G) => Some('G'),
        (Colors::None, Role::Run(number)) => char::from_digit(u32::from(number) + 1, 10),
        _ => None,
    }
}

/// Joins two places by a line, through the empty columns between them or up and down in neighbouring columns.
fn bridge(columns: &mut [Column], (from, start): (usize, f32), (to, end): (usize, f32)) {
    let Some(distance) = to.checked_sub(from).filter(|distance| *distance > 0) else { return };
    let mut before = start;
    for x in from + 1..=to {
        let height = start + (end - start) * (x - from) as f32 / distance as f32;
        // The column before reaches half way to this one.
        let middle = (before + height) / 2.0;
        widen(&mut columns[x - 1], middle);
        columns[x] = Column::Range(height.min(middle), height.max(middle));
        before = height;
    }
}

fn widen(column: &mut Column, height: f32) {
    if let Column::Range(low, high) = column {
        (*low, *high) = (low.min(height), high.max(height));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_leaves_no_gap() {
        let mut columns = vec![Column::Nothing; 5];
        columns[0] = Column::Range(0.0, 0.0);
        bridge(&mut columns, (0, 0.0), (4, 1.0));
        for pair in columns.windows(2) {
            let (Column::Range(_, high), Column::Range(low, _)) = (pair[0], pair[1]) else {
                panic!("a gap: {columns:?}")
            };
            assert!(high >= low, "{columns:?}");
        }
    }
}
