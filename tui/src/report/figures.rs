//! The page's figures as files.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use duel_models::picture::png;

use super::{
    curves, sections,
    subject::{STAGES, Subject},
    svg::Figure,
};
use crate::text::numbers::thousands;

/// Adds the page's figures to `files`, each in `dir`, named by its run and its content; returns a line for each with
/// its description.
pub fn figures(subject: &Subject, dir: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) -> String {
    let mut said = String::new();
    let mut add = |what: &str, bytes: Vec<u8>, words: &str| {
        let path = dir.join(format!("{}-{what}", file_name(&subject.name)));
        _ = writeln!(said, "{}: {words}", path.display());
        files.push((path, bytes));
    };
    for (name, figure) in charts(&[subject]) {
        add(&format!("{name}.svg"), figure.file().into_bytes(), &figure.words);
    }
    let steps = |steps: &mut dyn Iterator<Item = u64>| steps.map(thousands).collect::<Vec<_>>().join(", ");
    if let Some(strip) = subject.strip() {
        let words = format!("samples, a row for each step: {}", steps(&mut subject.pictures().map(|(step, _)| step)));
        add(if subject.run.recipe.is_mnist() { "digits.png" } else { "samples.png" }, png(&strip), &words);
    }
    let densities: Vec<(String, Figure)> =
        subject.densities().map(|(step, figure)| (format!("step {}", thousands(step)), figure)).collect();
    if !densities.is_empty() {
        let sheet = Figure::sheet(&densities, STAGES / 2);
        add("figure-1.svg", sheet.file().into_bytes(), &format!("{} stages", densities.len()));
    }
    if let Some(Ok(shown)) = &subject.shown {
        if let Ok((picture, _)) = &shown.nearest {
            add("nearest.png", png(picture), sections::NEAREST);
        }
        add("interpolation.png", png(&shown.interpolation), sections::INTERPOLATION);
    }
    said
}

/// Adds the charts in which the page compares several runs to `files`, each in `dir`; returns a line for each with its
/// description. No figure of a single run has such a name: it has a hyphen behind the run's name.
pub fn compared(subjects: &[Subject], dir: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) -> String {
    let mut said = String::new();
    for (name, figure) in charts(&subjects.iter().collect::<Vec<_>>()) {
        let path = dir.join(format!("compared_{name}.svg"));
        _ = writeln!(said, "{}: {}", path.display(), figure.words);
        files.push((path, figure.file().into_bytes()));
    }
    said
}

/// Returns the charts of runs, each with its name in the names of files.
fn charts(subjects: &[&Subject]) -> Vec<(String, Figure)> {
    let charts = curves::scalars(subjects).into_iter().flat_map(|panel| panel.charts);
    let frechet = curves::frechet(subjects).into_iter().zip(1..).map(|((_, figure), judge)| match judge {
        1 => ("frechet".to_owned(), figure),
        _ => (format!("frechet_{judge}"), figure),
    });
    charts.map(|drawn| (drawn.file.to_owned(), drawn.figure)).chain(frechet).collect()
}

/// Returns a run's name as part of a file name.
pub fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' }).collect()
}
