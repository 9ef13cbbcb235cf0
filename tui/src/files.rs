//! Where commands write.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use duel_models::files;

/// As [`files::replace`]; directories on the way are made.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("")))
        .and_then(|()| files::replace(path, bytes))
        .with_context(|| format!("cannot write {}: choose another place", path.display()))
}
