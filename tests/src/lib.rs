//! Helpers of the tests: the built program, recorded run directories, hand-made models, damaged files, and a terminal.

pub mod doors;
pub mod generator;
pub mod graphs;
pub mod pty;
pub mod recorded;
pub mod seeds;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Returns a command that runs `duel`, without the defaults of the developer who runs the tests.
pub fn command() -> Command {
    let mut command = Command::new(duel());
    command.env("XDG_CONFIG_HOME", NO_DEFAULTS);
    command
}

/// A directory without a file of defaults.
pub const NO_DEFAULTS: &str = "/nonexistent";

/// Builds `duel` once for each test process, in the profile of the tests, and returns its path.
pub fn duel() -> &'static Path {
    static DUEL: OnceLock<PathBuf> = OnceLock::new();
    DUEL.get_or_init(|| {
        let test = std::env::current_exe().expect("a test has a file");
        // target/<profile>/deps/<test>
        let directory = test.parent().and_then(Path::parent).expect("a test lies in target/<profile>/deps");
        let mut build = Command::new(env!("CARGO"));
        // An alias of .cargo/config.toml.
        build.arg("tested");
        if directory.ends_with("release") {
            build.arg("--release");
        }
        let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo");
        assert!(built.success(), "duel does not build");
        directory.join("duel")
    })
}
