//! What a recipe that derives has chosen for the data, in three lines, before the training begins.

use anyhow::Result;
use duel_trainer::{
    data::DataSet,
    gan::Duel,
    recipe::{Augment, Kind, Recipe},
    training,
};

use crate::text::numbers::{duration, threads};

/// Steps by which the speed is estimated.
const STEPS: u64 = 4;

/// Describes the data, the networks and the time of a training. The time is estimated by a few steps of other networks
/// of the same sizes.
pub fn described(duel: &Duel, data: &DataSet) -> Result<Vec<String>> {
    let recipe = &duel.recipe;
    let mut lines = vec![format!("{}: {}", recipe.data.source, pictures(recipe, data))];
    lines.extend(data.survey.warnings());
    lines.push(networks(recipe));
    let few = data.first(4 * recipe.training.batch);
    let mut trial = Duel::new(recipe.clone(), Some(few), duel.device().clone())?;
    let seconds = training::bench(&mut trial, STEPS)? / STEPS as f64 * recipe.training.steps as f64;
    lines.push(format!(
        "{} steps of {} pictures: about {} on {}",
        recipe.training.steps,
        recipe.training.batch,
        duration(seconds),
        match duel.device_name() {
            "cpu" => threads(training::threads()),
            name => name.to_owned(),
        }
    ));
    Ok(lines)
}

fn pictures(recipe: &Recipe, data: &DataSet) -> String {
    let classes = match recipe.classes() {
        0 => "drawn without classes".to_owned(),
        classes => format!("drawn by class, of {classes}"),
    };
    let held_out = data.held_out.as_ref().map_or(0, |held_out| held_out.len());
    format!("{} pictures of {}, {held_out} more held out; {classes}", data.len(), data.shape)
}

fn networks(recipe: &Recipe) -> String {
    let (generator, discriminator) = (&recipe.generator, &recipe.discriminator);
    let sizes = |kind: Kind, channels: &[usize], hidden: &[usize]| {
        let widths = if kind == Kind::Conv { channels } else { hidden };
        widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-")
    };
    let augment = match recipe.training.augment {
        Augment::Off => "no augmentation",
        Augment::Fixed => "augmentation",
        Augment::Adaptive => "augmentation as far as the discriminator overfits",
    };
    format!(
        "generator {}, discriminator {}, {augment}",
        sizes(generator.kind, &generator.channels, &generator.hidden),
        sizes(discriminator.kind, &discriminator.channels, &discriminator.hidden),
    )
}
