//! Figures as SVG: a picture that a page holds or that is a file of its own.

use super::html::escape;

/// How figures look, light and dark.
pub const STYLE: &str = include_str!("figure.css");

/// Above each figure of a sheet, for its caption.
const CAPTION: f64 = 22.0;

/// A figure, drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Units across and down.
    pub size: [f64; 2],
    /// What it shows, in words, for those who do not see it.
    pub words: String,
    /// Its elements.
    pub body: String,
}

impl Figure {
    /// As an element of a page that has [`STYLE`].
    pub fn element(&self) -> String {
        let ([width, height], words) = (self.size, escape(&self.words));
        format!(
            "<svg class=\"figure\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{words}\">{}</svg>",
            self.body
        )
    }

    /// As a file of its own.
    pub fn file(&self) -> String {
        let ([width, height], words) = (self.size, escape(&self.words));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"figure\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{words}</title>\n<style>\n{STYLE}</style>\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n{}\n</svg>\n",
            self.body
        )
    }

    /// Figures of one size in rows of `columns`, each below its caption.
    pub fn sheet(figures: &[(String, Self)], columns: usize) -> Self {
        let [wide, high] = figures.first().map_or([1.0, 1.0], |(_, figure)| figure.size);
        let rows = figures.len().div_ceil(columns);
        let mut body = String::new();
        for (index, (caption, figure)) in figures.iter().enumerate() {
            let (x, y) = ((index % columns) as f64 * wide, (index / columns) as f64 * (high + CAPTION));
            body += &text(x + wide / 2.0, y + CAPTION - 6.0, "middle", caption);
            body += &format!("<g transform=\"translate({x} {})\">{}</g>\n", y + CAPTION, figure.body);
        }
        let words: Vec<String> =
            figures.iter().map(|(caption, figure)| format!("{caption}: {}", figure.words)).collect();
        let across = columns.min(figures.len()) as f64;
        Self { size: [wide * across, (high + CAPTION) * rows as f64], words: words.join(" "), body }
    }
}

/// A line of text that starts, has its middle, or ends at a point.
pub fn text(x: f64, y: f64, anchor: &str, text: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", escape(text))
}

/// A straight line.
pub fn line(class: &str, [x0, y0]: [f64; 2], [x1, y1]: [f64; 2]) -> String {
    format!("<line class=\"{class}\" x1=\"{x0:.1}\" y1=\"{y0:.1}\" x2=\"{x1:.1}\" y2=\"{y1:.1}\"/>")
}

/// A line through points; a single one is a dot.
pub fn through(points: impl IntoIterator<Item = [f64; 2]>) -> String {
    let mut path = String::new();
    let mut count = 0;
    for [x, y] in points {
        path += &format!("{}{x:.1} {y:.1}", if count == 0 { "M" } else { "L" });
        count += 1;
    }
    if count == 1 { path + "h0" } else { path }
}

/// At most some `count` round numbers from `low` to `high`, at even distances.
pub fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let least = (high - low) / count as f64;
    if !(least.is_finite() && least > 0.0) {
        return vec![low];
    }
    let power = 10f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|step| step * power).into_iter().find(|step| *step >= least * 0.9999);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step - 1e-6).ceil();
    (0..=count).map(|index| (first + index as f64) * step).filter(|tick| *tick <= high + step * 1e-6).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks(0.0, 20_000.0, 5), [0.0, 5_000.0, 10_000.0, 15_000.0, 20_000.0]);
        assert_eq!(ticks(0.0, 1.0, 5), [0.0, 0.2, 0.4, 0.600_000_000_000_000_1, 0.8, 1.0]);
        assert_eq!(ticks(-1.5, 0.0, 4), [-1.5, -1.0, -0.5, 0.0]);
        assert_eq!(ticks(2.0, 2.0, 4), [2.0]);
        assert_eq!(ticks(0.0, f64::NAN, 4), [0.0]);
    }

    #[test]
    fn a_sheet_holds_its_figures_and_their_words() {
        let figure = Figure { size: [300.0, 200.0], words: "a & b".into(), body: line("d", [0.0, 0.0], [1.0, 1.0]) };
        let sheet = Figure::sheet(&[("one".into(), figure.clone()), ("two".into(), figure.clone())], 4);
        assert_eq!(sheet.size, [600.0, 222.0]);
        assert_eq!(sheet.words, "one: a & b two: a & b");
        let sheet = Figure::sheet(&vec![("x".into(), figure); 5], 4);
        assert_eq!(sheet.size, [1200.0, 444.0]);
        assert!(sheet.file().contains("a &amp; b") && sheet.element().contains("a &amp; b"));
    }

    #[test]
    fn one_point_is_a_dot() {
        assert_eq!(through([[1.0, 2.0]]), "M1.0 2.0h0");
        assert_eq!(through([[1.0, 2.0], [3.04, 4.0]]), "M1.0 2.0L3.0 4.0");
        assert_eq!(through([]), "");
    }
}
