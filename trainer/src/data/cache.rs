//! Decoded pictures and the classifiers that judge them, kept for the next training: safetensors files under `$XDG_CACHE_HOME/duel/pictures`.
//!
//! The cache saves time and nothing else: a file that is absent, damaged or cannot be written makes no difference to
//! the data.

use std::{
    collections::HashMap,
    env,
    fs::{self, File},
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use duel_models::{Shape, files};
use safetensors::{
    Dtype,
    tensor::{Metadata, TensorInfo},
};
use sha2::{Digest, Sha256};

use super::{
    collection::Entry,
    data_set::{DataSet, Split},
    layout::Layout,
    survey::Survey,
};
use crate::recipe::Data;

/// Changes whenever the same pictures would be decoded to other bytes.
const VERSION: &str = "duel pictures 1";
/// The most bytes of all files together; the files that were not used for the longest time are removed first.
const BYTES_MAX: u64 = 8_000_000_000;
/// The longest header of a file, in bytes.
const HEADER_MAX: usize = 1 << 20;

/// The name of the file for these pictures: a hash of the names, sizes and times of the files that they are made of, of
/// their labels, and of the settings that change their pixels.
pub(super) fn key(settings: &Data, split: Split, pictures: &[&Entry], layout: &Layout) -> String {
    let Data { size, crop, colour, background, .. } = settings;
    let mut hash = Sha256::new();
    hash.update(format!("{VERSION} {size} {crop:?} {colour:?} {background} {split:?}\n"));
    for entry in pictures {
        for part in &entry.path {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        entry.stamp.iter().for_each(|number| hash.update(number.to_le_bytes()));
    }
    hash.update(format!("{:?}", (&layout.labels, &layout.names, &layout.notes)));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `$XDG_CACHE_HOME/duel/pictures`, or `~/.cache/duel/pictures`; none without either. Tests of this crate keep nothing.
fn folder() -> Option<PathBuf> {
    if cfg!(test) {
        return None;
    }
    let set = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(cache.join("duel/pictures"))
}

/// Returns the pictures of this key; none if they are not kept.
pub(super) fn load(key: &str) -> Option<DataSet> {
    let path = folder()?.join(key);
    let data = read(&path)?;
    touch(&path);
    Some(data)
}

/// Returns the bytes of this key, at most `most`; none if they are not kept.
pub(crate) fn load_bytes(key: &str, most: u64) -> Option<Vec<u8>> {
    let path = folder()?.join(key);
    let bytes = files::read_small(&path, most).ok()?;
    touch(&path);
    Some(bytes)
}

/// Sets the time of the last use, which decides which files are removed.
fn touch(path: &Path) {
    let _ = File::options().append(true).open(path).and_then(|file| file.set_modified(SystemTime::now()));
}

fn read(path: &Path) -> Option<DataSet> {
    let mut file = files::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let mut count = [0; 8];
    file.read_exact(&mut count).ok()?;
    let header = usize::try_from(u64::from_le_bytes(count)).ok().filter(|&header| header <= HEADER_MAX)?;
    let mut text = vec![0; header];
    file.read_exact(&mut text).ok()?;
    // Metadata check that the tensors lie behind each other.
    let metadata: Metadata = serde_json::from_slice(&text).ok()?;
    let begin = 8 + header as u64;
    if metadata.data_len() as u64 != length - begin {
        return None;
    }
    let shape: Shape = metadata.metadata().as_ref()?.get("shape")?.parse().ok()?;
    let text = |name: &str| metadata.metadata().as_ref()?.get(name);
    let class_names: Vec<String> = serde_json::from_str(text("class_names")?).ok()?;
    let survey: Survey = serde_json::from_str(text("survey")?).ok()?;
    let mut tensor = |name: &str| {
        let (from, to) = metadata.info(name)?.data_offsets;
        let mut bytes = vec![0; to - from];
        file.seek(SeekFrom::Start(begin + from as u64)).ok()?;
        file.read_exact(&mut bytes).ok()?;
        Some(bytes)
    };
    let (images, labels) = (tensor("images")?, tensor("labels")?);
    let data = DataSet { class_names, survey, ..DataSet::new(shape, images, labels) };
    (data.len() * shape.size() == data.images.len() && (data.labels.is_empty() || data.labels.len() == data.len()))
        .then_some(data)
}

/// Keeps the pictures of this key, and removes old files beyond the bound.
pub(super) fn store(key: &str, data: &DataSet) {
    keep(key, data.images.len() as u64, |path| write(path, data));
}

/// Keeps bytes under this key, and removes old files beyond the bound.
pub(crate) fn store_bytes(key: &str, bytes: &[u8]) {
    keep(key, bytes.len() as u64, |path| fs::write(path, bytes));
}

fn keep(key: &str, length: u64, write: impl FnOnce(&Path) -> io::Result<()>) {
    let Some(folder) = folder() else { return };
    if length > BYTES_MAX || fs::create_dir_all(&folder).is_err() {
        return;
    }
    sweep(&folder, BYTES_MAX - length);
    let temporary = folder.join(format!("{key}.{}.tmp", std::process::id()));
    if write(&temporary).and_then(|()| fs::rename(&temporary, folder.join(key))).is_err() {
        // Another program may have removed the folder; a cache that is not written costs time only.
        let _ = fs::remove_file(&temporary);
    }
}

/// Writes header and pictures as they stand in memory; `safetensors::serialize` would copy the pictures.
fn write(path: &Path, data: &DataSet) -> io::Result<()> {
    let json = |text: serde_json::Result<String>| text.map_err(io::Error::other);
    let facts = HashMap::from([
        ("shape".to_owned(), data.shape.to_string()),
        ("class_names".to_owned(), json(serde_json::to_string(&data.class_names))?),
        ("survey".to_owned(), json(serde_json::to_string(&data.survey))?),
    ]);
    let (images, labels) = (data.images.len(), data.labels.len());
    let tensor = |length: usize, from: usize| TensorInfo {
        dtype: Dtype::U8,
        shape: vec![length],
        data_offsets: (from, from + length),
    };
    let tensors = vec![("images".to_owned(), tensor(images, 0)), ("labels".to_owned(), tensor(labels, images))];
    let metadata = Metadata::new(Some(facts), tensors).map_err(io::Error::other)?;
    let header = json(serde_json::to_string(&metadata))?;
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    file.write_all(&data.images)?;
    file.write_all(&data.labels)?;
    // No sync: after a power cut the length of the file tells that it is not whole.
    file.flush()
}

/// Removes the files that were not used for the longest time, until all have at most `most` bytes.
fn sweep(folder: &Path, most: u64) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let data = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            Some((data.modified().ok()?, data.len(), entry.path()))
        })
        .collect();
    files.sort();
    let mut total: u64 = files.iter().map(|(_, length, _)| length).sum();
    for (_, length, path) in files {
        if total <= most {
            break;
        }
        if fs::remove_file(path).is_ok() {
            total -= length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> DataSet {
        let shape = "3x8x9".parse().expect("a shape");
        let survey = Survey { kind: "folder".to_owned(), duplicates: 1, ..Survey::default() };
        let names = ["cat", "dog"].map(str::to_owned).to_vec();
        DataSet { class_names: names, survey, ..DataSet::new(shape, vec![7; 2 * 216], vec![1, 0]) }
    }

    #[test]
    fn what_is_kept_is_read_again_and_a_damaged_file_is_not() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("key");
        write(&path, &data()).expect("space");
        assert_eq!(read(&path), Some(data()));
        let whole = fs::read(&path).expect("just written");
        for length in [0, 4, 8, 100, whole.len() - 1] {
            fs::write(&path, &whole[..length]).expect("space");
            assert_eq!(read(&path), None, "{length} bytes");
        }
        fs::write(&path, [&u64::MAX.to_le_bytes()[..], &whole[8..]].concat()).expect("space");
        assert_eq!(read(&path), None);
    }

    #[test]
    fn the_files_used_last_are_kept() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for (age, name) in [(30, "a"), (10, "b"), (20, "c")] {
            fs::write(dir.path().join(name), [0; 100]).expect("space");
            let file = File::options().append(true).open(dir.path().join(name)).expect("just written");
            file.set_modified(SystemTime::now() - std::time::Duration::from_secs(age)).expect("a time");
        }
        sweep(dir.path(), 150);
        let left: Vec<_> = fs::read_dir(dir.path()).expect("it is there").flatten().map(|e| e.file_name()).collect();
        assert_eq!(left, ["b"]);
    }
}
