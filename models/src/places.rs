//! What is wrong with a path that a user gave.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use strsim::jaro_winkler;

use crate::text::showable;

/// The most names that a message lists.
const LISTED: usize = 4;
/// The most entries of a folder that are compared.
const COMPARED: usize = 10_000;
/// The least Jaro-Winkler similarity of a name that may be meant.
const SIMILAR: f64 = 0.9;

const QUOTED_HOME: &str = "the shell does not expand a quoted ~: write the path without quotes, or with $HOME";

/// Says why nothing is at `path`, and what stands nearby; none if something is there.
pub fn absent(path: &Path) -> Option<String> {
    let why = path.metadata().err()?;
    if path.iter().any(|part| part == "~") {
        return Some(QUOTED_HOME.to_owned());
    }
    // The first part that is missing, and the folder in which it is missing.
    let (mut missing, mut folder) = (path, parent(path));
    while folder.metadata().is_err() && folder != Path::new("/") && folder != Path::new(".") {
        (missing, folder) = (folder, parent(folder));
    }
    let shown = showable(&folder.to_string_lossy());
    Some(match missing.read_link() {
        Ok(target) => format!("{} is a link to {}, which does not exist", missing.display(), target.display()),
        _ if why.kind() == io::ErrorKind::PermissionDenied => format!("you have no right to look into {shown}"),
        _ if !folder.is_dir() => format!("{shown} is a file, not a folder"),
        _ => neighbours(missing, folder).unwrap_or_else(|| format!("you have no right to list {shown}")),
    })
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Names the entries of `folder` that may be meant by the name of `missing`, or else the first ones.
fn neighbours(missing: &Path, folder: &Path) -> Option<String> {
    let wanted = missing.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let entries = fs::read_dir(folder).ok()?.flatten().take(COMPARED);
    let mut names: Vec<(f64, String)> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .map(|name| (jaro_winkler(&name.to_lowercase(), &wanted), showable(&name)))
        .collect();
    names.sort_by(|(a, first), (b, second)| b.total_cmp(a).then_with(|| first.cmp(second)));
    let list = |names: &[(f64, String)], between: &str| {
        names.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(between)
    };
    let shown = if folder == Path::new(".") { "this folder" } else { &showable(&folder.to_string_lossy()) };
    let similar = names.iter().take(LISTED).take_while(|(similarity, _)| *similarity >= SIMILAR).count();
    let more = names.len().saturating_sub(LISTED);
    Some(match names.len() {
        0 => format!("{shown} is empty"),
        _ if similar > 0 => format!("{shown} has {}: is that meant?", list(&names[..similar], " and ")),
        _ if more > 0 => format!("{shown} has {} and {more} more", list(&names[..LISTED], ", ")),
        _ => format!("{shown} has {}", list(&names, ", ")),
    })
}

/// Refuses to write below a folder called `~`: a user who names it means the home directory.
pub fn must_be_expanded(path: &Path) -> io::Result<()> {
    let quoted = path.iter().next().is_some_and(|first| first == "~") && !Path::new("~").exists();
    if quoted { Err(io::Error::new(io::ErrorKind::InvalidInput, QUOTED_HOME)) } else { Ok(()) }
}

/// Replaces an error of the operating system that says less than [`absent`].
pub fn explained(path: &Path, why: io::Error) -> io::Error {
    use io::ErrorKind::{AlreadyExists, NotADirectory, NotFound};
    match why.kind() {
        NotFound | NotADirectory | AlreadyExists if path.metadata().is_err() => {
            io::Error::new(why.kind(), Absent(path.to_owned()))
        }
        _ => why,
    }
}

/// The error that nothing is at a path. The folders around it are read only if somebody reads the message.
#[derive(Debug)]
struct Absent(PathBuf);

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it does not exist")?;
        absent(&self.0).map_or(Ok(()), |why| write!(f, ": {why}"))
    }
}

impl std::error::Error for Absent {}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_path_is_wrong_in_its_own_way() {
        let home = std::env::temp_dir().join(format!("duel-places-{}", std::process::id()));
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(home.join("empty")).expect("a temporary directory can be written");
        for name in ["train.npy", "file", "a", "b", "c"] {
            fs::write(home.join(name), "").expect("a temporary directory can be written");
        }
        std::os::unix::fs::symlink("nowhere", home.join("link")).expect("a link");
        for (name, expected) in [
            ("trian.npy", "has train.npy: is that meant?"),
            ("TRAIN.npy", "has train.npy: is that meant?"),
            ("xyz", "has a, b, c, empty and 3 more"),
            ("xyz/deeper/still", "has a, b, c, empty and 3 more"),
            ("empty/x", "empty is empty"),
            ("file/x", "file is a file, not a folder"),
            ("link", "link is a link to nowhere, which does not exist"),
            ("link/x", "link is a link to nowhere, which does not exist"),
            ("~/data", "$HOME"),
        ] {
            let path = home.join(name);
            let found = absent(&path).expect(name);
            assert!(found.contains(expected), "{name}: {found}");
            let error = explained(&path, fs::read(&path).expect_err(name)).to_string();
            assert!(error.starts_with("it does not exist: ") && !error.contains("os error"), "{error}");
        }
        assert_eq!(absent(&home.join("file")), None);
        assert!(must_be_expanded(Path::new("~/x")).is_err() && must_be_expanded(Path::new("a/~")).is_ok());
        fs::remove_dir_all(&home).expect("there");
    }
}
