//! A generator by its name or its file.

use std::{borrow::Cow, path::Path};

use anyhow::{Context, Result};
use clap::Args;
use duel_models::{SHIPPED, files, shipped};
use duel_runtime::{BYTES_MAX, Generator};

/// The most bytes that are read of a file: one more than the runtime accepts, so that its error names the size.
const READ_MAX: u64 = BYTES_MAX as u64 + 1;

/// Arguments that select a generator.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// A shipped model or an ONNX file that `duel export` wrote [default: the first that is shipped].
    #[arg(long, value_name = "NAME|FILE")]
    model: Option<String>,
}

impl ModelArgs {
    /// Loads the generator.
    pub fn load(&self) -> Result<Generator> {
        let name = self.model.as_deref().unwrap_or(SHIPPED[0].name);
        Generator::load(&read(name)?).with_context(|| name.to_owned())
    }
}

/// Returns the bytes of the shipped generator of that name, or else of the file.
pub fn read(name: &str) -> Result<Cow<'static, [u8]>> {
    if let Some(shipped) = shipped(name) {
        return Ok(shipped.onnx.into());
    }
    let bytes = files::read_start(Path::new(name), READ_MAX).with_context(|| {
        let names: String = SHIPPED.iter().map(|shipped| format!("{}, ", shipped.name)).collect();
        format!("cannot read {name}: a model is one of {names}or an ONNX file that `duel export` wrote")
    })?;
    Ok(bytes.into())
}
