//! Files that commands write.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use duel_models::files;

/// Writes a file as [`files::replace`] does, and makes missing directories.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("")))
        .and_then(|()| files::replace(path, bytes))
        .with_context(|| format!("cannot write {}: choose another path", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_made_and_an_error_names_the_file() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("deep/x.bin");
        for bytes in [b"first".as_slice(), b"2nd"] {
            replace(&path, bytes).expect("a temporary directory can be written");
            assert_eq!(fs::read(&path).expect("just written"), bytes);
        }
        let error = replace(&path.join("y"), b"").expect_err("a file is no directory");
        assert!(error.to_string().contains("x.bin/y"), "{error}");
    }
}
