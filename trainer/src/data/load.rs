//! The pictures that a recipe names.

use std::{path::Path, sync::Arc};

use duel_models::{files, places::absent};

use super::{
    Progress, arrays,
    collection::Collection,
    data_set::{DataSet, SCORED_LEAST, Split},
    emoji,
    error::DataError,
    fingerprint::{check_fingerprint, fingerprint},
    hints, mnist,
    oddities::oddities,
    pictures, stacked,
    wanted::Wanted,
};
use crate::recipe::{Augment, Data, Kind, Recipe, Source, Toy};

/// The most held-out pictures.
const HELD_OUT: usize = 5_000;

/// Loads the training pictures of a recipe, and sets the settings of the recipe that depend on the pictures. A toy
/// distribution has no pictures. `progress` learns how many pictures are decoded.
pub fn load_training(recipe: Recipe, progress: Progress) -> Result<(Recipe, Option<DataSet>), DataError> {
    if let Some(toy) = recipe.data.source.toy() {
        return check_toy(&recipe, toy).map(|()| (recipe, None));
    }
    let data = load(&recipe.data, Split::Train, progress)?;
    let mut recipe = recipe.for_pictures(&data.facts())?;
    check_fingerprint(&recipe.data, &data)?;
    if recipe.data.source.path().is_some() {
        recipe.data.fingerprint = fingerprint(&data);
    }
    check_labels(&recipe, &data)?;
    let data = split(data, &recipe)?;
    Ok((recipe, Some(data)))
}

/// Loads the test pictures of a recipe's source; none for a toy distribution.
pub fn load_test(recipe: &Recipe, progress: Progress) -> Result<Option<DataSet>, DataError> {
    recipe.data.source.toy().is_none().then(|| load(&recipe.data, Split::Test, progress)).transpose()
}

/// Loads the pair of IDX files that `duel sample --out DIR` writes; without labels where the directory has none.
pub fn load_generated(dir: &Path) -> Result<DataSet, DataError> {
    arrays::generated(dir)
}

/// Loads a split of a source.
pub fn load(settings: &Data, split: Split, progress: Progress) -> Result<DataSet, DataError> {
    match &settings.source {
        Source::Mnist | Source::Toy(_) => Ok(mnist::load(split)),
        Source::StackedMnist => Ok(stacked::load(split)),
        Source::Emoji => from_zip(emoji::ARCHIVE.into(), settings, split, progress),
        Source::Path(path) => {
            let mut data = from_path(path, settings, split, progress)?;
            if split == Split::Train {
                let odd = oddities(&data);
                data.survey.notes.extend(odd);
            }
            Ok(data)
        }
    }
}

/// Loads from the bytes of a zip archive of pictures or of NumPy arrays.
pub fn from_zip(bytes: Arc<[u8]>, settings: &Data, split: Split, progress: Progress) -> Result<DataSet, DataError> {
    let name = Path::new("archive");
    from_collection(Collection::bytes(bytes, name)?, Wanted { path: name, settings, split }, progress)
}

/// Loads the arrays of a .npz, or the pictures of another archive.
fn from_collection(collection: Collection, wanted: Wanted, progress: Progress) -> Result<DataSet, DataError> {
    if !collection.entries.is_empty() && collection.entries.iter().all(|entry| entry.extension() == "npy") {
        return arrays::npz(wanted, &collection);
    }
    pictures::load(collection, wanted, progress)
}

/// Loads from a folder, an archive, an array or a directory of IDX files: the first bytes say which, not the name.
fn from_path(path: &Path, settings: &Data, split: Split, progress: Progress) -> Result<DataSet, DataError> {
    let wanted = Wanted { path, settings, split };
    if path.is_dir() {
        return if arrays::is_idx(path) {
            arrays::idx(wanted)
        } else {
            pictures::load(Collection::folder(path)?, wanted, progress).map_err(|error| hints::explained(error, path))
        };
    }
    if let Some(why) = absent(path) {
        return Err(DataError::Absent { path: path.into(), why });
    }
    let start = files::read_start(path, 64).map_err(|why| DataError::Unreadable { file: path.into(), why })?;
    if start.starts_with(b"\x93NUMPY") {
        return arrays::npy(wanted);
    }
    if !start.starts_with(b"PK") {
        return Err(DataError::Unknown { path: path.into(), why: arrays::described(&start) });
    }
    from_collection(Collection::zip(path)?, wanted, progress)
}

/// Checks that the labels are those that the recipe needs.
fn check_labels(recipe: &Recipe, data: &DataSet) -> Result<(), DataError> {
    let path = || recipe.data.source.path().unwrap_or(Path::new("the data")).to_owned();
    for (wanted, key) in
        [(recipe.training.conditional, "training.conditional"), (recipe.training.balanced, "training.balanced")]
    {
        if wanted && data.labels.is_empty() {
            return Err(DataError::Unlabelled { key, path: path() });
        }
    }
    match data.labels.iter().max() {
        Some(&label) if recipe.training.conditional && usize::from(label) >= recipe.data.classes => {
            Err(DataError::Label { label, classes: recipe.data.classes })
        }
        _ => Ok(()),
    }
}

/// Refuses a new training of conditional networks on a class without pictures. Runs that have begun may have one.
pub fn check_classes(recipe: &Recipe, data: &DataSet) -> Result<(), DataError> {
    match (0..recipe.classes()).find(|&class| !data.labels.iter().any(|&label| usize::from(label) == class)) {
        Some(class) => {
            let name = recipe.data.names.get(class).cloned().unwrap_or_else(|| class.to_string());
            Err(DataError::EmptyClass { name, classes: recipe.data.classes })
        }
        None => Ok(()),
    }
}

/// Splits off the held-out pictures. A batch must fit into the training pictures, except that a single picture fills
/// any batch.
fn split(data: DataSet, recipe: &Recipe) -> Result<DataSet, DataError> {
    let (wanted, batch, there) = (recipe.data.images, recipe.training.batch, data.len());
    if wanted > there {
        return Err(DataError::TooFew { key: "data.images", wanted, there });
    }
    let mut count = if wanted == 0 { there } else { wanted };
    let every = recipe.evaluation.every;
    if every > 0 && count == there {
        count -= (there / 12).max(SCORED_LEAST.min(there / 4)).min(HELD_OUT);
    }
    let end = there.min(count + HELD_OUT);
    if every > 0 && end - count < SCORED_LEAST {
        return Err(DataError::HeldOut { every, left: end - count });
    }
    if batch > count && count != 1 {
        return Err(DataError::TooFew { key: "training.batch", wanted: batch, there: count });
    }
    Ok(data.hold_out(count, end))
}

/// Checks that the networks of a recipe fit a toy distribution: from one latent value to one number, so that the figure
/// can show arrows.
fn check_toy(recipe: &Recipe, toy: Toy) -> Result<(), DataError> {
    let mlp = [recipe.generator.kind, recipe.discriminator.kind].map(|kind| kind == Kind::Mlp);
    for (fits, key, wanted) in [
        (mlp[0], "generator.kind", "mlp"),
        (mlp[1], "discriminator.kind", "mlp"),
        (recipe.generator.latent == 1, "generator.latent", "1"),
        (!recipe.training.conditional, "training.conditional", "false"),
        (recipe.training.augment == Augment::Off, "training.augment", "off"),
    ] {
        if !fits {
            return Err(DataError::Toy { toy: toy.name(), key, wanted });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
