//! `duel pack`: everything that a Raspberry Pi needs, in one directory.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use duel_models::files;
use duel_runtime::{BYTES_MAX, Generator};

use crate::{files::write, term::output::print};

/// Arguments of `duel pack`.
#[derive(Debug, Args)]
pub struct PackArgs {
    /// An ONNX file that `duel export` wrote: its generator stands in the binary, and is the one that the binary draws
    /// with unless --model names another [default: only the generators that ship].
    #[arg(long, value_name = "FILE")]
    model: Option<String>,
    /// The machine to build for: aarch64-unknown-linux-gnu or -musl for a Raspberry Pi 3 or newer with a 64-bit system.
    #[arg(long, value_name = "TRIPLE", default_value = "aarch64-unknown-linux-gnu")]
    target: String,
    /// The directory to write.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace files that are not of `duel pack`.
    #[arg(long)]
    force: bool,
}

/// The files beside the binary.
const BESIDE: [(&str, &str); 4] = [
    ("duel-clock.service", include_str!("../../../pack/duel-clock.service")),
    ("duel-frame.service", include_str!("../../../pack/duel-frame.service")),
    ("duel-panel.service", include_str!("../../../pack/duel-panel.service")),
    ("INSTALL.md", include_str!("../../../pack/INSTALL.md")),
];

/// Builds the binary without the trainer from duel's sources in the current directory, and writes it beside its systemd
/// units and INSTALL.md.
pub fn run(args: PackArgs) -> Result<()> {
    write::must_be_directory("--out", &args.out)?;
    must_be_free(&args.out, args.force)?;
    let model = args.model.as_deref().map(checked).transpose()?;
    let binary = build(&args.target, model.as_deref())?;
    fs::create_dir_all(&args.out).with_context(|| format!("cannot create {}", args.out.display()))?;
    let duel = args.out.join("duel");
    fs::copy(&binary, &duel).with_context(|| format!("cannot copy {} to {}", binary.display(), duel.display()))?;
    print(&format!("{}\n", duel.display()))?;
    for (name, text) in BESIDE {
        let path = args.out.join(name);
        write::replace(&path, text.as_bytes())?;
        print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

/// Fails if files in `out` would be replaced, unless INSTALL.md shows that they are of `duel pack`: it begins as the one
/// that is written, up to the first command.
fn must_be_free(out: &Path, force: bool) -> Result<()> {
    let [.., (guide, text)] = BESIDE;
    let begin = text.split("```").next().unwrap_or(text);
    let ours = files::read_start(&out.join(guide), begin.len() as u64).is_ok_and(|start| start == begin.as_bytes());
    let names = ["duel"].into_iter().chain(BESIDE.map(|(name, _)| name));
    let paths: Vec<PathBuf> = names.map(|name| out.join(name)).collect();
    write::must_be_free(&paths, " and is not of `duel pack`", force || ours)
}

/// Checks that a file holds a generator; returns its whole path.
fn checked(model: &str) -> Result<PathBuf> {
    let flag = || format!("--model {model}");
    let bytes = files::read_start(Path::new(model), BYTES_MAX as u64 + 1).with_context(flag)?;
    Generator::load(&bytes).with_context(flag)?;
    fs::canonicalize(model).with_context(flag)
}

/// Builds the binary for a target with cargo, with the generator in the file `model` inside. An error names the tool that
/// is missing.
fn build(target: &str, model: Option<&Path>) -> Result<PathBuf> {
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
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--profile", "pi", "--package", "duel-tui", "--no-default-features", "--target", target]);
    cargo.env(&variable, &linker).env("RUSTFLAGS", "-C target-feature=+crt-static");
    if let Some(model) = model {
        cargo.args(["--features", "packed"]).env("DUEL_MODEL", model);
    }
    let status = cargo.status().context("cannot run cargo, which comes with Rust: https://rustup.rs")?;
    ensure!(status.success(), "--target {target}: the build failed; cargo's messages above say why");
    let directory = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    Ok(directory.join(target).join("pi/duel"))
}

/// Returns what a program prints; none if it cannot run or fails.
fn printed(program: &OsStr, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
