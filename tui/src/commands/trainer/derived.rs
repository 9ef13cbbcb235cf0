//! What a recipe that derives has chosen for the data, in three lines, before the training begins.

use anyhow::Result;
use duel_models::Shape;
use duel_trainer::{
    data::DataSet,
    gan::Duel,
    recipe::{Augment, Kind, Recipe},
    training,
};

use crate::{
    term::output::note,
    text::numbers::{duration, threads},
};

/// Steps by which the speed is estimated.
const STEPS: u64 = 2;

/// Writes to stderr what the recipe has chosen, and how long the training will take. The time is estimated by a few
/// steps of other networks of the same sizes.
pub fn describe(duel: &Duel, data: &DataSet) -> Result<()> {
    let recipe = &duel.recipe;
    note(&format!("{}: {}", recipe.data.source, pictures(recipe, data)));
    note(&networks(recipe, data.shape));
    let few = data.first(4 * recipe.training.batch);
    let mut trial = Duel::new(recipe.clone(), Some(few), duel.device().clone())?;
    let seconds = training::bench(&mut trial, STEPS)? / STEPS as f64 * recipe.training.steps as f64;
    note(&format!(
        "{} steps of {} pictures: about {} on {}; a smaller generator.width is faster",
        recipe.training.steps,
        recipe.training.batch,
        duration(seconds),
        match duel.device_name() {
            "cpu" => threads(training::threads()),
            name => name.to_owned(),
        }
    ));
    Ok(())
}

fn pictures(recipe: &Recipe, data: &DataSet) -> String {
    let classes = match recipe.classes() {
        0 => "drawn without classes".to_owned(),
        classes => format!("drawn by class, of {classes}"),
    };
    let held_out = data.held_out.as_ref().map_or(0, |held_out| held_out.len());
    format!("{} pictures of {}, {held_out} more held out; {classes}", data.len(), data.shape)
}

fn networks(recipe: &Recipe, shape: Shape) -> String {
    let (generator, discriminator) = (&recipe.generator, &recipe.discriminator);
    let sizes = |kind: Kind, channels: &[usize], hidden: &[usize]| {
        let widths = if kind == Kind::Conv { channels } else { hidden };
        widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-")
    };
    let augment = match recipe.training.augment {
        Augment::Off => "no augmentation",
        Augment::Fixed => "augmentation",
        Augment::Adaptive => "adaptive augmentation",
    };
    let kind = match generator.kind {
        Kind::Conv => "convolutions".to_owned(),
        Kind::Mlp => format!("dense layers, because {}x{} cannot be halved (data.size)", shape.height, shape.width),
    };
    format!(
        "{kind}: generator {}, discriminator {}, {augment}",
        sizes(generator.kind, &generator.channels, &generator.hidden),
        sizes(discriminator.kind, &discriminator.channels, &discriminator.hidden),
    )
}
