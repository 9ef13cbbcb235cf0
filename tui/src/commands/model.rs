//! The generator that a command draws with.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;
#[cfg(feature = "train")]
use clap_complete::engine::ArgValueCompleter;
use duel_models::{SHIPPED, files, shipped};
use duel_runtime::{BYTES_MAX, Generator};

#[cfg(feature = "train")]
use super::trainer::completions::models;
#[cfg(feature = "train")]
use crate::runs::{find, restore};

/// The most bytes that are read of a file: one more than the runtime accepts, so that its error names the size.
const READ_MAX: u64 = BYTES_MAX as u64 + 1;

/// Arguments that select a generator.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// A shipped model, a run, or what `duel export` wrote: an ONNX file, or its directory [default: the first that is
    /// shipped].
    #[arg(long, value_name = "NAME|RUN|PATH")]
    #[cfg_attr(feature = "train", arg(add = ArgValueCompleter::new(models)))]
    model: Option<String>,
}

impl ModelArgs {
    /// Loads the generator.
    pub fn load(&self) -> Result<Generator> {
        let name = self.model.as_deref().unwrap_or(SHIPPED[0].name);
        Generator::load(&read(name)?).with_context(|| name.to_owned())
    }
}

/// Returns the bytes of a generator: of the shipped one of that name, or else of the run, the directory of an export, or
/// the file.
pub fn read(name: &str) -> Result<Cow<'static, [u8]>> {
    if let Some(shipped) = shipped(name) {
        return Ok(shipped.onnx.into());
    }
    let path = Path::new(name);
    #[cfg(feature = "train")]
    if let Some(run) = Some(find::named(path)).filter(|run| find::is_run(run)) {
        return Ok(restore::onnx(&restore::best(&run)?)?.into());
    }
    let bytes = files::read_start(&file(path), READ_MAX).with_context(|| {
        let names: String = SHIPPED.iter().map(|shipped| format!("{}, ", shipped.name)).collect();
        format!("cannot read {name}: a model is one of {names}a run, or what `duel export` wrote")
    })?;
    Ok(bytes.into())
}

/// The name of the ONNX file in the directory of an export.
pub const FILE: &str = "generator.onnx";

/// Tells whether a directory is one that `duel export` wrote.
#[cfg(feature = "train")]
pub fn is_export(dir: &Path) -> bool {
    dir.join(FILE).is_file()
}

/// The ONNX file that a path means: that of an export, if it is the directory of one.
fn file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(FILE) } else { path.to_owned() }
}
