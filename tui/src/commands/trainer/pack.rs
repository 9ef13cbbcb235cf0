//! `duel pack`: everything that a Raspberry Pi needs, in one directory.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use duel_runtime::Generator;

use crate::{files::write, generators::by_name, term::output::print};

/// Arguments of `duel pack`.
#[derive(Debug, Args)]
pub struct PackArgs {
    /// An ONNX file to pack beside the generators that are in the binary.
    #[arg(long, value_name = "FILE")]
    model: Option<String>,
    /// The machine to build for: aarch64-unknown-linux-gnu or -musl for a Raspberry Pi 3 or newer with a 64-bit system.
    #[arg(long, value_name = "TRIPLE", default_value = "aarch64-unknown-linux-gnu")]
    target: String,
    /// The directory to write.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

const UNIT: &str = include_str!("../../../pack/duel-clock.service");
const INSTALL: &str = include_str!("../../../pack/INSTALL.md");

/// Builds the binary without the trainer from duel's sources in the current directory, and writes it beside its systemd
/// unit and INSTALL.md.
pub fn run(args: PackArgs) -> Result<()> {
    let model = args.model.as_deref().map(by_name::read).transpose()?;
    if let (Some(bytes), Some(name)) = (&model, &args.model) {
        Generator::load(bytes).with_context(|| name.clone())?;
    }
    let binary = build(&args.target)?;
    fs::create_dir_all(&args.out).with_context(|| format!("cannot create {}", args.out.display()))?;
    let duel = args.out.join("duel");
    fs::copy(&binary, &duel).with_context(|| format!("cannot copy {} to {}", binary.display(), duel.display()))?;
    print(&format!("{}\n", duel.display()))?;
    let texts = [("duel-clock.service", UNIT.as_bytes()), ("INSTALL.md", INSTALL.as_bytes())];
    for (name, bytes) in texts.into_iter().chain(model.as_deref().map(|bytes| ("generator.onnx", bytes))) {
        let path = args.out.join(name);
        write::replace(&path, bytes)?;
        print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

/// Builds the binary for a target with cargo. An error names the tool that is missing.
fn build(target: &str) -> Result<PathBuf> {
    let sources = fs::read_to_string("Cargo.toml").unwrap_or_default();
    ensure!(
        sources.contains("duel-runtime"),
        "duel pack builds from duel's sources, which are not in this directory: run it in a clone of the repository"
    );
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let library = printed(&compiler, &["--print", "target-libdir", "--target", target]).with_context(|| {
        format!("--target {target}: the Rust compiler is not installed, or does not know this target")
    })?;
    ensure!(
        Path::new(library.trim()).is_dir(),
        "--target {target}: the standard library for it is missing; install it with `rustup target add {target}`"
    );
    let variable = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
    let host = printed(&compiler, &["-vV"]).unwrap_or_default();
    let native = host.lines().any(|line| line == format!("host: {target}"));
    let linker = match std::env::var_os(&variable) {
        Some(linker) => linker,
        None if native => "cc".into(),
        None => format!("{}-linux-gnu-gcc", target.split('-').next().unwrap_or_default()).into(),
    };
    if printed(&linker, &["--version"]).is_none() {
        let name = linker.to_string_lossy();
        bail!(
            "--target {target}: the linker {name} is missing; for 64-bit ARM, `apt install gcc-aarch64-linux-gnu` installs one; {variable} selects another"
        );
    }
    let status = Command::new("cargo")
        .args(["build", "--profile", "pi", "--package", "duel-tui", "--no-default-features", "--target", target])
        .env(&variable, &linker)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .status()
        .context("cannot run cargo, which comes with Rust: https://rustup.rs")?;
    ensure!(status.success(), "--target {target}: the build failed; cargo's messages above say why");
    let directory = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    Ok(directory.join(target).join("pi/duel"))
}

/// Returns what a program prints; none if it cannot run or fails.
fn printed(program: &OsStr, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
