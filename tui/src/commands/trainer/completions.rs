//! `duel completions`: what a shell needs to complete `duel`. The shell then asks `duel` itself at each tab, so that names
//! of runs, recipes, models and keys are those of the moment.

use std::ffi::OsStr;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory};
use clap_complete::{
    CompleteEnv,
    engine::{CompletionCandidate, PathCompleter, ValueCompleter},
    env::Shells,
};
use duel_models::SHIPPED;
use duel_trainer::{
    recipe::{self, Recipe},
    run::summary::RunSummary,
};

use crate::{runs::find, term::output::print_bytes};

/// The environment variable in which a shell says that it asks for completions.
const VARIABLE: &str = "DUEL_COMPLETE";

/// Arguments of `duel completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell. bash: `source <(duel completions bash)` in ~/.bashrc; fish: `duel completions fish | source` in
    /// ~/.config/fish/config.fish; zsh: `source <(duel completions zsh)` in ~/.zshrc.
    #[arg(value_parser = ["bash", "elvish", "fish", "powershell", "zsh"])]
    shell: String,
}

/// Prints the lines that a shell reads at its start.
pub fn run(args: CompletionsArgs) -> Result<()> {
    let shells = Shells::builtins();
    let shell = shells.completer(&args.shell).context("a shell of the list")?;
    let mut lines = Vec::new();
    shell.write_registration(VARIABLE, "duel", "duel", "duel", &mut lines)?;
    print_bytes(&lines)
}

/// Answers a shell that asks for completions, and ends the process; does nothing if none asks.
pub fn answer<C: CommandFactory>() {
    CompleteEnv::with_factory(C::command).var(VARIABLE).bin("duel").complete();
}

/// The candidates that begin with what is typed.
fn matching(current: &OsStr, all: impl IntoIterator<Item = (String, String)>) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    let matching = all.into_iter().filter(|(name, _)| name.starts_with(&*typed));
    matching.map(|(name, help)| CompletionCandidate::new(name).help(Some(help.into()))).collect()
}

/// The names of runs under ./runs, the newest first, with their states.
fn run_names() -> Vec<(String, String)> {
    let runs = find::list(find::directory()).unwrap_or_default();
    let name = |run: &RunSummary| Some(run.dir.strip_prefix(find::directory()).ok()?.to_str()?.to_owned());
    runs.iter().filter_map(|run| Some((name(run)?, format!("a run, {}", run.run.state().name())))).collect()
}

/// Runs by name, and directories.
pub fn runs(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = matching(current, run_names());
    found.extend(PathCompleter::dir().complete(current));
    found
}

/// Shipped models, runs, and files.
pub fn models(current: &OsStr) -> Vec<CompletionCandidate> {
    let shipped = SHIPPED.iter().map(|model| (model.name.to_owned(), "a shipped model".to_owned()));
    let mut found = matching(current, shipped.chain(run_names()));
    found.extend(PathCompleter::any().complete(current));
    found
}

/// Shipped recipes, and files.
pub fn recipes(current: &OsStr) -> Vec<CompletionCandidate> {
    let shipped = recipe::SHIPPED.iter().filter_map(|(name, _)| Recipe::load(name, &[]).ok());
    let mut found = matching(current, shipped.map(|recipe| (recipe.name, recipe.about)));
    found.extend(PathCompleter::file().complete(current));
    found
}

/// The keys of a recipe, with an equals sign.
pub fn keys(current: &OsStr) -> Vec<CompletionCandidate> {
    let keys = Recipe::settings().map(|setting| (setting.path() + "=", setting.meaning.trim().to_owned()));
    matching(current, keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(candidates: &[CompletionCandidate]) -> Vec<String> {
        candidates.iter().map(|candidate| candidate.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn keys_recipes_and_models_are_completed() {
        assert_eq!(values(&keys(OsStr::new("training.bat"))), ["training.batch="]);
        assert!(values(&recipes(OsStr::new("one-"))).contains(&"one-five".to_owned()));
        assert_eq!(values(&models(OsStr::new("digi"))), ["digits"]);
    }
}
