//! The page.

use std::collections::BTreeMap;

use super::{html, sections, subject::Subject, svg};

/// Returns the page of some runs; `real` has the scores of real digits, by name.
pub fn page(subjects: &[Subject], real: Option<&BTreeMap<String, f64>>) -> String {
    let names: Vec<&str> = subjects.iter().map(|subject| subject.name.as_str()).collect();
    let style = format!("{}{}", include_str!("page.css"), svg::STYLE);
    html::page(&format!("{}: duel", names.join(", ")), &style, &sections::all(subjects, real))
}
