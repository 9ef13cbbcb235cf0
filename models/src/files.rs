//! Writes files atomically, and reads files from untrusted directories.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use crate::places::explained;

/// Writes `bytes` to a temporary file beside `path`, syncs it, renames it, and syncs the directory.
///
/// An old file at `path` stays until the new one is whole. A symbolic link at `path` is replaced, not followed.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = directory.join(name);
    // Removes a file that a killed process with the same id left, or a symbolic link that somebody put there to have
    // another file overwritten.
    let _ = fs::remove_file(&temporary);
    let written = File::create_new(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    // The first error is returned. A temporary file that cannot be removed does no harm.
    written.inspect_err(|_| _ = fs::remove_file(&temporary))?;
    sync_directory(directory)
}

/// Makes a rename in `directory` survive a power cut. Does nothing on systems that cannot open a directory.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Opens a regular file for reading. Anything else is an error: a read from a pipe or a device might never return.
pub fn open(path: &Path) -> io::Result<File> {
    must_be_file(path).and_then(|()| File::open(path)).map_err(|why| explained(path, why))
}

/// Checks that `path` leads to a regular file or to nothing. Follows links.
pub fn must_be_file(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(refusal("it is a folder, not a regular file")),
        Ok(found) if !found.is_file() => Err(refusal("it is not a regular file")),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Checks that no symbolic link stands at `path`: in an untrusted directory it could lead to any of the user's files.
pub fn must_not_be_link(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Err(refusal("it is a link")),
        _ => Ok(()),
    }
}

/// Checks that a file may be written to `path`: nothing is there, or a regular file. A symbolic link is an error.
pub fn must_be_writable_place(path: &Path) -> io::Result<()> {
    must_not_be_link(path).and_then(|()| must_be_file(path))
}

fn refusal(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Reads the first `limit` bytes of a regular file, or all of a shorter one.
pub fn read_start(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a regular file of at most `limit` bytes; a longer one is an error.
pub fn read_small(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let bytes = read_start(path, limit + 1)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("over {limit} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty directory for one test, removed at its end.
    struct Scratch(std::path::PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let directory = std::env::temp_dir().join(format!("duel-{name}-{}", std::process::id()));
            fs::create_dir_all(&directory).expect("a temporary directory can be written");
            Self(directory)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn replace_writes_the_whole_file_and_leaves_no_temporary_file() {
        let directory = Scratch::new("replace");
        let path = directory.0.join("x.bin");
        for bytes in [b"first".as_slice(), b"2nd"] {
            replace(&path, bytes).expect("a temporary directory can be written");
            assert_eq!(fs::read(&path).expect("just written"), bytes);
        }
        assert!(replace(&path.join("y"), b"").is_err(), "a file is no directory");
        assert_eq!(fs::read_dir(&directory.0).expect("it is there").count(), 1);
    }

    #[test]
    fn reading_is_limited() {
        let directory = Scratch::new("read");
        let path = directory.0.join("x.bin");
        fs::write(&path, b"12345").expect("a temporary directory can be written");
        assert_eq!(read_start(&path, 3).expect("a file"), b"123");
        assert_eq!(read_start(&path, 9).expect("a file"), b"12345");
        assert_eq!(read_small(&path, 5).expect("a short file"), b"12345");
        assert_eq!(read_small(&path, 4).expect_err("too long").kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn only_regular_files_are_opened() {
        let directory = Scratch::new("open");
        assert!(open(&directory.0).expect_err("a directory").to_string().contains("not a regular file"));
        assert_eq!(open(&directory.0.join("none")).expect_err("absent").kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_no_place_to_write() {
        let directory = Scratch::new("link");
        let [file, link, none] = ["file", "link", "none"].map(|name| directory.0.join(name));
        fs::write(&file, b"").expect("a temporary directory can be written");
        std::os::unix::fs::symlink(&file, &link).expect("a temporary directory can be written");
        assert!(must_be_writable_place(&file).is_ok() && must_be_writable_place(&none).is_ok());
        assert!(must_be_writable_place(&link).expect_err("a link").to_string().contains("a link"));
        assert!(
            must_be_writable_place(&directory.0).expect_err("a directory").to_string().contains("not a regular file")
        );
        assert!(open(&link).is_ok(), "reading follows links");
    }
}
