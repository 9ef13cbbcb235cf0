//! Figures as SVG, inside a page or as files.

use crate::text::markup::escape;

/// The style of figures, light and dark.
pub const STYLE: &str = include_str!("figure.css");

/// The height of a caption above a figure on a sheet.
const CAPTION: f64 = 22.0;

/// A figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Width and height, in units.
    pub size: [f64; 2],
    /// A description for readers who do not see the figure.
    pub words: String,
    /// SVG elements.
    pub body: String,
}

impl Figure {
    /// Returns the figure as an element of a page that has [`STYLE`].
    pub fn element(&self) -> String {
        let ([width, height], words) = (self.size, escape(&self.words));
        format!(
            "<svg class=\"figure\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{words}\">{}</svg>",
            self.body
        )
    }

    /// Returns the figure as a file.
    pub fn file(&self) -> String {
        let ([width, height], words) = (self.size, escape(&self.words));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"figure\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{words}</title>\n<style>\n{STYLE}</style>\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n{}\n</svg>\n",
            self.body
        )
    }

    /// Returns figures of one size in rows of `columns`, each below its caption.
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

/// Returns a text whose start, middle or end (`anchor`) is at a point.
pub fn text(x: f64, y: f64, anchor: &str, text: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", escape(text))
}

/// Returns a straight line.
pub fn line(class: &str, [x0, y0]: [f64; 2], [x1, y1]: [f64; 2]) -> String {
    format!("<line class=\"{class}\" x1=\"{x0:.1}\" y1=\"{y0:.1}\" x2=\"{x1:.1}\" y2=\"{y1:.1}\"/>")
}

/// Returns a path through points. A single point becomes a dot.
pub fn through(points: impl IntoIterator<Item = [f64; 2]>) -> String {
    let mut path = String::new();
    let mut count = 0;
    for [x, y] in points {
        path += &format!("{}{x:.1} {y:.1}", if count == 0 { "M" } else { "L" });
        count += 1;
    }
    if count == 1 { path + "h0" } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

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
