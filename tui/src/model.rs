//! A generator by its name or its file.

use std::{
    fs::{self, File},
    io::{self, Read},
};

use anyhow::{Context, Result};
use clap::Args;
use duel_models::{SHIPPED, shipped};
use duel_runtime::Generator;

/// As many bytes of a file as are read: more than the runtime takes, so that it is the runtime that refuses.
const READ_MAX: u64 = 25 << 20;

/// Which generator.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// A shipped model or an ONNX file that `duel export` wrote [default: the first that is shipped].
    #[arg(long, value_name = "NAME|FILE")]
    model: Option<String>,
}

impl ModelArgs {
    /// The shipped generator of that name, else the one in that file.
    pub fn load(&self) -> Result<Generator> {
        match &self.model {
            None => Generator::load(SHIPPED[0].onnx).context(SHIPPED[0].name),
            Some(name) => match shipped(name) {
                Some(shipped) => Generator::load(shipped.onnx).with_context(|| name.clone()),
                None => Generator::load(&read(name)?).with_context(|| name.clone()),
            },
        }
    }
}

/// The bytes of a model's file.
pub fn read(name: &str) -> Result<Vec<u8>> {
    let bytes = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // A pipe might never end, or never begin.
        if !fs::metadata(name)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
        }
        File::open(name)?.take(READ_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    bytes().with_context(|| {
        let names: String = SHIPPED.iter().map(|shipped| format!("{}, ", shipped.name)).collect();
        format!("cannot read {name}: a model is one of {names}or an ONNX file that `duel export` wrote")
    })
}
