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
    let charts = curves::scalars(&[subject]).into_iter().map(|charts| (charts.file, charts.figures));
    for (name, figures) in charts.chain(curves::frechet(&[subject]).map(|figures| ("frechet", figures))) {
        for figure in figures.into_iter().flatten() {
            add(&format!("{name}.svg"), figure.file().into_bytes(), &figure.words);
        }
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

/// Returns a run's name as part of a file name.
pub fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' }).collect()
}
