//! The source of pictures that a user names on the command line.

use std::path::Path;

use anyhow::{Context, Result};
use duel_trainer::recipe::{Recipe, Source};

/// Sets `data.source` to what a user named: a path, which becomes absolute, so that a resume finds it from any
/// directory; or bundled pictures, if no file has their name.
pub fn named(recipe: Recipe, path: &Path) -> Result<Recipe> {
    let bundled = path.to_str().filter(|name| Source::bundled(name).is_some() && !path.exists());
    if let Some(name) = bundled {
        return Ok(recipe.with_data(name)?);
    }
    let whole = std::path::absolute(path).with_context(|| format!("cannot find {}", path.display()))?;
    let whole = whole.to_str().with_context(|| format!("{}: the path of the data must be UTF-8", whole.display()))?;
    Ok(recipe.with_data(whole)?)
}
