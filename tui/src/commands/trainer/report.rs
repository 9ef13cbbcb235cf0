//! `duel report`: a page about a run, or about several side by side.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::completions::runs;
use crate::{
    files::write,
    report::{self, Subject},
    runs::find,
    term::output::{note, print},
};

/// The most runs that fit side by side.
const RUNS: usize = 8;

/// The most stages of a run that are shown.
const STAGES: usize = 20;

/// Arguments of `duel report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Run directories, or names under ./runs; several runs share the axes of each chart, and stand side by side.
    #[arg(required = true, value_name = "RUN", add = ArgValueCompleter::new(runs))]
    runs: Vec<PathBuf>,
    /// The page to write; - for stdout [default: report.html in the run directory, or here for several runs].
    #[arg(long, value_name = "FILE|-")]
    out: Option<PathBuf>,
    /// Write each figure as a file, too: DIR/RUN-losses.svg and so on; charts of several runs as DIR/compared_d_loss.svg.
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
    /// Replace figures that exist, and a page that is not of these runs.
    #[arg(long)]
    force: bool,
    /// Show the samples nearest to these steps, instead of eight stages that are closer together at the beginning.
    #[arg(long, value_name = "STEP,...", value_delimiter = ',')]
    at: Vec<u64>,
    /// Leave out scores, nearest training images and interpolations, which take half a minute for each run.
    #[arg(long)]
    quick: bool,
}

/// Writes one HTML file that needs no other file, and prints its path and those of the figures.
pub fn run(args: ReportArgs) -> Result<()> {
    ensure!(args.runs.len() <= RUNS, "{} runs are too many for a page: name {RUNS} at most", args.runs.len());
    let dirs = args.runs.iter().map(|run| find::find(Some(run))).collect::<Result<Vec<PathBuf>>>()?;
    ensure!(args.at.len() <= STAGES, "--at: {} steps are too many for a page: name {STAGES} at most", args.at.len());
    let mut subjects = dirs.iter().map(|dir| Subject::read(dir, &args.at)).collect::<Result<Vec<Subject>>>()?;
    let names: BTreeSet<String> = subjects.iter().map(|subject| report::file_name(&subject.name)).collect();
    ensure!(
        names.len() == subjects.len(),
        "two run directories give their figures the same file names: rename one of them"
    );
    let out = args.out.unwrap_or_else(|| match &dirs[..] {
        [dir] => dir.join("report.html"),
        _ => "report.html".into(),
    });
    let marks: Option<Vec<String>> = dirs.iter().map(|dir| find::mark(dir)).collect();
    let marks = marks.map(|marks| marks.join(", ")).unwrap_or_default();
    let ours = !marks.is_empty() && report::is_page(&out, &marks);
    write::must_take_one("--out", &out, " and is not a page about the same runs", args.force || ours)?;
    args.figures.iter().try_for_each(|dir| write::must_be_directory("--figures", dir))?;
    if !args.quick {
        report::add_shown(&mut subjects, &dirs);
    }
    let mut said = String::new();
    let mut written = Vec::new();
    if let Some(dir) = &args.figures {
        for subject in &subjects {
            said += &report::figures(subject, dir, &mut written);
        }
        if subjects.len() > 1 {
            said += &report::compared(&subjects, dir, &mut written);
        }
    }
    write::must_be_free(written.iter().map(|(path, _)| path), "", args.force)?;
    for (path, bytes) in &written {
        write::replace(path, bytes)?;
    }
    // The page has stdout for itself.
    if write::is_stdout(&out) {
        said.lines().for_each(note)
    } else {
        print(&said)?
    }
    write::one(&out, report::page(&subjects, &marks).as_bytes())
}

/// Writes pages about runs into `dir`, without scores that have to be computed first; several pages if one cannot hold all
/// runs.
pub fn write_pages(runs: &[PathBuf], dir: &Path) -> Result<()> {
    let pages = runs.len().div_ceil(RUNS);
    for (runs, number) in runs.chunks(RUNS).zip(1..) {
        let name = if pages == 1 { "report.html".to_owned() } else { format!("report-{number}.html") };
        let (runs, out) = (runs.to_vec(), Some(dir.join(name)));
        run(ReportArgs { runs, out, figures: None, force: true, at: Vec::new(), quick: true })?;
    }
    Ok(())
}
