//! `dataset.json`, the labels of stylegan's data sets: <https://github.com/NVlabs/stylegan3#preparing-datasets>.

use std::{collections::HashMap, path::Path};

use duel_models::text::showable;
use serde::Deserialize;

use super::{
    collection::{Collection, Entry},
    error::DataError,
    labels,
    layout::Layout,
};

/// The longest file, in bytes: 2 million pictures with names of 60 bytes.
const LENGTH_MAX: u64 = 256 << 20;

/// The labels of a `dataset.json`, by the path of each picture from the folder of the file on.
#[derive(Debug)]
pub(super) struct FileLabels {
    folder: Vec<Vec<u8>>,
    /// None if the file says that the pictures have no classes.
    labels: Option<HashMap<Vec<u8>, i64>>,
}

#[derive(Deserialize)]
struct File {
    /// `null` for a set without labels; else name and label of each picture. A label that is a list, such as a pose, is
    /// no class.
    labels: Option<Vec<(String, serde_json::Value)>>,
}

/// Whether a file is a `dataset.json`.
pub(super) fn is_it(entry: &Entry) -> bool {
    entry.path.last().is_some_and(|name| name == b"dataset.json")
}

/// Reads the `dataset.json` nearest to the top; none if there is no such file.
pub(super) fn read(collection: &Collection, path: &Path) -> Result<Option<FileLabels>, DataError> {
    let files = collection.entries.iter().filter(|entry| is_it(entry));
    let Some(entry) = files.min_by_key(|entry| entry.path.len()) else { return Ok(None) };
    let malformed = |why: String| DataError::Malformed { file: path.join(entry.name()), format: "dataset.json", why };
    let bytes = collection.reader().start(entry, LENGTH_MAX + 1).map_err(malformed)?;
    if bytes.len() as u64 > LENGTH_MAX {
        return Err(malformed(format!("it has more than {LENGTH_MAX} bytes")));
    }
    let file: File = serde_json::from_slice(&bytes).map_err(|why| malformed(showable(&why.to_string())))?;
    let labels = match file.labels {
        Some(rows) => classes(rows).map_err(malformed)?,
        None => None,
    };
    Ok(Some(FileLabels { folder: entry.path[..entry.path.len() - 1].to_vec(), labels }))
}

/// The label of each name; none if the labels are no whole numbers. The error is the reason.
fn classes(rows: Vec<(String, serde_json::Value)>) -> Result<Option<HashMap<Vec<u8>, i64>>, String> {
    let mut labels = HashMap::new();
    for (name, label) in rows {
        let Some(label) = label.as_i64() else { return Ok(None) };
        let shown = showable(&name);
        if labels.insert(name.into_bytes(), label).is_some_and(|other| other != label) {
            return Err(format!("{shown} has two labels"));
        }
    }
    Ok((!labels.is_empty()).then_some(labels))
}

impl FileLabels {
    /// Replaces the labels of folders. If a picture has no label here, no picture has one, and a note says so.
    pub(super) fn apply(&self, layout: &mut Layout, paths: &[&[Vec<u8>]]) {
        (layout.labels, layout.names) = (Vec::new(), Vec::new());
        let Some(labels) = &self.labels else { return };
        let label = |&at: &usize| {
            let below = paths[at].strip_prefix(self.folder.as_slice())?;
            labels.get(&below.join(&b'/')).copied()
        };
        let found: Vec<Option<i64>> = layout.pictures.iter().map(label).collect();
        let unlabelled = found.iter().filter(|label| label.is_none()).count();
        if unlabelled > 0 {
            layout
                .notes
                .push(format!("dataset.json has no label for {unlabelled} pictures, so its labels are not used"));
            return;
        }
        let all: Vec<i64> = labels.values().copied().collect();
        match labels::numbered(&found.into_iter().flatten().collect::<Vec<_>>(), &all) {
            Ok((labels, names)) => (layout.labels, layout.names) = (labels, names),
            Err(why) => layout.notes.push(format!("the labels of dataset.json are not used: {why}")),
        }
    }
}
