//! The runs of a directory, without their curves.

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::SystemTime,
};

use duel_models::files;

use super::{
    reader::{Reader, Run, has_trainer},
    record::Metrics,
};

/// The number of bytes at the end of `metrics.jsonl` in which [`RunSummary`] looks for the last line.
const LAST_LINE: u64 = 64 << 10;

/// A run in a list of runs. Its curves are not read, which takes long for many runs.
#[derive(Debug)]
pub struct RunSummary {
    /// The directory.
    pub dir: PathBuf,
    /// The run without curves and samples.
    pub run: Run,
    /// The time of the last write.
    pub touched: Option<SystemTime>,
}

impl RunSummary {
    /// Reads a directory; none if it is no run directory.
    pub fn read(dir: &Path) -> Option<Self> {
        let (mut reader, mut run) = Reader::new(dir);
        if !["recipe.toml", "events.jsonl", "metrics.jsonl"].iter().any(|file| dir.join(file).is_file()) {
            return None;
        }
        reader.update_recipe(&mut run);
        // A list of runs shows a run even if its events cannot be read.
        if reader.update_state(&mut run).is_err() {
            run.has_trainer = has_trainer(dir);
        }
        run.last = last_metrics(&dir.join("metrics.jsonl")).ok().flatten();
        let written = ["metrics.jsonl", "events.jsonl", "recipe.toml"].iter().map(|file| dir.join(file));
        let touched = written.filter_map(|file| fs::metadata(file).and_then(|meta| meta.modified()).ok()).max();
        Some(Self { dir: dir.to_owned(), run, touched })
    }

    /// Returns the runs in a directory and in the folders down to `depth` levels below it, the most recently written
    /// first. Folders of runs, links to folders and hidden folders are not searched.
    pub fn list(dir: &Path, depth: usize) -> io::Result<Vec<Self>> {
        let mut all = Vec::new();
        Self::collect(dir, depth, &mut all)?;
        all.sort_by(|a, b| b.touched.cmp(&a.touched).then_with(|| a.dir.cmp(&b.dir)));
        Ok(all)
    }

    fn collect(dir: &Path, depth: usize, all: &mut Vec<Self>) -> io::Result<()> {
        let entries = dir.read_dir()?.filter_map(|entry| Some(entry.ok()?.path()));
        for path in entries.filter(|path| path.is_dir()) {
            let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            match Self::read(&path) {
                Some(run) => all.push(run),
                None if depth > 0 && !is_hidden && !path.is_symlink() => {
                    // Runs in a folder that cannot be read cannot be read either.
                    let _ = Self::collect(&path, depth - 1, all);
                }
                None => {}
            }
        }
        Ok(())
    }
}

fn last_metrics(path: &Path) -> io::Result<Option<Metrics>> {
    let mut file = files::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_LINE)))?;
    let mut bytes = Vec::new();
    file.take(LAST_LINE).read_to_end(&mut bytes)?;
    Ok(bytes.split(|byte| *byte == b'\n').rev().find_map(|line| serde_json::from_slice(line).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::curves::tests::record;

    #[test]
    fn a_summary_has_the_last_line_of_the_metrics() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(RunSummary::read(dir.path()).is_none(), "no run");
        let lines: Vec<String> =
            (1..2000).map(|step| serde_json::to_string(&record(step, 1.0)).expect("metrics are JSON")).collect();
        fs::write(dir.path().join("metrics.jsonl"), lines.join("\n") + "\n{\"step\":").expect("space");
        fs::write(dir.path().join("recipe.toml"), "[training]\nsteps = 5000\n").expect("space");
        let summary = RunSummary::read(dir.path()).expect("a run");
        assert_eq!((summary.run.step(), summary.run.steps()), (1999, 5000));
    }

    #[test]
    fn runs_in_folders_are_listed_down_to_a_depth() {
        let home = tempfile::tempdir().expect("a directory");
        for run in ["a", "sweep/b", "sweep/deep/c", ".hidden/d", "a/samples/e"] {
            fs::create_dir_all(home.path().join(run)).expect("space");
            fs::write(home.path().join(run).join("recipe.toml"), "").expect("space");
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(".", home.path().join("sweep/circle")).expect("a link");
        let listed = |depth: usize| {
            let all = RunSummary::list(home.path(), depth).expect("a directory");
            let name = |run: RunSummary| run.dir.strip_prefix(home.path()).expect("below it").display().to_string();
            let mut names: Vec<String> = all.into_iter().map(name).collect();
            names.sort();
            names
        };
        assert_eq!(listed(0), ["a"]);
        assert_eq!(listed(1), ["a", "sweep/b"]);
        assert_eq!(listed(9), ["a", "sweep/b", "sweep/deep/c"]);
    }
}
