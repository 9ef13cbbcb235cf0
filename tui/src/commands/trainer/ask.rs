//! `duel stop`, `pause`, `continue`, `checkpoint` and `set`: a request to the trainer of a run, from a script.

use std::{path::PathBuf, thread, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use duel_models::text::quoted;
use duel_trainer::run::{
    control,
    reader::{Reader, Run, has_trainer},
    record::{EventKind, RequestKind},
};

use super::completions::runs;
use crate::{runs::find, term::output::print, watch::state::popup::words};

/// Arguments of a request.
#[derive(Debug, Args)]
pub struct AskArgs {
    /// The run: a directory, or a name under ./runs.
    #[arg(add = ArgValueCompleter::new(runs))]
    run: PathBuf,
}

/// Arguments of `duel set`.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// The run: a directory, or a name under ./runs.
    #[arg(add = ArgValueCompleter::new(runs))]
    run: PathBuf,
    /// A key that may change while a run trains, and its value, such as generator.learning_rate=1e-4.
    #[arg(value_name = "KEY=VALUE", value_parser = setting)]
    setting: (String, String),
}

fn setting(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
    parts.ok_or_else(|| "expected key=value, such as generator.learning_rate=1e-4".to_owned())
}

/// The interval at which the answer is looked for.
const POLL: Duration = Duration::from_millis(50);

/// Changes a setting of a run that trains.
pub fn set(SetArgs { run, setting: (key, value) }: SetArgs) -> Result<()> {
    ask(AskArgs { run }, RequestKind::Set { key, value })
}

/// Sends a request to the trainer of a run, and prints its answer; an error if the trainer does not do it. A request to stop
/// returns after the trainer has ended.
pub fn ask(args: AskArgs, kind: RequestKind) -> Result<()> {
    let dir = find::find(Some(&args.run))?;
    let shown = dir.display();
    ensure!(
        has_trainer(&dir),
        "no trainer is at work on {shown}: `duel train --resume {}` goes on with it",
        quoted(&dir)
    );
    let (what, stops) = (words(&kind), kind == RequestKind::Stop);
    let id = control::send(&dir, kind).with_context(|| format!("cannot write {shown}/control.jsonl"))?;
    let (mut reader, mut run) = Reader::new(&dir);
    loop {
        reader.update(&mut run).with_context(|| format!("cannot read {shown}"))?;
        match answer(&run, &id) {
            Some((false, why)) => bail!("the trainer of {shown} did not {what}: {why}"),
            Some((true, said)) if !stops || !run.has_trainer => {
                if let Some(EventKind::Stopped { error: Some(why), .. }) =
                    run.history.events.back().map(|event| &event.kind)
                {
                    bail!("the trainer of {shown} failed: {why}");
                }
                return print(&format!("{}\n", if stops { "stopped with a checkpoint" } else { said }));
            }
            None if !run.has_trainer => bail!("the trainer of {shown} ended before it could {what}"),
            _ => thread::sleep(POLL),
        }
    }
}

/// Returns the answer to a request: whether it was done, and the message.
fn answer<'a>(run: &'a Run, id: &str) -> Option<(bool, &'a str)> {
    run.history.events.iter().rev().find_map(|event| match &event.kind {
        EventKind::Answer { id: of, done, message } if of == id => Some((*done, message.as_str())),
        _ => None,
    })
}
