//! Files of a run directory that are whole or absent.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

/// Writes `bytes` to a temporary file beside `path`, syncs it, renames it, and syncs the directory.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    if written.is_err() {
        // The first error is the one to tell; a temporary file that cannot be removed harms nobody.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    sync_directory(path.parent().unwrap_or(Path::new(".")))
}

/// Makes a rename in `directory` outlast a power cut; on systems where a directory cannot be opened, nothing.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}
