//! `duel sweep`: runs of one recipe with each combination of some settings and seeds.

mod grid;
mod jobs;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    io::{IsTerminal, stdout},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, builder::RangedU64ValueParser};
use clap_complete::engine::ArgValueCompleter;
use duel_models::text::quoted;
use duel_trainer::{
    recipe::Recipe,
    run::{history::State, paths, summary::RunSummary},
};

use self::{
    grid::{Axis, Grid, Seeds},
    jobs::Job,
    table::Scored,
};
use super::{
    completions::{keys, recipes},
    report,
    train::{self, DeviceChoice},
};
use crate::{
    runs::find,
    term::{
        output::{note, print},
        tty,
    },
};

/// Arguments of `duel sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// A shipped recipe or a TOML file.
    #[arg(add = ArgValueCompleter::new(recipes))]
    recipe: String,
    /// A key of the recipe and its values, such as training.batch=32,64; may be given more than once: every combination is
    /// trained. A value with commas stands in brackets or quotation marks: generator.hidden=[64,32],[128].
    #[arg(long, value_name = "KEY=A,B,...", value_parser = grid::axis, add = ArgValueCompleter::new(keys))]
    set: Vec<Axis>,
    /// The seeds with which each combination is trained: 1..5 with both ends, or 1,2,7 [default: the recipe's].
    #[arg(long, value_name = "A..B", value_parser = grid::seeds)]
    seeds: Option<Seeds>,
    /// The number of runs that train at the same time; the threads of the machine are divided between them.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1000))]
    jobs: usize,
    /// The directory of all runs, by the rule of RUN: a name is a directory under ./runs [default: RECIPE-sweep].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The data, as in `duel train`.
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// The step at which each run ends, instead of the recipe's.
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// The device to train on.
    #[arg(long, value_enum, default_value_t = DeviceChoice::Auto)]
    device: DeviceChoice,
    /// Train nothing: print the command of each run that is not done, one a line, for the scheduler of a cluster.
    #[arg(long, conflicts_with = "jobs")]
    list: bool,
}

/// A run of the sweep.
struct Planned<'a> {
    /// The values of the run's combination.
    values: Vec<&'a str>,
    name: String,
    dir: PathBuf,
    /// The recipe before the data are known.
    recipe: Recipe,
    /// The flags of `duel train` for a new run.
    flags: Vec<(&'static str, OsString)>,
}

/// What is left to do for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Begin,
    Resume,
    Nothing(State),
}

/// Trains the runs that are not done, and then prints their scores and writes a page about them.
pub fn run(args: SweepArgs) -> Result<()> {
    let first = train::recipe(&args.recipe, args.data.as_deref(), &[])?;
    let Seeds(seeds) = args.seeds.clone().unwrap_or(Seeds(vec![first.training.seed]));
    let grid = Grid::new(args.set.clone(), seeds.len())?;
    let dir = args.dir.as_deref().map(find::named);
    let dir = dir.unwrap_or_else(|| find::directory().join(train::plain_name(&first) + "-sweep"));
    let planned = plan(&args, &grid, &seeds, &dir)?;
    let due = planned.iter().map(due).collect::<Result<Vec<Due>>>()?;
    let jobs: Vec<Job> = planned.iter().zip(&due).filter_map(|(run, due)| job(run, *due, args.device)).collect();
    if args.list {
        return print(&jobs.iter().map(|job| job.command() + "\n").collect::<String>());
    }
    check(&planned, &due, args.device)?;
    fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let (count, shown) = (planned.len(), dir.display());
    note(&format!("{shown}: {} of {count} runs to train, {} at a time", jobs.len(), args.jobs));
    if let Some(job) = jobs.first() {
        note(&format!("watch them with `duel watch {}`", quoted(&job.dir)));
    }
    if !jobs::train(&jobs, args.jobs)? {
        let done = planned.iter().filter(|run| is_done(run)).count();
        return print(&format!("stopped; {done} of {count} runs are done: the same command goes on with the others\n"));
    }
    sum_up(&planned, &grid, &dir)
}

/// Makes the recipe of each run. A key or value that no recipe can have is an error, and so are two equal runs.
fn plan<'a>(args: &SweepArgs, grid: &'a Grid, seeds: &[u64], dir: &Path) -> Result<Vec<Planned<'a>>> {
    /// The longest name of a file on common file systems, less the ending of the log.
    const NAME_MAX: usize = 250;
    let mut planned = Vec::new();
    let (mut recipes, mut names) = (BTreeMap::new(), BTreeSet::new());
    for values in grid.combinations() {
        for &seed in seeds {
            let name = grid::name(&grid.axes, &values, seed);
            ensure!(name.len() <= NAME_MAX, "{name} is too long for the name of a directory: give fewer keys at once");
            let varied = grid.axes.iter().zip(&values).map(|(axis, value)| format!("{}={value}", axis.key));
            let settings: Vec<String> = grid.shared.iter().cloned().chain(varied).collect();
            let whole = train::settings(&settings, args.steps, Some(seed));
            let recipe = train::recipe(&args.recipe, args.data.as_deref(), &whole)?;
            if let Some(other) = recipes.insert(recipe.to_toml(), name.clone()) {
                bail!("{other} and {name} are the same run: give each value and each seed once");
            }
            ensure!(names.insert(name.clone()), "two runs would be called {name}: train them in two sweeps");
            let dir = dir.join(&name);
            let mut flags = vec![("--recipe", OsString::from(&args.recipe))];
            flags.extend(args.data.iter().map(|data| ("--data", data.into())));
            flags.extend(settings.into_iter().map(|setting| ("--set", setting.into())));
            flags.extend(args.steps.map(|steps| ("--steps", steps.to_string().into())));
            flags.extend([("--seed", seed.to_string().into()), ("--run", dir.clone().into())]);
            planned.push(Planned { values: values.clone(), name, dir, recipe, flags });
        }
    }
    Ok(planned)
}

/// Returns what is left to do for a run. A run of another recipe in its directory is an error.
fn due(run: &Planned) -> Result<Due> {
    let Some(summary) = RunSummary::read(&run.dir) else { return Ok(Due::Begin) };
    let shown = run.dir.display();
    if let Some((key, planned, there)) = run.recipe.difference(&paths::read_recipe(&run.dir)?) {
        bail!(
            "{shown} is a run with {key} = {there}, and this sweep has {planned}: choose another directory with --dir"
        );
    }
    let quoted = quoted(&run.dir);
    Ok(match summary.run.state() {
        State::Waiting | State::Stopped | State::Crashed => Due::Resume,
        State::Done => Due::Nothing(State::Done),
        State::Failed => {
            note(&format!(
                "{shown} has failed, and is left as it is: `duel train --resume {quoted}` goes on with it, `duel rm {quoted}` \
                 lets this sweep begin it again"
            ));
            Due::Nothing(State::Failed)
        }
        state => {
            note(&format!("another trainer is at work on {shown}: `duel watch {quoted}`"));
            Due::Nothing(state)
        }
    })
}

fn job(run: &Planned, due: Due, device: DeviceChoice) -> Option<Job> {
    let mut flags = match due {
        Due::Begin => run.flags.clone(),
        Due::Resume => vec![("--resume", run.dir.clone().into())],
        Due::Nothing(_) => return None,
    };
    if device != DeviceChoice::Auto {
        flags.push(("--device", device.name()));
    }
    Some(Job { name: run.name.clone(), dir: run.dir.clone(), flags })
}

/// Makes the networks of one run of each combination that has runs to begin, so that a combination that cannot be trained
/// is refused before anything is.
fn check(planned: &[Planned], due: &[Due], device: DeviceChoice) -> Result<()> {
    let mut checked: Vec<&[&str]> = Vec::new();
    for (run, due) in planned.iter().zip(due) {
        if *due == Due::Begin && !checked.contains(&&run.values[..]) {
            train::networks(run.recipe.clone(), device).with_context(|| run.name.clone())?;
            checked.push(&run.values);
        }
    }
    Ok(())
}

fn is_done(run: &Planned) -> bool {
    RunSummary::read(&run.dir).is_some_and(|summary| summary.run.state() == State::Done)
}

/// Prints the scores of the runs that are done, and writes a page about all; an error if a run is not done.
fn sum_up(planned: &[Planned], grid: &Grid, dir: &Path) -> Result<()> {
    let read: Vec<(&Planned, RunSummary)> =
        planned.iter().filter_map(|run| Some((run, RunSummary::read(&run.dir)?))).collect();
    let done = read.iter().filter(|(_, summary)| summary.run.state() == State::Done);
    let scored = done.clone().filter(|(_, summary)| !summary.run.history.scores.is_empty()).map(|(run, summary)| {
        let history = &summary.run.history;
        Scored { values: &run.values, judge: &history.judge, scores: &history.scores }
    });
    let scored: Vec<Scored> = scored.collect();
    let keys: Vec<&str> = grid.axes.iter().map(|axis| axis.key.as_str()).collect();
    let width = if stdout().is_terminal() { tty::size().0.into() } else { usize::MAX };
    print(&match scored.is_empty() {
        true => "No scores: no run that is done has evaluated its generator (the key evaluation.every)\n\n".to_owned(),
        false => table::tables(&keys, &scored, width),
    })?;
    report::write_pages(&read.iter().map(|(run, _)| run.dir.clone()).collect::<Vec<_>>(), dir)?;
    let left = planned.len() - done.count();
    ensure!(left == 0, "{left} of {} runs are not done: `duel runs {}` shows them", planned.len(), quoted(dir));
    Ok(())
}
