//! Checks the rules of ARCHITECTURE.md: which crates, rooms and files may use each other, and how long files and
//! functions may be.

mod source;

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use self::source::{Arrow, arrows, read};

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests stand in the repository")
}

/// The rooms of each crate. A room is a folder or a file of `src`, and may use only the rooms that come before it in
/// this list.
const ROOMS: &[(&str, &[&str])] = &[
    ("models", &[]),
    (
        "trainer",
        &[
            "recipe",
            "data",
            "kernels",
            "networks",
            "run",
            "gan",
            "metrics",
            "diagnosis",
            "device",
            "training",
            "export",
            "doors",
            "lib",
        ],
    ),
    ("runtime", &[]),
    (
        "tui",
        &[
            "text",
            "term",
            "generators",
            "files",
            "runs",
            "watch",
            "explore",
            "clock",
            "frame",
            "report",
            "commands",
            "main",
        ],
    ),
];

/// Rooms that may not use each other, whatever their order in `ROOMS`.
const FEATURES: &[&str] = &["watch", "explore", "clock", "frame", "report"];

/// The most lines of a file.
const FILE_MAX: usize = 450;
/// The most lines of a function.
const FUNCTION_MAX: usize = 60;

/// The room of a file: `trainer/src/run/grid.rs` stands in `run`.
fn room(path: &str) -> &str {
    let below = path.split_once("/src/").map_or(path, |(_, below)| below);
    below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
}

#[test]
fn rooms_use_only_earlier_rooms_and_features_do_not_use_each_other() {
    for (name, rooms) in ROOMS.iter().filter(|(_, rooms)| !rooms.is_empty()) {
        let place = |path: &str| {
            rooms.iter().position(|other| *other == room(path)).unwrap_or_else(|| panic!("{path} stands in no room"))
        };
        for (from, to) in arrows(&read(root(), name)) {
            assert!(place(&to) <= place(&from), "{from} uses {to}, which is in a later room");
            let features = [&from, &to].map(|path| FEATURES.contains(&room(path)));
            assert!(
                features != [true, true] || room(&from) == room(&to),
                "{from} uses {to}, which is in another feature"
            );
        }
    }
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    for (name, _) in ROOMS {
        let arrows: Vec<Arrow> = arrows(&read(root(), name)).into_iter().collect();
        assert!(name == &"models" || arrows.len() > 5, "{name}: only {arrows:?}");
        if let Some(circle) = circle(&arrows) {
            panic!("a circle of files: {}", circle.join(" uses "));
        }
    }
}

/// Files that use each other in a circle; the first file is repeated at the end.
fn circle(arrows: &[Arrow]) -> Option<Vec<String>> {
    let mut used: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    arrows.iter().for_each(|(from, to)| used.entry(from).or_default().push(to));
    let mut done = Vec::new();
    used.keys().find_map(|start| follow(start, &used, &mut Vec::new(), &mut done))
}

fn follow<'a>(
    file: &'a str,
    used: &BTreeMap<&'a str, Vec<&'a str>>,
    trail: &mut Vec<&'a str>,
    done: &mut Vec<&'a str>,
) -> Option<Vec<String>> {
    if let Some(at) = trail.iter().position(|other| *other == file) {
        return Some(trail[at..].iter().chain([&file]).map(ToString::to_string).collect());
    }
    if done.contains(&file) {
        return None;
    }
    trail.push(file);
    let found = used.get(file).into_iter().flatten().find_map(|next| follow(next, used, trail, done));
    trail.pop();
    done.push(file);
    found
}

#[test]
fn the_checks_find_circles_and_uses_through_super_and_re_exports() {
    let arrow = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let straight = [arrow("a", "b"), arrow("b", "c"), arrow("a", "c")];
    assert_eq!(circle(&straight), None);
    let round = [&straight[..], &[arrow("c", "b")]].concat();
    assert_eq!(circle(&round).expect("b and c").len(), 3);
    let all = arrows(&read(root(), "trainer"));
    let there = |from: &str, to: &str| all.contains(&arrow(from, to));
    // The first use is a `use super::…` with braces, the second a name that the parent module re-exports.
    assert!(there("trainer/src/gan/step.rs", "trainer/src/gan/duel.rs"), "{all:?}");
    assert!(there("trainer/src/training/run_loop.rs", "trainer/src/gan/duel.rs"), "{all:?}");
}

#[test]
fn files_and_functions_are_not_too_long() {
    let mut found = Vec::new();
    for name in ["models", "trainer", "runtime", "tui", "tests"] {
        for entry in walk(&root().join(name)) {
            let text = fs::read_to_string(&entry).expect("a source file");
            let path = entry.strip_prefix(root()).expect("found there").display().to_string();
            if text.lines().count() > FILE_MAX {
                found.push(format!("{path}: {} lines", text.lines().count()));
            }
            found.extend(
                long_functions(&text).into_iter().map(|(name, lines)| format!("{path}: {name}, {lines} lines")),
            );
        }
    }
    assert!(
        found.is_empty(),
        "longer than {FILE_MAX} lines, or functions longer than {FUNCTION_MAX}:\n{}",
        found.join("\n")
    );
}

/// The Rust files below a directory, without build outputs.
fn walk(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path());
    let mut found = Vec::new();
    for path in entries {
        if path.is_dir() && !path.ends_with("target") {
            found.extend(walk(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Functions that are too long, with their lines: from `fn` to the brace at the same indentation, as rustfmt writes it.
fn long_functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let words: Vec<&str> = line.split_whitespace().take_while(|word| !word.contains('(')).collect();
        let Some(at_fn) = line.split_whitespace().position(|word| word == "fn") else { continue };
        let modifiers = ["pub", "pub(crate)", "pub(super)", "const", "unsafe", "async", "extern"];
        if at_fn > words.len() || !words.iter().take(at_fn).all(|word| modifiers.contains(word)) || line.ends_with(';')
        {
            continue;
        }
        let end = format!("{indent}}}");
        let length = lines[at..].iter().position(|other| **other == *end).map_or(0, |last| last + 1);
        if length > FUNCTION_MAX {
            found.push((line.trim().to_owned(), length));
        }
    }
    found
}

/// The names of all crates that `package` is built from, with these flags.
fn tree(package: &str, flags: &[&str]) -> Vec<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--offline", "--edges", "normal,build", "--prefix", "none", "--package", package]);
    let output = cargo.args(flags).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn crates_depend_on_no_forbidden_crate() {
    for (package, flags, forbidden) in [
        ("duel-models", &[][..], &["candle-core", "tract-core", "serde", "duel-trainer", "duel-runtime"][..]),
        ("duel-trainer", &[], &["ratatui", "crossterm", "indicatif", "clap", "tract-core", "duel-runtime", "duel-tui"]),
        ("duel-runtime", &[], &["ratatui", "crossterm", "candle-core", "duel-trainer"]),
        // The build of a Raspberry Pi has no trainer in it, and nothing that needs protoc.
        ("duel-tui", &["--no-default-features"], &["candle-core", "candle-onnx", "prost-build", "duel-trainer"]),
    ] {
        let crates = tree(package, flags);
        assert!(crates.iter().any(|name| name == package), "{crates:?}");
        for name in forbidden {
            assert!(!crates.iter().any(|found| found == name), "{package} {flags:?} is built from {name}");
        }
    }
}

#[test]
fn unsafe_code_stands_in_one_file() {
    let found = Command::new("grep")
        .args(["-rl", "--include=*.rs", "allow(unsafe_code)", "models", "trainer", "runtime", "tui"])
        .current_dir(root())
        .output()
        .expect("grep");
    assert_eq!(String::from_utf8_lossy(&found.stdout), "trainer/src/kernels/gemm.rs\n");
}
