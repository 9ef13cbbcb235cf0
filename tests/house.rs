//! What ARCHITECTURE.md says of the crates, held against what cargo says.

use std::process::Command;

/// The names of all crates that `package` is built of, with these flags.
fn tree(package: &str, flags: &[&str]) -> Vec<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--offline", "--edges", "normal,build", "--prefix", "none", "--package", package]);
    let output = cargo.args(flags).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn crates_know_only_what_they_may() {
    for (package, flags, forbidden) in [
        ("duel-models", &[][..], &["candle-core", "tract-core", "serde", "duel-trainer", "duel-runtime"][..]),
        ("duel-trainer", &[], &["ratatui", "crossterm", "indicatif", "clap", "tract-core", "duel-runtime", "duel-tui"]),
        ("duel-runtime", &[], &["ratatui", "crossterm", "candle-core", "duel-trainer"]),
        // What a Raspberry Pi builds: no trainer, and nothing that needs protoc.
        ("duel-tui", &["--no-default-features"], &["candle-core", "candle-onnx", "prost-build", "duel-trainer"]),
    ] {
        let crates = tree(package, flags);
        assert!(crates.iter().any(|name| name == package), "{crates:?}");
        for name in forbidden {
            assert!(!crates.iter().any(|found| found == name), "{package} {flags:?} is built of {name}");
        }
    }
}

#[test]
fn unsafe_code_stands_where_architecture_says() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let found = Command::new("grep")
        .args(["-rl", "--include=*.rs", "allow(unsafe_code)", "models", "trainer", "runtime", "tui"])
        .current_dir(root)
        .output()
        .expect("grep");
    assert_eq!(String::from_utf8_lossy(&found.stdout), "trainer/src/kernels/gemm.rs\n");
}
