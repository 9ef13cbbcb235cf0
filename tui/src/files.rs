//! Files that are whole or absent.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use anyhow::{Context, Result};

/// Writes `bytes` to a temporary file beside `path` and renames it; directories on the way are made.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(directory)?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = directory.join(name);
        let written = File::create(&temporary).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, path)
        });
        // The first error is the one to tell; a temporary file that cannot be removed harms nobody.
        written.inspect_err(|_| _ = fs::remove_file(&temporary))
    };
    write().with_context(|| format!("cannot write {}: choose another place", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_leaves_nothing_else() {
        let directory = std::env::temp_dir().join(format!("duel-files-{}", std::process::id()));
        let path = directory.join("deep/x.bin");
        for bytes in [b"first".as_slice(), b"2nd"] {
            replace(&path, bytes).expect("a temporary directory can be written");
            assert_eq!(fs::read(&path).expect("just written"), bytes);
        }
        assert_eq!(fs::read_dir(directory.join("deep")).expect("it is there").count(), 1);
        let error = replace(&path.join("y"), b"").expect_err("a file is no directory");
        assert!(error.to_string().contains("x.bin/y"), "{error}");
        fs::remove_dir_all(directory).expect("ours");
    }
}
