//! `duel train --resume`: the settings, the data and the checkpoint that a run continues with.

use std::path::Path;

use anyhow::{Result, anyhow, bail, ensure};
use duel_trainer::{
    data::{DataSet, load_training},
    device::device,
    gan::{Duel, state},
    recipe::{Change, Optimizer, Recipe},
    run::{paths, record::EventKind, writer::Writer},
};

use super::TrainArgs;
use crate::{
    runs::{decoding, find, sources},
    term::output::note,
    text::numbers::rate,
};

/// Beginnings of the keys that `--set` may change with `--resume`, beside the keys that may change during training.
const RESUMABLE: [&str; 5] =
    ["record.", "training.steps", "training.decay_", "training.momentum_steps", "data.fingerprint"];

/// Restores a run from its last checkpoint, and records the settings that the flags change.
pub(super) fn resume(args: &TrainArgs, dir: &Path) -> Result<(Duel, Writer)> {
    let (changes, settings) = sorted(&args.set)?;
    let (mut writer, kept) = Writer::resume(dir)?;
    let recipe = kept.clone().with(&super::settings(&settings, args.steps, args.seed))?;
    let (recipe, data) = load(args, recipe, dir)?;
    let mut duel = Duel::new(recipe, data, device(args.device.into())?)?;
    // A run without a checkpoint was killed before its first one, or was made for a trainer in the background: it
    // starts at step 0.
    let begun = !paths::checkpoints(dir)?.is_empty();
    if begun {
        for evidence in state::restore(&mut duel, dir)? {
            let remedy = format!("training continues from step {}", duel.step);
            warn(&mut writer, duel.step, "damaged checkpoint", evidence, remedy)?;
        }
    } else if find::mark(dir).is_some() {
        note(&format!("{} ended before its first checkpoint: training begins again at step 0", dir.display()));
    }
    ensure!(
        !begun || duel.step < duel.recipe.training.steps,
        "{} has done {} of {} steps: raise them with --steps N",
        dir.display(),
        duel.step,
        duel.recipe.training.steps
    );
    for change in changes {
        duel.recipe.change(Change { step: duel.step, ..change })?;
    }
    if let Some((evidence, remedy)) = jump(&kept, &duel.recipe, duel.step).filter(|_| begun) {
        warn(&mut writer, duel.step, "schedule jumps", evidence, remedy)?;
    }
    if duel.recipe != kept {
        state::keep_recipe(&duel, &mut writer)?;
    }
    Ok((duel, writer))
}

/// Divides the settings into those that change at the step of the checkpoint, and those that hold from the first step on.
/// Values are checked before anything is loaded; the step of a change is known once the checkpoint is.
fn sorted(set: &[String]) -> Result<(Vec<Change>, Vec<String>)> {
    let (mut changes, mut settings) = (Vec::new(), Vec::new());
    for setting in set {
        match setting.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
            Some((key, value)) if Change::is_live(key) => changes.push(Change::new(0, key, value)?),
            _ if RESUMABLE.iter().any(|key| setting.trim_start().starts_with(key)) => settings.push(setting.clone()),
            _ => bail!(
                "--set {setting}: a resumed run keeps its networks, data and seed; allowed are {}, and keys that begin with {}",
                Change::keys().join(", "),
                RESUMABLE.join(", ")
            ),
        }
    }
    Ok((changes, settings))
}

/// Loads the data of a run, from the place that `--data` names if they were moved. Other pictures are an error.
fn load(args: &TrainArgs, mut recipe: Recipe, dir: &Path) -> Result<(Recipe, Option<DataSet>)> {
    let unknown = recipe.data.fingerprint == Recipe::default().data.fingerprint;
    if let Some(path) = &args.data {
        let kept = recipe.data.source.clone();
        recipe = sources::named(recipe, path)?;
        ensure!(
            kept.path().is_some() && recipe.data.source.path().is_some(),
            "--data {}: {} trains on {kept}, and only pictures from a file or folder can be moved: leave --data out",
            path.display(),
            dir.display()
        );
    }
    let moved = recipe.data.source.path().is_some();
    let loaded = decoding::with_bar(|progress| load_training(recipe, progress)).map_err(|why| match moved {
        true => anyhow!("{why}; if the data of {} were moved, name their new place with --data PATH", dir.display()),
        false => why.into(),
    })?;
    if let (Some(path), true) = (&args.data, unknown) {
        let (run, path) = (dir.display(), path.display());
        note(&format!(
            "duel: {run} has no fingerprint of its data: whether {path} has the same pictures is not checked"
        ));
    }
    Ok(loaded)
}

/// Prints a warning, and records it in the run.
fn warn(writer: &mut Writer, step: u64, what: &str, evidence: String, remedy: String) -> Result<()> {
    note(&format!("duel: {evidence}; {remedy}"));
    writer.add_event(step, EventKind::Warning { what: what.to_owned(), since: step, evidence, remedy })?;
    Ok(())
}

/// Describes learning rates, and a momentum of gradient descent, that jump at `step` because the recipe `new` moves the
/// schedules of the recipe `old`; returns the settings that avoid the jump, too. None if the schedules are the same, or if
/// no value changes by more than 1 %.
fn jump(old: &Recipe, new: &Recipe, step: u64) -> Option<(String, String)> {
    let [before, after] = [old, new].map(|recipe| recipe.training.rate_at(step));
    let rates = |recipe: &Recipe, factor: f64| {
        let now = recipe.at(step);
        [now.generator.learning_rate * factor, now.discriminator.learning_rate * factor]
    };
    let (mut jumps, mut settings) = (Vec::new(), Vec::new());
    let keys = ["generator.learning_rate", "discriminator.learning_rate"];
    for (key, (was, is)) in keys.into_iter().zip(rates(old, before).into_iter().zip(rates(new, after))) {
        if before != after && (was - is).abs() > 0.01 * was {
            jumps.push(format!("{key} from {} to {}", rate(was), rate(is)));
            settings.push(format!("--set {key}={}", rate(was / after)));
        }
    }
    let fell_to_zero = after == 0.0 && !jumps.is_empty();
    let [was, is] = [old, new].map(|recipe| recipe.training.momentum_at(step));
    if new.training.optimizer == Optimizer::Sgd && (was - is).abs() > 0.01 * was {
        let rounded = |momentum: f64| (momentum * 1e4).round() / 1e4;
        jumps.push(format!("training.momentum from {} to {}", rounded(was), rounded(is)));
        // A schedule over all steps keeps its end if that is named.
        let end = if old.training.momentum_steps == 0 { old.training.steps } else { old.training.momentum_steps };
        settings.push(format!("--set training.momentum_steps={end}"));
    }
    let moved = old.training.steps != new.training.steps;
    let end = if moved { format!(" ends at step {} and", new.training.steps) } else { String::new() };
    let evidence = format!("the schedule now{end} changes {}", jumps.join(", "));
    let remedy = match fell_to_zero {
        true => "training continues at these rates".to_owned(),
        false => format!("to continue without a jump, resume with {}", settings.join(" ")),
    };
    (!jumps.is_empty()).then_some((evidence, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_schedule_is_told_with_both_rates() {
        let recipe = |steps: u64, schedule: &str| {
            let settings = [
                format!("training.steps={steps}"),
                format!("training.schedule={schedule}"),
                "generator.learning_rate=1e-4".to_owned(),
                "discriminator.learning_rate=2e-4".to_owned(),
            ];
            Recipe::load("article", &settings).expect("good settings")
        };
        let (evidence, remedy) = jump(&recipe(40, "linear"), &recipe(80, "linear"), 40).expect("a jump");
        // decay_to = 0.02 is left at the last step; the rates begin to fall after half of the steps.
        assert_eq!(
            evidence,
            "the schedule now ends at step 80 and changes generator.learning_rate from 2e-6 to 1e-4, \
             discriminator.learning_rate from 4e-6 to 2e-4"
        );
        let settings = "--set generator.learning_rate=2e-6 --set discriminator.learning_rate=4e-6";
        assert!(remedy.ends_with(settings), "{remedy}");
        for (old, new, step) in [
            (recipe(40, "linear"), recipe(80, "linear"), 10),
            (recipe(40, "constant"), recipe(80, "constant"), 40),
            (recipe(40, "linear"), recipe(40, "linear"), 30),
        ] {
            assert_eq!(jump(&old, &new, step), None);
        }
        let mut slowed = recipe(80, "linear");
        for (key, value) in [("generator.learning_rate", "2e-6"), ("discriminator.learning_rate", "4e-6")] {
            slowed.change(Change::new(40, key, value).expect("a rate")).expect("room");
        }
        assert_eq!(jump(&recipe(40, "linear"), &slowed, 40), None, "the remedy avoids the jump");
    }

    #[test]
    fn a_moved_momentum_is_told_with_both_values() {
        let recipe = |settings: &[&str]| {
            let momentum = ["training.momentum=0.5", "training.momentum_to=0.9"];
            let settings: Vec<String> = momentum.iter().chain(settings).map(|&setting| setting.to_owned()).collect();
            Recipe::load("article", &settings).expect("good settings")
        };
        let old = recipe(&["training.optimizer=sgd", "training.steps=40"]);
        let longer = ["training.optimizer=sgd", "training.steps=80"];
        let (evidence, remedy) = jump(&old, &recipe(&longer), 30).expect("a jump");
        // 0.5 + 0.4 · 30 / 40, and 0.5 + 0.4 · 30 / 80.
        assert_eq!(evidence, "the schedule now ends at step 80 and changes training.momentum from 0.8 to 0.65");
        let setting = "training.momentum_steps=40";
        assert_eq!(remedy, format!("to continue without a jump, resume with --set {setting}"));
        assert_eq!(jump(&old, &recipe(&[longer[0], longer[1], setting]), 30), None, "the remedy avoids the jump");
        assert_eq!(jump(&old, &recipe(&longer), 0), None, "the schedules begin alike");
        let adam = ["training.steps=40", "training.steps=80"].map(|steps| recipe(&[steps]));
        assert_eq!(jump(&adam[0], &adam[1], 30), None, "Adam has no such momentum");
        let moved = recipe(&["training.optimizer=sgd", "training.steps=40", "training.momentum_steps=60"]);
        let (evidence, _) = jump(&old, &moved, 30).expect("a jump");
        assert_eq!(evidence, "the schedule now changes training.momentum from 0.8 to 0.7");
    }
}
