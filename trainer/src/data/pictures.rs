//! The data set of a folder or an archive of pictures.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use duel_models::Shape;
use rayon::prelude::*;

use super::{
    Progress, cache,
    collection::{Collection, Entry, Reader},
    data_set::{DataSet, Split},
    dataset_json,
    decode::{self, Header, Target},
    error::DataError,
    layout::{Layout, arrange},
    survey::Survey,
    wanted::{Wanted, fits_memory},
};
use crate::recipe::{Colour, Data, DataSize};

/// Extensions of the formats that are read.
const READ: &[&str] = &["png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp"];
/// Extensions of pictures in formats that are not read: they count as skipped, other files as ignored.
const UNREAD: &[&str] =
    &["heic", "heif", "avif", "tif", "tiff", "jxl", "jp2", "psd", "svg", "ico", "raw", "cr2", "nef", "dng"];
/// The share of pictures that may be unreadable: one in ten.
const SKIPPED_MOST: usize = 10;
/// The first bytes of a file, which hold the size of a picture: enough for a JPEG with a large EXIF block.
const HEADER: u64 = 1 << 16;
/// The sides that `data.size = auto` chooses from.
const SIDES: [usize; 4] = [64, 32, 16, 8];

/// Loads a split of a folder or archive. `path` stands for the collection in errors. Decoded pictures of a path are
/// kept in the cache; bundled ones are few.
pub(super) fn load(collection: Collection, wanted: Wanted, progress: Progress) -> Result<DataSet, DataError> {
    let Wanted { path, settings, .. } = wanted;
    let mut survey = Survey { kind: collection.kind.to_owned(), notes: collection.notes.clone(), ..Survey::default() };
    let pictures = sort_out(&collection, &mut survey);
    if pictures.is_empty() {
        return Err(DataError::NoPictures { path: path.into(), ignored: survey.ignored });
    }
    let paths: Vec<&[Vec<u8>]> = pictures.iter().map(|entry| entry.path.as_slice()).collect();
    let has_test = arrange(&paths, Split::Test).is_some();
    let split = wanted.read(has_test);
    let layout = layout(&collection, &paths, split, path)?;
    let chosen: Vec<&Entry> = layout.pictures.iter().map(|&at| pictures[at]).collect();
    survey.notes.extend(layout.notes.iter().cloned());
    if settings.source.path().is_none() {
        let data = decode_all(&collection, &chosen, layout, path, (settings, survey), progress)?;
        return wanted.divided(data, has_test);
    }
    let key = cache::key(settings, split, &chosen, &layout);
    if let Some(data) = cache::load(&key) {
        fits_memory(data.shape, data.len(), settings, path)?;
        return wanted.divided(data, has_test);
    }
    let data = decode_all(&collection, &chosen, layout, path, (settings, survey), progress)?;
    cache::store(&key, &data);
    wanted.divided(data, has_test)
}

/// The files that are pictures by their names. Other files are counted.
fn sort_out<'a>(collection: &'a Collection, survey: &mut Survey) -> Vec<&'a Entry> {
    survey.skipped = collection.unreadable.len();
    survey.first_skipped = collection.unreadable.first().cloned();
    let mut pictures = Vec::new();
    for entry in &collection.entries {
        let extension = entry.extension();
        let known = READ.contains(&extension.as_str()) || UNREAD.contains(&extension.as_str());
        if known && !entry.is_hidden() {
            pictures.push(entry);
        } else {
            survey.ignored += usize::from(!dataset_json::is_it(entry));
        }
    }
    pictures
}

/// Splits and labels by folders, or by stylegan's dataset.json.
fn layout(collection: &Collection, paths: &[&[Vec<u8>]], split: Split, path: &Path) -> Result<Layout, DataError> {
    let mut layout = arrange(paths, split).ok_or_else(|| DataError::NoTest(path.into()))?;
    if let Some(labels) = dataset_json::read(collection, path)? {
        labels.apply(&mut layout, paths);
    }
    if layout.pictures.is_empty() { Err(DataError::NoPictures { path: path.into(), ignored: 0 }) } else { Ok(layout) }
}

/// One picture's header, or the reason why it cannot be read.
fn headers(collection: &Collection, chosen: &[&Entry]) -> Vec<Result<Header, String>> {
    let read = |reader: &mut Reader, entry: &&Entry| {
        decode::header(&reader.start(entry, HEADER)?).or_else(|_| decode::header(&reader.whole(entry)?))
    };
    chosen.par_iter().map_init(|| collection.reader(), read).collect()
}

/// Decodes every picture at the size that follows from the settings and from the sizes of all of them.
fn decode_all(
    collection: &Collection,
    chosen: &[&Entry],
    layout: Layout,
    path: &Path,
    (settings, mut survey): (&Data, Survey),
    progress: Progress,
) -> Result<DataSet, DataError> {
    let headers = headers(collection, chosen);
    let known: Vec<Header> = headers.iter().flatten().copied().collect();
    let failed = headers.iter().zip(chosen).filter_map(|(header, entry)| Some((entry, header.as_ref().err()?.clone())));
    let failed: Vec<(&&Entry, String)> = failed.collect();
    for (entry, why) in &failed {
        skip(&mut survey, entry, why);
    }
    check_skipped(&survey, chosen.len(), path)?;
    let shape = shape(settings, &known);
    fits_memory(shape, known.len(), settings, path)?;
    count_sizes(&mut survey, &known, shape);

    let target = Target { shape, crop: settings.crop, background: settings.background };
    let readable: Vec<usize> = (0..chosen.len()).filter(|&at| headers[at].is_ok()).collect();
    let entries: Vec<&Entry> = readable.iter().map(|&at| chosen[at]).collect();
    let most = (chosen.len() / SKIPPED_MOST).saturating_sub(survey.skipped);
    let (images, outcomes) = decode_at_most(collection, &entries, target, most, progress);
    let labels: Vec<Option<u8>> = readable.iter().map(|&at| layout.labels.get(at).copied()).collect();
    for (&at, outcome) in readable.iter().zip(&outcomes) {
        if let Outcome::Skipped(why) = outcome {
            skip(&mut survey, chosen[at], why);
        }
    }
    check_skipped(&survey, chosen.len(), path)?;
    let mut data = kept(shape, images, &labels, &outcomes, &mut survey);
    data.class_names = layout.names;
    if settings.colour == Colour::Auto && shape.channels == 3 && decode::is_grey(&data.images) {
        data = in_grey(data);
    }
    data.survey = survey;
    Ok(data)
}

/// Decodes pictures on all cores, until more than `most` cannot be read: the set is refused then, and an archive that
/// was made to take long must not take long. Returns their bytes, [N, height, width, channels], and what became of each.
fn decode_at_most(
    collection: &Collection,
    entries: &[&Entry],
    target: Target,
    most: usize,
    progress: Progress,
) -> (Vec<u8>, Vec<Outcome>) {
    let size = target.shape.size();
    let mut images = vec![0; entries.len() * size];
    let (done, broken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let decode = |reader: &mut Reader, (image, entry): (&mut [u8], &&Entry)| {
        if broken.load(Ordering::Relaxed) > most {
            return Outcome::Untried;
        }
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, entries.len());
        match reader.whole(entry).and_then(|bytes| decode::prepare(&bytes, target)) {
            Ok(prepared) => {
                image.copy_from_slice(&prepared.pixels);
                let mut hasher = DefaultHasher::new();
                image.hash(&mut hasher);
                Outcome::Kept { hash: hasher.finish(), transparent: prepared.transparent }
            }
            Err(why) => {
                broken.fetch_add(1, Ordering::Relaxed);
                Outcome::Skipped(why)
            }
        }
    };
    let outcomes = images.par_chunks_mut(size).zip(entries).map_init(|| collection.reader(), decode).collect();
    (images, outcomes)
}

/// What became of a picture.
enum Outcome {
    Kept { hash: u64, transparent: bool },
    Skipped(String),
    Untried,
}

fn skip(survey: &mut Survey, entry: &Entry, why: &str) {
    survey.skipped += 1;
    survey.first_skipped.get_or_insert_with(|| [entry.name(), why.to_owned()]);
}

fn check_skipped(survey: &Survey, pictures: usize, path: &Path) -> Result<(), DataError> {
    match &survey.first_skipped {
        Some([first, why]) if survey.skipped > pictures / SKIPPED_MOST => Err(DataError::Skipped {
            path: path.into(),
            skipped: survey.skipped,
            pictures,
            first: first.clone(),
            why: why.clone(),
        }),
        _ => Ok(()),
    }
}

/// The shape that all pictures get.
fn shape(settings: &Data, known: &[Header]) -> Shape {
    let has_colour = known.iter().any(|header| header.has_colour);
    let channels = match settings.colour {
        Colour::Grey => 1,
        Colour::Colour => 3,
        Colour::Auto => 1 + 2 * usize::from(has_colour),
    };
    if let DataSize::Is { height, width } = settings.size {
        return Shape::new(channels, height, width).expect("the recipe checked the sides");
    }
    let common =
        known.first().map(|header| header.sides).filter(|sides| known.iter().all(|other| other.sides == *sides));
    if let Some(Ok(shape)) = common.map(|[height, width]| Shape::new(channels, height, width)) {
        return shape;
    }
    let mut short: Vec<usize> = known.iter().map(|header| header.sides[0].min(header.sides[1])).collect();
    short.sort_unstable();
    let median = short.get(short.len() / 2).copied().unwrap_or_default();
    let side = SIDES.into_iter().find(|&side| side <= median).unwrap_or(SIDES[SIDES.len() - 1]);
    Shape::new(channels, side, side).expect("each of the sides is allowed")
}

fn count_sizes(survey: &mut Survey, known: &[Header], shape: Shape) {
    let mut sizes = HashMap::<[usize; 2], usize>::new();
    for header in known {
        *sizes.entry(header.sides).or_default() += 1;
        let [height, width] = header.sides;
        survey.cropped += usize::from(height * shape.width != width * shape.height);
        survey.shrunk += usize::from(height > shape.height && width > shape.width);
        survey.enlarged += usize::from(height < shape.height || width < shape.width);
    }
    survey.sizes = sizes.into_iter().collect();
    survey.sizes.sort_by_key(|&(sides, count)| (usize::MAX - count, sides));
}

/// The pictures that could be read, with their labels.
fn kept(
    shape: Shape,
    mut images: Vec<u8>,
    labels: &[Option<u8>],
    outcomes: &[Outcome],
    survey: &mut Survey,
) -> DataSet {
    let (size, mut count, mut seen, mut kept_labels) = (shape.size(), 0, HashSet::new(), Vec::new());
    for (at, outcome) in outcomes.iter().enumerate() {
        let Outcome::Kept { hash, transparent } = outcome else { continue };
        survey.transparent += usize::from(*transparent);
        survey.duplicates += usize::from(!seen.insert(*hash));
        images.copy_within(at * size..(at + 1) * size, count * size);
        kept_labels.extend(labels[at]);
        count += 1;
    }
    images.truncate(count * size);
    images.shrink_to_fit();
    DataSet::new(shape, images, kept_labels)
}

/// The same pictures with one channel.
fn in_grey(mut data: DataSet) -> DataSet {
    let shape = Shape::new(1, data.shape.height, data.shape.width).expect("the sides are the same");
    data.images = data.images.iter().step_by(3).copied().collect();
    data.shape = shape;
    data
}
