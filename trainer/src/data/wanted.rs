//! What a recipe wants to load: a place, its settings, a split; and the bound on memory.

use std::path::Path;

use duel_models::Shape;

use super::{
    data_set::{DataSet, Split},
    error::DataError,
};
use crate::recipe::Data;

/// A split of the data at a place, and the settings for it.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) path: &'a Path,
    pub(super) settings: &'a Data,
    pub(super) split: Split,
}

impl Wanted<'_> {
    /// The most bytes that pictures may take.
    pub(super) fn most(&self) -> usize {
        (self.settings.memory * 1e9) as usize
    }

    /// The split that is read: a set without a test split is read whole, and [`divided`](Self::divided).
    pub(super) fn read(&self, has_test: bool) -> Split {
        if has_test { self.split } else { Split::Train }
    }

    /// The wanted split of what was read.
    pub(super) fn divided(&self, data: DataSet, has_test: bool) -> Result<DataSet, DataError> {
        if has_test {
            return Ok(data);
        }
        data.divided(self.split).ok_or_else(|| DataError::NoTest(self.path.into()))
    }

    /// Makes the error for a file that is not what its name or its first bytes say.
    pub(super) fn malformed(&self, file: &Path, format: &'static str) -> impl Fn(String) -> DataError + use<> {
        let file = file.to_owned();
        move |why| DataError::Malformed { file: file.clone(), format, why }
    }
}

/// Refuses a set that takes more memory than `data.memory`, before the memory is taken.
pub(super) fn fits_memory(shape: Shape, count: usize, settings: &Data, path: &Path) -> Result<(), DataError> {
    let most = settings.memory * 1e9;
    let needed = (shape.size() as f64) * count as f64;
    if needed <= most {
        return Ok(());
    }
    let scale = (most / needed).sqrt();
    let smaller = [shape.height, shape.width].map(|side| (side as f64 * scale) as usize);
    let [height, width] = smaller;
    let remedy = match Shape::new(shape.channels, height, width) {
        Ok(_) if height == width => format!("--set data.size={height}, or "),
        Ok(_) => format!("--set data.size={height}x{width}, or "),
        Err(_) => String::new(),
    };
    Err(DataError::Memory { path: path.into(), count, shape, needed: needed / 1e9, most: settings.memory, remedy })
}
