//! `duel runs`: the runs under a directory.

mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{IsTerminal, stdout},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use clap::Args;
use duel_models::{places::explained, text::showable};
use duel_trainer::run::summary::RunSummary;

use self::table::{Row, table};
use crate::{
    runs::find,
    term::{
        look::Look,
        output::{note, print},
        theme::Theme,
        tty,
    },
    text::{events::scores, numbers},
};

/// Arguments of `duel runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// The directory of the runs; runs in its folders are listed, too [default: runs].
    dir: Option<PathBuf>,
    /// Print a line of JSON for each run.
    #[arg(long)]
    json: bool,
    /// Print CSV, for a spreadsheet, with a column for each score that any run has.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// Prints the runs, the newest first.
pub fn run(args: RunsArgs) -> Result<()> {
    let (place, is_default) = (args.dir.as_deref().unwrap_or(find::directory()), args.dir.is_none());
    let dir = place.display();
    let listed = if is_default && !place.exists() { Ok(Vec::new()) } else { find::list(place) };
    let runs = listed.map_err(|why| explained(place, why)).with_context(|| format!("cannot list {dir}"))?;
    match (runs.is_empty(), is_default) {
        (true, true) => note("no runs yet: `duel train` begins one"),
        (true, false) => note(&format!("no runs in {dir}")),
        _ => {}
    }
    if args.json {
        return print(&runs.iter().map(|run| format!("{}\n", json(run))).collect::<String>());
    }
    if args.csv {
        return print(&csv(&runs));
    }
    let now = SystemTime::now();
    let rows: Vec<Row> = runs.iter().map(|run| row(run, place, now)).collect();
    // Lines for another program are whole, whatever the terminal from which it was started.
    let columns = if stdout().is_terminal() { tty::size().0.into() } else { usize::MAX };
    print(&table(&rows, columns, Theme::detect(Look::default()).pick("…", "~", "~")))
}

fn row(summary: &RunSummary, dir: &Path, now: SystemTime) -> Row {
    let run = &summary.run;
    let age = summary.touched.and_then(|touched| now.duration_since(touched).ok()).unwrap_or_default();
    [
        showable(&summary.dir.strip_prefix(dir).unwrap_or(&summary.dir).to_string_lossy()),
        run.state().name().to_owned(),
        format!("{} / {}", numbers::thousands(run.step()), numbers::thousands(run.steps())),
        numbers::age(age.as_secs_f64()),
        run.recipe.get("name").unwrap_or_default(),
        scores(&run.history.judge, &run.history.scores, &run.history.real),
    ]
}

fn json(summary: &RunSummary) -> String {
    let run = &summary.run;
    serde_json::json!({
        "run": summary.dir.to_string_lossy(),
        "state": run.state().name(),
        "step": run.step(),
        "steps": run.steps(),
        "touched": touched(summary),
        "recipe": run.recipe.get("name"),
        "judge": run.history.judge,
        "scores": run.history.scores,
        "real": run.history.real,
    })
    .to_string()
}

/// Formats the runs as CSV (RFC 4180), with a column for each score by each judge: `frechet (digits 0123456789abcdef)`.
/// A score that a run lacks is an empty field.
fn csv(runs: &[RunSummary]) -> String {
    let column = |name: &str, judge: &str| match judge {
        "" => name.to_owned(),
        judge => format!("{name} ({judge})"),
    };
    let columns = |run: &RunSummary| -> BTreeMap<String, f64> {
        let history = &run.run.history;
        history.scores.iter().map(|(name, score)| (column(name, &history.judge), *score)).collect()
    };
    let scores: BTreeSet<String> = runs.iter().flat_map(|run| columns(run).into_keys()).collect();
    let fixed = ["run", "state", "step", "steps", "touched", "recipe"];
    let mut rows = vec![fixed.map(str::to_owned).into_iter().chain(scores.iter().cloned()).collect()];
    for summary in runs {
        let run = &summary.run;
        let fixed = [
            summary.dir.to_string_lossy().into_owned(),
            run.state().name().to_owned(),
            run.step().to_string(),
            run.steps().to_string(),
            touched(summary).to_string(),
            run.recipe.get("name").unwrap_or_default(),
        ];
        let own = columns(summary);
        let score = |column: &String| own.get(column).map_or_else(String::new, f64::to_string);
        rows.push(fixed.into_iter().chain(scores.iter().map(score)).collect());
    }
    records(rows)
}

fn records(rows: Vec<Vec<String>>) -> String {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).expect("rows are equally long, and writing to memory does not fail");
    }
    let bytes = writer.into_inner().expect("writing to memory does not fail");
    String::from_utf8(bytes).expect("the fields are UTF-8")
}

/// Returns when a run was last written to, in seconds since 1970; 0 if that is not known.
fn touched(summary: &RunSummary) -> u64 {
    summary.touched.and_then(|touched| touched.duration_since(UNIX_EPOCH).ok()).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_as_rfc_4180_has_it() {
        // Python's csv.writer writes the same line.
        let fields = ["plain", "", "a,b", "say \"so\"", "two\nlines", "two\r"].map(str::to_owned);
        assert_eq!(records(vec![fields.to_vec()]), "plain,,\"a,b\",\"say \"\"so\"\"\",\"two\nlines\",\"two\r\"\r\n");
    }
}
