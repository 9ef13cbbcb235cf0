//! Where the pictures are, if a directory has none.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{arrays, error::DataError};

/// Folders that are searched below a directory: torchvision keeps MNIST in MNIST/raw.
const DEPTH: usize = 3;
/// Entries that are searched.
const ENTRIES: usize = 10_000;

/// Replaces the error that a directory has no pictures, if its files show which path is meant.
pub(super) fn explained(error: DataError, dir: &Path) -> DataError {
    if !matches!(error, DataError::NoPictures { .. }) {
        return error;
    }
    let below = below(dir).map(|below| DataError::Below { path: dir.into(), below });
    arrays::misspelt_images(dir).or(below).unwrap_or(error)
}

/// Finds a folder with IDX files, or a file of a kind that is read.
fn below(dir: &Path) -> Option<PathBuf> {
    let entries = WalkDir::new(dir).min_depth(1).max_depth(DEPTH).sort_by_file_name().into_iter().flatten();
    let is_meant = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        path.is_dir() && arrays::is_idx(path) || path.is_file() && ["npy", "npz", "zip"].contains(&extension)
    };
    entries.take(ENTRIES).map(walkdir::DirEntry::into_path).find(is_meant)
}
