//! `duel runs`: every run under a directory.

use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use clap::Args;
use duel_trainer::run::reader::Glance;

use crate::{output::print, words};

/// Arguments of `duel runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Where the runs are.
    #[arg(default_value = "runs")]
    dir: PathBuf,
    /// A line of JSON each.
    #[arg(long)]
    json: bool,
}

/// Prints them, the newest first.
pub fn run(args: RunsArgs) -> Result<()> {
    let dir = args.dir.display();
    let runs = Glance::all(&args.dir).with_context(|| format!("cannot list {dir}: start a run with `duel train`"))?;
    let now = SystemTime::now();
    if args.json {
        return print(&runs.iter().map(|run| format!("{}\n", json(run))).collect::<String>());
    }
    let rows: Vec<[String; 6]> = runs.iter().map(|run| row(run, now)).collect();
    print(&table(&rows))
}

fn row(glance: &Glance, now: SystemTime) -> [String; 6] {
    let run = &glance.run;
    let age = glance.touched.and_then(|touched| now.duration_since(touched).ok()).unwrap_or_default();
    let scores: Vec<String> = run.story.scores.iter().map(|(name, score)| format!("{name} {score:.3}")).collect();
    [
        run.name.clone(),
        run.state().name().to_owned(),
        format!("{} / {}", words::thousands(run.step()), words::thousands(run.steps())),
        words::age(age.as_secs_f64()),
        run.recipe.get("name").unwrap_or_default(),
        scores.join(", "),
    ]
}

fn table(rows: &[[String; 6]]) -> String {
    let head = ["RUN", "STATE", "STEP", "AGE", "RECIPE", "SCORES"].map(str::to_owned);
    let all: Vec<&[String; 6]> = std::iter::once(&head).chain(rows).collect();
    let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = String::new();
    for row in all {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

fn json(glance: &Glance) -> String {
    let run = &glance.run;
    let touched = glance.touched.and_then(|touched| touched.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    serde_json::json!({
        "run": glance.dir.to_string_lossy(),
        "state": run.state().name(),
        "step": run.step(),
        "steps": run.steps(),
        "touched": touched.as_secs(),
        "recipe": run.recipe.get("name"),
        "scores": run.story.scores,
    })
    .to_string()
}
