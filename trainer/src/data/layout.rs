//! Splits and classes, from the names of folders: `train/cat/1.png`.

use std::collections::BTreeMap;

use duel_models::{CLASS_NAME_MAX, CLASSES_MAX, text::escaped};
use sha2::{Digest, Sha256};

use super::data_set::Split;

/// The pictures of a split.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// The pictures, as positions in the list of paths, in an order that mixes folders.
    pub(super) pictures: Vec<usize>,
    /// A label for each picture; empty without classes.
    pub(super) labels: Vec<u8>,
    /// The names of the classes, in the order of labels.
    pub(super) names: Vec<String>,
    /// Sentences on what is odd.
    pub(super) notes: Vec<String>,
}

/// A file's path in parts, the file's own name last.
type Parts<'a> = &'a [Vec<u8>];

/// Finds the pictures of a split among all paths, and their classes. None if there is no such split: all pictures are
/// training pictures unless a folder `test`, or `val`, stands beside `train` at the top.
///
/// Subfolders are classes if every training picture stands in one and there are two or more. Names that are numbers are
/// sorted as numbers, others by their bytes.
pub(super) fn arrange(paths: &[Parts], split: Split) -> Option<Layout> {
    let below = without_common_folders(paths);
    let mut notes = Vec::new();
    let (train, test) = splits(&below, &mut notes);
    let chosen = match split {
        Split::Train => &train,
        Split::Test => test.as_ref()?,
    };
    let class =
        |&at: &usize| below_split(&below, at, test.is_some()).split_last().and_then(|(_, folders)| folders.first());
    let named = class_names(train.iter().map(class), &mut notes);
    let mut layout = Layout { notes, ..Layout::default() };
    let mut pictures: Vec<usize> = chosen.clone();
    // Folders are sorted by class, but the first and the last pictures must be of every class.
    pictures.sort_by_cached_key(|&at| Sha256::digest(paths[at].join(&b'/')).to_vec());
    match named {
        Some(named) => {
            let known = pictures.len();
            pictures.retain(|at| class(at).is_some_and(|folder| named.contains_key(folder.as_slice())));
            if pictures.len() < known {
                layout.notes.push(format!(
                    "{} test pictures are of no class of the training pictures: they are left out",
                    known - pictures.len()
                ));
            }
            layout.labels = pictures.iter().map(|at| named[class(at).expect("just kept").as_slice()].0).collect();
            let mut names: Vec<(u8, String)> = named.into_values().collect();
            names.sort();
            layout.names = names.into_iter().map(|(_, name)| name).collect();
            layout.pictures = pictures;
        }
        None => layout.pictures = pictures,
    }
    Some(layout)
}

/// Removes the folders at the top that hold everything else.
fn without_common_folders<'a>(paths: &[Parts<'a>]) -> Vec<Parts<'a>> {
    let mut below = paths.to_vec();
    while let Some([first, _, ..]) = below.first().copied() {
        if is_split(first) || !below.iter().all(|path| path.len() > 1 && path[0] == *first) {
            break;
        }
        below.iter_mut().for_each(|path| *path = &path[1..]);
    }
    below
}

fn is_split(folder: &[u8]) -> bool {
    [TRAIN, TEST, VALIDATION].iter().any(|names| names.contains(&folder))
}

const TRAIN: &[&[u8]] = &[b"train", b"training"];
const TEST: &[&[u8]] = &[b"test", b"testing"];
const VALIDATION: &[&[u8]] = &[b"val", b"valid", b"validation"];

/// The positions of the training and of the test pictures; no test pictures where the folders at the top are no splits.
fn splits(below: &[Parts], notes: &mut Vec<String>) -> (Vec<usize>, Option<Vec<usize>>) {
    let of = |names: &[&[u8]]| -> Vec<usize> {
        let stands = |path: Parts| path.len() > 1 && names.contains(&path[0].as_slice());
        (0..below.len()).filter(|&at| stands(below[at])).collect()
    };
    let (train, test, validation) = (of(TRAIN), of(TEST), of(VALIDATION));
    let held_out = !test.is_empty() || !validation.is_empty();
    if train.is_empty() || !held_out || train.len() + test.len() + validation.len() < below.len() {
        return ((0..below.len()).collect(), None);
    }
    if test.is_empty() {
        return (train, Some(validation));
    }
    if !validation.is_empty() {
        notes.push(format!(
            "{} pictures of the validation folder are left out: test pictures are there",
            validation.len()
        ));
    }
    (train, Some(test))
}

fn below_split<'a>(below: &[Parts<'a>], at: usize, split: bool) -> Parts<'a> {
    if split { &below[at][1..] } else { below[at] }
}

/// The label and the name of each folder that is a class; none without classes.
fn class_names<'a>(
    folders: impl Iterator<Item = Option<&'a Vec<u8>>>,
    notes: &mut Vec<String>,
) -> Option<BTreeMap<&'a [u8], (u8, String)>> {
    let (mut counts, mut outside) = (BTreeMap::<&[u8], usize>::new(), 0);
    for folder in folders {
        match folder {
            Some(folder) => *counts.entry(folder).or_default() += 1,
            None => outside += 1,
        }
    }
    if outside > 0 && !counts.is_empty() {
        notes.push(format!(
            "pictures stand beside the folders ({outside} beside {}), so folders are not taken as classes",
            counts.len()
        ));
    }
    if counts.len() > CLASSES_MAX {
        notes.push(format!(
            "{} folders are more than {CLASSES_MAX} classes, so folders are not taken as classes",
            counts.len()
        ));
    }
    if outside > 0 || !(2..=CLASSES_MAX).contains(&counts.len()) {
        return None;
    }
    let mut sorted: Vec<&[u8]> = counts.into_keys().collect();
    let number = |folder: &[u8]| std::str::from_utf8(folder).ok().and_then(|text| text.parse::<u64>().ok());
    if sorted.iter().all(|folder| number(folder).is_some()) {
        sorted.sort_by_key(|folder| number(folder));
    }
    let mut named = BTreeMap::new();
    let mut taken = Vec::new();
    for (label, folder) in (0..=u8::MAX).zip(sorted) {
        let name = unlike(class_name(folder), &taken);
        taken.push(name.clone());
        named.insert(folder, (label, name));
    }
    Some(named)
}

/// The name of a folder as a class name: at most 64 bytes, no hidden characters.
fn class_name(folder: &[u8]) -> String {
    let mut name = escaped(String::from_utf8_lossy(folder).chars());
    while name.len() > CLASS_NAME_MAX {
        name.pop();
    }
    name
}

/// A name that is not taken: two folders may differ only in bytes that are no UTF-8.
fn unlike(name: String, taken: &[String]) -> String {
    if !taken.contains(&name) {
        return name;
    }
    let numbered = |n: usize| {
        let mut short = name.clone();
        while short.len() > CLASS_NAME_MAX - 4 {
            short.pop();
        }
        format!("{short}-{n}")
    };
    (2..).map(numbered).find(|name| !taken.contains(name)).expect("numbers do not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths in their first order, labels, names of classes, and the number of notes.
    type Arranged = (Vec<String>, Vec<u8>, Vec<String>, usize);

    fn arranged(paths: &[&str], split: Split) -> Option<Arranged> {
        let parts: Vec<Vec<Vec<u8>>> =
            paths.iter().map(|path| path.split('/').map(|part| part.as_bytes().to_vec()).collect()).collect();
        let parts: Vec<Parts> = parts.iter().map(Vec::as_slice).collect();
        let Layout { pictures, labels, names, notes } = arrange(&parts, split)?;
        let mut sorted: Vec<(usize, Option<u8>)> =
            pictures.iter().enumerate().map(|(row, &at)| (at, labels.get(row).copied())).collect();
        sorted.sort();
        let labels = sorted.iter().filter_map(|(_, label)| *label).collect();
        Some((sorted.into_iter().map(|(at, _)| paths[at].to_owned()).collect(), labels, names, notes.len()))
    }

    #[test]
    fn folders_are_splits_and_classes() {
        let (train, test) = (Split::Train, Split::Test);
        for (paths, split, kept, labels, names, notes) in [
            (&["a.png", "b.png"][..], train, &[0, 1][..], &[][..], &[][..], 0),
            (&["cat/a.png", "dog/b.png", "cat/deep/c.png"], train, &[0, 1, 2], &[0, 1, 0], &["cat", "dog"], 0),
            (&["set/cat/a.png", "set/dog/b.png"], train, &[0, 1], &[0, 1], &["cat", "dog"], 0),
            (&["10/a.png", "9/b.png"], train, &[0, 1], &[1, 0], &["9", "10"], 0),
            (&["cat/a.png", "cat/b.png"], train, &[0, 1], &[], &[], 0),
            (&["cat/a.png", "dog/b.png", "c.png"], train, &[0, 1, 2], &[], &[], 1),
            (&["train/cat/a.png", "train/dog/b.png", "test/dog/c.png"], train, &[0, 1], &[0, 1], &["cat", "dog"], 0),
            (
                &["train/cat/a.png", "train/dog/b.png", "test/dog/c.png", "test/cow/d.png"],
                test,
                &[2],
                &[1],
                &["cat", "dog"],
                1,
            ),
            (&["x/train/a.png", "x/val/b.png"], test, &[1], &[], &[], 0),
            (&["train/a.png", "test/b.png", "val/c.png"], test, &[1], &[], &[], 1),
            (
                &["train/a.png", "test/b.png", "cat/c.png"],
                train,
                &[0, 1, 2],
                &[0, 1, 2][..],
                &["cat", "test", "train"],
                0,
            ),
        ] {
            let found = arranged(paths, split).expect("a split");
            let kept: Vec<String> = kept.iter().map(|&at: &usize| paths[at].to_owned()).collect();
            let names: Vec<String> = names.iter().map(|name: &&str| (*name).to_owned()).collect();
            let labels = if paths[0] == "train/a.png" && names.len() == 3 { vec![2, 1, 0] } else { labels.to_vec() };
            assert_eq!(found, (kept, labels, names, notes), "{paths:?}");
        }
        assert_eq!(arranged(&["cat/a.png", "dog/b.png"], test), None);
    }

    #[test]
    fn names_of_classes_are_unlike_each_other_and_showable() {
        let long = "x".repeat(99);
        let folders = [&b"a\xff"[..], b"a\xfe", b"a\x1bb", long.as_bytes()].map(<[u8]>::to_vec);
        let paths: Vec<Vec<Vec<u8>>> = folders.iter().map(|folder| vec![folder.clone(), b"1.png".to_vec()]).collect();
        let paths: Vec<Parts> = paths.iter().map(Vec::as_slice).collect();
        let names = arrange(&paths, Split::Train).expect("training pictures").names;
        assert_eq!(names[..3], ["a\\u{1b}b", "a\u{fffd}", "a\u{fffd}-2"]);
        assert_eq!(names[3].len(), CLASS_NAME_MAX);
    }

    #[test]
    fn too_many_folders_are_no_classes() {
        let paths: Vec<String> = (0..257).map(|n| format!("{n}/a.png")).collect();
        let (_, labels, _, notes) =
            arranged(&paths.iter().map(String::as_str).collect::<Vec<_>>(), Split::Train).expect("training pictures");
        assert_eq!((labels.len(), notes), (0, 1));
    }
}
