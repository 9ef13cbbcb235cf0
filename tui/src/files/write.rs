//! Files that commands write.

use std::{
    fs::{self, File},
    io::{self, IsTerminal, Write, stdout},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use duel_models::{
    files,
    places::{explained, must_be_expanded},
};

#[cfg(feature = "train")]
use crate::term::output::{print, print_bytes};

/// Writes a file as [`files::replace`] does, and makes missing directories.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    must_be_expanded(path)
        .and_then(|()| fs::create_dir_all(path.parent().unwrap_or(Path::new(""))))
        .and_then(|()| files::replace(path, bytes))
        .map_err(|why| explained(path, why))
        .with_context(|| format!("cannot write {}: choose another path", path.display()))
}

/// The path that means stdout.
const STDOUT: &str = "-";

/// Tells whether a path means stdout.
pub fn is_stdout(path: &Path) -> bool {
    path == Path::new(STDOUT)
}

/// Refuses a place for one file before the file is made: stdout if it is a terminal, and a file that exists, unless
/// `force`. `flag` names the place; `why` follows the name of a file.
pub fn must_take_one(flag: &str, path: &Path, why: &str, force: bool) -> Result<()> {
    if is_stdout(path) {
        ensure!(!stdout().is_terminal(), "{flag} -: stdout is a terminal; redirect it to a file or a pipe");
        return Ok(());
    }
    must_be_free([path], why, force)
}

/// Writes one file to stdout, or as [`replace`] does, and then prints its path.
#[cfg(feature = "train")]
pub fn one(path: &Path, bytes: &[u8]) -> Result<()> {
    if is_stdout(path) {
        return print_bytes(bytes);
    }
    replace(path, bytes)?;
    print(&format!("{}\n", path.display()))
}

/// Refuses stdout as the place of several files.
#[cfg(feature = "train")]
pub fn must_be_directory(flag: &str, path: &Path) -> Result<()> {
    ensure!(!is_stdout(path), "{flag} -: several files do not fit into stdout; name a directory");
    Ok(())
}

/// Refuses to replace a file, unless `force`. The error names the first file that exists; `why` follows its name.
pub fn must_be_free<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>, why: &str, force: bool) -> Result<()> {
    // A link that leads nowhere is a file, too.
    match paths.into_iter().find(|path| !force && path.as_ref().symlink_metadata().is_ok()) {
        Some(path) => {
            bail!("{} exists{why}: choose another place, or replace it with --force", path.as_ref().display())
        }
        None => Ok(()),
    }
}

/// Writes a directory of files, given as paths below it and contents: under another name, synced, then renamed. The
/// directory must be absent or empty.
pub fn directory(path: &Path, files: impl Iterator<Item = (PathBuf, Vec<u8>)>) -> Result<()> {
    let free =
        fs::read_dir(path).map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |mut all| all.next().is_none());
    ensure!(free, "cannot write {}: it is not an empty directory; choose another path", path.display());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written =
        must_be_expanded(path).and_then(|()| fill(&temporary, files)).and_then(|()| fs::rename(&temporary, path));
    // The first error is returned. Temporary files that cannot be removed do no harm.
    written
        .inspect_err(|_| _ = fs::remove_dir_all(&temporary))
        .with_context(|| format!("cannot write {}: choose another path", path.display()))
}

fn fill(directory: &Path, files: impl Iterator<Item = (PathBuf, Vec<u8>)>) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for (path, bytes) in files {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap_or(directory))?;
        let mut file = File::create_new(path)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
    }
    Ok(())
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

    #[test]
    fn files_are_replaced_only_by_force() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let [file, link, none] = ["file", "link", "none"].map(|name| home.path().join(name));
        fs::write(&file, "mine").expect("space");
        std::os::unix::fs::symlink("nowhere", &link).expect("a link");
        for (path, free) in [(&file, false), (&link, false), (&none, true)] {
            assert_eq!(must_be_free([path], "", false).is_ok(), free, "{path:?}");
            assert!(must_be_free([path], "", true).is_ok());
        }
        let error = must_be_free([&none, &file], " and is mine", false).expect_err("a file").to_string();
        assert!(error.contains("/file exists and is mine: ") && error.contains("--force"), "{error}");
    }

    #[test]
    fn a_directory_is_written_whole_and_never_over_another() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let path = home.path().join("deep/pictures");
        let files = || [("a/1", "one"), ("a/2", "two"), ("3", "three")].map(|(name, text)| (name.into(), text.into()));
        fs::create_dir_all(&path).expect("space");
        directory(&path, files().into_iter()).expect("an empty directory");
        assert_eq!(fs::read(path.join("a/2")).expect("just written"), b"two");
        let error = directory(&path, files().into_iter()).expect_err("not empty").to_string();
        assert!(error.contains("deep/pictures: it is not an empty directory"), "{error}");
        // A path twice is an error that leaves nothing behind.
        let twice = home.path().join("twice");
        directory(&twice, files().into_iter().chain(files())).expect_err("the same path twice");
        assert!(!twice.exists() && fs::read_dir(home.path()).expect("there").count() == 1);
    }
}
