//! Files that are whole or absent.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

/// Writes `bytes` to a temporary file beside `path`, syncs it, renames it, and syncs the directory.
///
/// What stood at `path` is there until the new file is whole; a link there is replaced, not followed.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = directory.join(name);
    // What a killed process of this number left there; or a link, which would lead elsewhere.
    let _ = fs::remove_file(&temporary);
    let written = File::create_new(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    // The first error is the one to tell; a temporary file that cannot be removed harms nobody.
    written.inspect_err(|_| _ = fs::remove_file(&temporary))?;
    sync_directory(directory)
}

/// Makes a rename in `directory` outlast a power cut; on systems where a directory cannot be opened, nothing.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_leaves_nothing_else() {
        let directory = std::env::temp_dir().join(format!("duel-files-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a temporary directory can be written");
        let path = directory.join("x.bin");
        for bytes in [b"first".as_slice(), b"2nd"] {
            replace(&path, bytes).expect("a temporary directory can be written");
            assert_eq!(fs::read(&path).expect("just written"), bytes);
        }
        assert!(replace(&path.join("y"), b"").is_err(), "a file is no directory");
        assert_eq!(fs::read_dir(&directory).expect("it is there").count(), 1);
        fs::remove_dir_all(directory).expect("ours");
    }
}
