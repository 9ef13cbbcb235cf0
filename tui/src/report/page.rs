//! The page.

use std::path::Path;

use duel_models::files;

use super::{html, sections, subject::Subject, svg};

/// Bytes in which the marks of a page stand.
const HEAD: u64 = 1 << 16;

/// Returns the page of some runs. `marks` tells it from the pages of other runs.
pub fn page(subjects: &[Subject], marks: &str) -> String {
    let names: Vec<&str> = subjects.iter().map(|subject| subject.name.as_str()).collect();
    let style = format!("{}{}", include_str!("page.css"), svg::STYLE);
    html::page(&format!("{}: duel", names.join(", ")), marks, &style, &sections::all(subjects))
}

/// Tells whether a file is a page with these marks.
pub fn is_page(file: &Path, marks: &str) -> bool {
    let start = files::read_start(file, HEAD).unwrap_or_default();
    String::from_utf8_lossy(&start).contains(&html::generator(marks))
}
