//! Parts of the page that stand side by side, one for each run.

use super::{
    html::{Cell, columns, table},
    subject::Subject,
};

/// Returns the same part for each run, below the run's name if there are several.
pub fn each(subjects: &[Subject], html: impl Fn(&Subject) -> String) -> String {
    columns(subjects.iter().map(|subject| (subject.name.as_str(), html(subject))))
}

/// Returns a table with a column for each run.
pub fn beside(subjects: &[Subject], caption: &str, first: &str, rows: &[(String, Vec<Cell>)], more: &[&str]) -> String {
    let names = subjects.iter().map(|subject| subject.name.as_str());
    let heads: Vec<&str> = std::iter::once(first).chain(names).chain(more.iter().copied()).collect();
    table(caption, &heads, rows)
}
