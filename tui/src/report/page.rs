//! The page.

use super::{html, sections, subject::Subject, svg};

/// Returns the page of some runs.
pub fn page(subjects: &[Subject]) -> String {
    let names: Vec<&str> = subjects.iter().map(|subject| subject.name.as_str()).collect();
    let style = format!("{}{}", include_str!("page.css"), svg::STYLE);
    html::page(&format!("{}: duel", names.join(", ")), &style, &sections::all(subjects))
}
