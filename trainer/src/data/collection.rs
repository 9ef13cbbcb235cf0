//! The files of a folder or a zip archive: their names, and their bytes.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use duel_models::{files, text::showable};
use walkdir::WalkDir;
use zip::ZipArchive;

use super::error::DataError;

/// The longest encoded picture, in bytes. Photographs of 50 megapixels as PNG have some 100 MB.
const FILE_MAX: u64 = 128 << 20;
/// The most files of a folder or archive.
const FILES_MAX: usize = 2_000_000;
/// The deepest folder, counted from the top.
const DEPTH_MAX: usize = 32;

/// A file of a collection.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The path below the top, in parts, as bytes: a name need not be UTF-8.
    pub(super) path: Vec<Vec<u8>>,
    /// What changes when the file does: its size, and its time (of a folder) or checksum (of an archive).
    pub(super) stamp: [u64; 2],
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    Member(usize),
}

impl Entry {
    /// The path as text, for messages.
    pub(super) fn name(&self) -> String {
        let parts: Vec<_> = self.path.iter().map(|part| String::from_utf8_lossy(part)).collect();
        showable(&parts.join("/"))
    }

    /// The folders around a file of a folder.
    fn folders(&self) -> impl Iterator<Item = &Path> {
        let path = match &self.place {
            Place::File(path) => path.as_path(),
            Place::Member(_) => Path::new(""),
        };
        path.ancestors().skip(1)
    }

    /// Whether the file has this name and stands in no folder.
    pub(super) fn is_at_top(&self, name: &str) -> bool {
        self.path.len() == 1 && self.path[0] == name.as_bytes()
    }

    /// The extension in lower case; empty if there is none.
    pub(super) fn extension(&self) -> String {
        let name = String::from_utf8_lossy(self.path.last().map_or(&[], Vec::as_slice)).to_lowercase();
        name.rsplit_once('.').map(|(_, extension)| extension.to_owned()).unwrap_or_default()
    }

    /// Whether an operating system or an archiver put the file there, or one of its folders: `._cat.png`,
    /// `__MACOSX/cat.png`, `.thumbnails/1.png`.
    pub(super) fn is_hidden(&self) -> bool {
        self.path.iter().any(|part| part.starts_with(b".") || part == b"__MACOSX" || part == b"@eaDir")
    }
}

/// The files of a folder or archive, sorted by path.
#[derive(Debug)]
pub(super) struct Collection {
    /// `folder` or `zip`.
    pub(super) kind: &'static str,
    /// The files.
    pub(super) entries: Vec<Entry>,
    /// Sentences on what is odd.
    pub(super) notes: Vec<String>,
    /// Name and reason of each file or folder that cannot be listed.
    pub(super) unreadable: Vec<[String; 2]>,
    archive: Option<ZipArchive<SharedFile>>,
}

impl Collection {
    /// Lists the files of a folder and of its subfolders. Links are followed; a loop of links is left out with a note.
    pub(super) fn folder(top: &Path) -> Result<Self, DataError> {
        let mut found =
            Self { kind: "folder", entries: Vec::new(), notes: Vec::new(), unreadable: Vec::new(), archive: None };
        let mut folders = Vec::new();
        for entry in WalkDir::new(top).follow_links(true).max_depth(DEPTH_MAX).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_file() => {
                    let path = entry.path().strip_prefix(top).unwrap_or(entry.path());
                    let stamp = entry.metadata().map_or([0; 2], |data| {
                        let time = data.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                        [data.len(), time.map_or(0, |time| time.as_nanos() as u64)]
                    });
                    let path = path.iter().map(|part| OsStr::as_encoded_bytes(part).to_vec()).collect();
                    found.entries.push(Entry { path, stamp, place: Place::File(entry.into_path()) });
                }
                Ok(entry) if entry.file_type().is_dir() => folders.push(entry.into_path()),
                Ok(entry) => {
                    let name = entry.path().strip_prefix(top).unwrap_or(entry.path());
                    let name = showable(&name.to_string_lossy());
                    found.unreadable.push([name, "it is not a regular file".to_owned()]);
                }
                Err(error) => found.add_failure(top, &error)?,
            }
            if found.entries.len() > FILES_MAX {
                return Err(DataError::TooManyFiles { path: top.into(), most: FILES_MAX });
            }
        }
        found.note_empty(top, &folders);
        Ok(found)
    }

    /// Notes the folders without files, such as a class whose pictures are missing.
    fn note_empty(&mut self, top: &Path, folders: &[PathBuf]) {
        let filled: HashSet<&Path> = self.entries.iter().flat_map(Entry::folders).collect();
        let empty: Vec<&PathBuf> =
            folders.iter().filter(|folder| *folder != top && !filled.contains(folder.as_path())).collect();
        if let Some(first) = empty.first() {
            let name = showable(&first.strip_prefix(top).unwrap_or(first).to_string_lossy());
            self.notes.push(match empty.len() {
                1 => format!("the folder {name} is empty"),
                count => format!("{count} folders are empty, the first is {name}"),
            });
        }
    }

    fn add_failure(&mut self, top: &Path, error: &walkdir::Error) -> Result<(), DataError> {
        let path = error.path().unwrap_or(top);
        let name = showable(&path.strip_prefix(top).unwrap_or(path).to_string_lossy());
        if error.loop_ancestor().is_some() {
            self.notes.push(format!("{name} is a link to a folder around it: it is left out"));
            return Ok(());
        }
        let why = error.io_error().map_or_else(|| error.to_string(), io::Error::to_string);
        if error.depth() == 0 {
            return Err(DataError::Unreadable { file: path.into(), why: io::Error::other(why) });
        }
        self.unreadable.push([name, why]);
        Ok(())
    }

    /// Lists the members of a zip archive.
    pub(super) fn zip(file: &Path) -> Result<Self, DataError> {
        let opened = files::open(file).map_err(|why| DataError::Unreadable { file: file.into(), why })?;
        Self::archive(SharedFile::File(Arc::new(opened), 0), file)
    }

    /// Lists the members of a zip archive in memory; `name` stands for it in errors.
    pub(super) fn bytes(bytes: Arc<[u8]>, name: &Path) -> Result<Self, DataError> {
        Self::archive(SharedFile::Bytes(io::Cursor::new(bytes)), name)
    }

    fn archive(file: SharedFile, path: &Path) -> Result<Self, DataError> {
        let malformed = |why: String| DataError::Malformed { file: path.into(), format: "zip", why };
        let mut archive = ZipArchive::new(file).map_err(|error| malformed(showable(&error.to_string())))?;
        if archive.len() > FILES_MAX {
            return Err(DataError::TooManyFiles { path: path.into(), most: FILES_MAX });
        }
        let mut entries = Vec::with_capacity(archive.len());
        for index in 0..archive.len() {
            let member = archive.by_index_raw(index).map_err(|error| malformed(showable(&error.to_string())))?;
            if member.is_dir() {
                continue;
            }
            let parts = member.name_raw().split(|&byte| byte == b'/' || byte == b'\\');
            let path = parts.filter(|part| !part.is_empty() && *part != b"." && *part != b"..");
            let path: Vec<_> = path.map(<[u8]>::to_vec).collect();
            let stamp = [member.size(), member.crc32().into()];
            if !path.is_empty() {
                entries.push(Entry { path, stamp, place: Place::Member(index) });
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        let mut notes = Vec::new();
        if archive.has_duplicate_names() {
            notes.push("several members of the archive have one name: only the last of each name is read".to_owned());
        }
        Ok(Self { kind: "zip", entries, notes, unreadable: Vec::new(), archive: Some(archive) })
    }

    /// A reader of this collection's files. Threads read at the same time with a reader each.
    pub(super) fn reader(&self) -> Reader {
        Reader(self.archive.clone())
    }
}

/// Reads files of a collection.
pub(super) struct Reader(Option<ZipArchive<SharedFile>>);

impl Reader {
    /// Reads the first `limit` bytes of a file, or all of a shorter one. The error is the reason.
    pub(super) fn start(&mut self, entry: &Entry, limit: u64) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        match (&entry.place, &mut self.0) {
            (Place::File(path), _) => {
                let file = files::open(path).map_err(|why| why.to_string())?;
                BufReader::new(file).take(limit).read_to_end(&mut bytes).map_err(|why| why.to_string())?;
            }
            (Place::Member(index), Some(archive)) => {
                let member = archive.by_index(*index).map_err(|why| showable(&why.to_string()))?;
                member.take(limit).read_to_end(&mut bytes).map_err(|why| showable(&why.to_string()))?;
            }
            (Place::Member(_), None) => unreachable!("a member of an archive is read by a reader of that archive"),
        }
        Ok(bytes)
    }

    /// Reads a whole file of at most 128 MB. The error is the reason.
    pub(super) fn whole(&mut self, entry: &Entry) -> Result<Vec<u8>, String> {
        // A false size is found out below, a true one saves the reading.
        if entry.stamp[0] > FILE_MAX {
            return Err(format!("it has more than {} MB", FILE_MAX >> 20));
        }
        let bytes = self.start(entry, FILE_MAX + 1)?;
        match bytes.len() as u64 {
            0 => Err("it is empty".to_owned()),
            length if length > FILE_MAX => Err(format!("it has more than {} MB", FILE_MAX >> 20)),
            _ => Ok(bytes),
        }
    }

    /// Opens a member that may be longer than a picture, such as an array in a .npz.
    pub(super) fn member(&mut self, entry: &Entry) -> Result<impl Read, String> {
        match (&entry.place, &mut self.0) {
            (Place::Member(index), Some(archive)) => archive.by_index(*index).map_err(|why| showable(&why.to_string())),
            _ => Err("it is no member of an archive".to_owned()),
        }
    }
}

/// An archive's bytes, with a position of its own for each clone.
#[derive(Debug, Clone)]
enum SharedFile {
    File(Arc<File>, u64),
    Bytes(io::Cursor<Arc<[u8]>>),
}

impl Read for SharedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file, position) => {
                let read = std::os::unix::fs::FileExt::read_at(&**file, buffer, *position)?;
                *position += read as u64;
                Ok(read)
            }
            Self::Bytes(bytes) => bytes.read(buffer),
        }
    }
}

impl Seek for SharedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file, position) => {
                let base = match to {
                    SeekFrom::Start(_) => 0,
                    SeekFrom::End(_) => file.metadata()?.len(),
                    SeekFrom::Current(_) => *position,
                };
                let moved = match to {
                    SeekFrom::Start(start) => Some(start),
                    SeekFrom::End(by) | SeekFrom::Current(by) => base.checked_add_signed(by),
                };
                *position = moved.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
                Ok(*position)
            }
            Self::Bytes(bytes) => bytes.seek(to),
        }
    }
}
