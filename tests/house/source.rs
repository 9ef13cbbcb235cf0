//! The source files of a crate, and the arrows between them: which file uses which, by its `use` lines.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A source file of a crate.
pub struct Source {
    /// The path below the repository.
    pub path: String,
    /// The text without test modules.
    pub code: String,
    /// The module: `["networks", "layers", "dense"]`; empty for `lib.rs` and `main.rs`.
    module: Vec<String>,
}

impl Source {
    /// Whether the file has submodules beside it: `mod.rs`, `lib.rs` or `main.rs`.
    fn is_parent(&self) -> bool {
        ["mod.rs", "lib.rs", "main.rs"].iter().any(|name| self.path.ends_with(name))
    }
}

/// Reads the source files of a crate, without those that only tests compile.
pub fn read(root: &Path, name: &str) -> Vec<Source> {
    let src = root.join(name).join("src");
    let mut files = Vec::new();
    collect(&src, &mut files);
    files.sort();
    let mut sources: Vec<Source> = files
        .into_iter()
        .map(|file| {
            let below = file.strip_prefix(&src).expect("found there").with_extension("");
            let mut module: Vec<String> = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if ["mod", "lib", "main"].contains(&module.last().expect("a name").as_str()) {
                module.pop();
            }
            let code = without_tests(&fs::read_to_string(&file).expect("a source file"));
            let path = file.strip_prefix(root).expect("found there").display().to_string();
            Source { path, code, module }
        })
        .collect();
    let tests = test_modules(root, &sources);
    sources.retain(|source| !tests.iter().any(|test| source.module.starts_with(test)));
    sources
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Cuts `#[cfg(test)]` modules that stand in the text itself: by convention they are its end.
fn without_tests(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..end].to_owned()
}

/// Modules that `#[cfg(test)]` guards, each a file or folder of its own.
fn test_modules(root: &Path, sources: &[Source]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for source in sources {
        let text = fs::read_to_string(root.join(&source.path)).expect("a source file");
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for pair in lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]") {
            let name = pair[1].trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            if let Some(name) = name.strip_prefix("mod ").and_then(|name| name.strip_suffix(';')) {
                found.push(source.module.iter().cloned().chain([name.to_owned()]).collect());
            }
        }
    }
    found
}

/// An arrow: the first file uses the second.
pub type Arrow = (String, String);

/// The arrows between the files of a crate. A parent's `pub use` of its children is no arrow: a name that it re-exports stands for the
/// child's file.
pub fn arrows(sources: &[Source]) -> BTreeSet<Arrow> {
    let modules: BTreeMap<&[String], &Source> =
        sources.iter().map(|source| (source.module.as_slice(), source)).collect();
    let exports: BTreeMap<&str, BTreeMap<String, Vec<String>>> =
        sources.iter().map(|source| (source.path.as_str(), re_exports(source))).collect();
    let mut arrows = BTreeSet::new();
    for source in sources {
        for path in used_paths(source, false) {
            let target = resolve(&path, &modules, &exports);
            if let Some(target) = target.filter(|target| target.path != source.path) {
                arrows.insert((source.path.clone(), target.path.clone()));
            }
        }
    }
    arrows
}

/// The names that a parent re-exports from its children, each with its path from the crate's root.
fn re_exports(source: &Source) -> BTreeMap<String, Vec<String>> {
    if !source.is_parent() {
        return BTreeMap::new();
    }
    let paths = used_paths(source, true).into_iter();
    paths.filter_map(|path| Some((path.last()?.clone(), path))).collect()
}

/// The file that a path from the crate's root leads to.
fn resolve<'a>(
    path: &[String],
    modules: &BTreeMap<&[String], &'a Source>,
    exports: &BTreeMap<&str, BTreeMap<String, Vec<String>>>,
) -> Option<&'a Source> {
    let depth = (0..=path.len()).rev().find(|&depth| modules.contains_key(&path[..depth]))?;
    let source = modules[&path[..depth]];
    let exported = path.get(depth).and_then(|name| exports[source.path.as_str()].get(name));
    match exported {
        Some(exported) if exported != path => resolve(exported, modules, exports),
        _ => Some(source),
    }
}

/// The paths of a file's `use` items within its crate, from the crate's root; only `pub use` items, or only the others.
fn used_paths(source: &Source, public: bool) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = source.code.as_str();
    while let Some(at) = next_use(rest) {
        let line_start = rest[..at].rfind('\n').map_or(0, |end| end + 1);
        let is_public = rest[line_start..at].trim().starts_with("pub");
        let item = &rest[at + "use ".len()..];
        let end = item.find(';').unwrap_or(item.len());
        // The re-exports of a parent are its children's names, not arrows; other files have none.
        if is_public == public || (is_public && !source.is_parent()) {
            expand(&item[..end].split_whitespace().collect::<Vec<_>>().join(" "), &mut Vec::new(), &mut found);
        }
        rest = &item[end..];
    }
    found.into_iter().filter_map(|path| absolute(source, path)).collect()
}

/// The next `use` at the start of an item.
fn next_use(text: &str) -> Option<usize> {
    text.match_indices("use ").map(|(at, _)| at).find(|&at| {
        let line = &text[text[..at].rfind('\n').map_or(0, |end| end + 1)..at];
        matches!(line.trim(), "" | "pub" | "pub(crate)" | "pub(super)")
    })
}

/// Expands `a::{b, c::{d, self}}` into paths.
fn expand(item: &str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let item = item.trim();
    let head = item.find('{').unwrap_or(item.len());
    let names: Vec<&str> = item[..head].split("::").map(str::trim).filter(|name| !name.is_empty()).collect();
    let depth = prefix.len();
    prefix.extend(names.iter().map(|name| name.split(" as ").next().unwrap_or_default().to_owned()));
    if head == item.len() {
        let whole = prefix.iter().filter(|name| *name != "self" || prefix[0] == **name);
        found.push(whole.cloned().collect());
    } else {
        let inner = &item[head + 1..item.rfind('}').unwrap_or(item.len())];
        for part in split_at_commas(inner) {
            expand(part, prefix, found);
        }
    }
    prefix.truncate(depth);
}

/// Splits at commas outside braces.
fn split_at_commas(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

/// A path from the crate's root; none for a path into another crate.
fn absolute(source: &Source, path: Vec<String>) -> Option<Vec<String>> {
    let mut module = source.module.clone();
    let mut rest = path.as_slice();
    match rest.first().map(String::as_str) {
        Some("crate") => module.clear(),
        Some("self") => {}
        Some("super") => {
            while rest.first().is_some_and(|name| name == "super") {
                module.pop();
                rest = &rest[1..];
            }
            return Some(module.into_iter().chain(rest.iter().cloned()).collect());
        }
        _ => return None,
    }
    Some(module.into_iter().chain(rest[1..].iter().cloned()).collect())
}
