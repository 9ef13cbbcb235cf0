//! `duel data`: what stands where pictures come from, before anybody trains on it.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use duel_models::picture::{grid, png};
use duel_trainer::{
    data::{DataError, DataSet, Split, Survey, load},
    recipe::{Crop, Recipe},
};

use crate::{
    files::write,
    runs::{decoding, sources},
    term::{
        look::Look,
        output::{print, print_bytes},
        printed::Printed,
    },
};

/// Arguments of `duel data`.
#[derive(Debug, Args)]
pub struct DataArgs {
    /// A folder or .zip of pictures, a .npy or .npz of uint8, a directory of IDX files; or `mnist`, `stacked-mnist`,
    /// `emoji`.
    path: PathBuf,
    /// A key of the recipe's section data, such as data.size=64; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Write a contact sheet of 100 pictures, as they are trained on: a PNG file, or - for stdout in place of the text.
    #[arg(long, value_name = "FILE.png|-")]
    out: Option<PathBuf>,
    /// Replace the file --out if it exists.
    #[arg(long, requires = "out")]
    force: bool,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    look: Look,
}

/// Pictures of the contact sheet in a file.
const SHEET: usize = 100;
/// Pictures in a row of it.
const ROW: usize = 10;
/// The most sizes and classes that the text lists.
const LISTED: usize = 12;

/// Reads the data as a training would, and prints what is there.
pub fn run(args: DataArgs) -> Result<()> {
    for setting in &args.set {
        ensure!(
            setting.trim_start().starts_with("data."),
            "--set {setting}: only keys of the section data matter here"
        );
    }
    if let Some(out) = &args.out {
        let is_png = write::is_stdout(out) || out.extension().is_some_and(|extension| extension == "png");
        ensure!(is_png, "--out {}: the contact sheet is a .png", out.display());
        ensure!(!write::is_stdout(out) || !args.json, "--out - and --json: both write to stdout; leave one out");
        write::must_take_one("--out", out, "", args.force)?;
    }
    let recipe = sources::named(Recipe::default().with(&args.set)?, &args.path)?;
    let load = |split| decoding::with_bar(|progress| load(&recipe.data, split, progress));
    let train = load(Split::Train)?;
    let test = match load(Split::Test) {
        Err(DataError::NoTest(_)) => None,
        loaded => Some(loaded?),
    };
    let name = args.path.display().to_string();
    if let Some(out) = &args.out {
        let sheet = png(&grid(&spread(&train, SHEET), train.shape, ROW));
        if write::is_stdout(out) {
            return print_bytes(&sheet);
        }
        write::replace(out, &sheet)?;
    }
    if args.json {
        return print(&json(&name, &train, test.as_ref()));
    }
    print(&text(&name, &train, test.as_ref(), recipe.data.crop))?;
    if let Some(out) = &args.out {
        return print(&format!("{}\n", out.display()));
    }
    let layout = Printed::detect(train.shape, args.look)?;
    print(&format!("\n{}", layout.draw(&spread(&train, 2 * layout.across), train.shape)))
}

/// At most `count` pictures, evenly spread over the set.
fn spread(data: &DataSet, count: usize) -> Vec<u8> {
    let count = count.min(data.len());
    (0..count).flat_map(|at| data.image(at * data.len() / count)).copied().collect()
}

/// The number of pictures of each class.
fn counts(data: &DataSet) -> Vec<(String, usize)> {
    let facts = data.facts();
    let mut counts = vec![0; facts.classes];
    data.labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
    let name = |label: usize| facts.names.get(label).cloned().unwrap_or_else(|| label.to_string());
    counts.into_iter().enumerate().map(|(label, count)| (name(label), count)).collect()
}

fn json(name: &str, train: &DataSet, test: Option<&DataSet>) -> String {
    let described = |data: &DataSet| {
        serde_json::json!({
            "pictures": data.len(), "shape": data.shape.to_string(), "bytes": data.images.len(),
            "classes": counts(data).into_iter().map(|(name, count)| serde_json::json!({ "name": name, "pictures": count }))
                .collect::<Vec<_>>(),
            "found": data.survey,
        })
    };
    format!("{}\n", serde_json::json!({ "data": name, "train": described(train), "test": test.map(described) }))
}

fn text(name: &str, train: &DataSet, test: Option<&DataSet>, crop: Crop) -> String {
    let survey = &train.survey;
    let mut rows = vec![
        ("from", format!("{name} ({})", survey.kind)),
        ("training", pictures(train)),
        ("test", test.map_or("none".to_owned(), pictures)),
        ("found", sizes(survey)),
        ("classes", classes(train)),
    ];
    let mut changes = Vec::new();
    for (count, what) in [
        (survey.shrunk, "made smaller"),
        (survey.enlarged, "made larger"),
        (survey.cropped, if crop == Crop::Centre { "cut to the aspect ratio" } else { "fitted into the background" }),
        (survey.transparent, "laid on data.background"),
    ] {
        if count > 0 {
            changes.push(format!("{count} {what}"));
        }
    }
    if !changes.is_empty() {
        rows.push(("changed", changes.join(", ")));
    }
    if survey.ignored > 0 {
        let files = if survey.ignored == 1 {
            "1 file that is no picture"
        } else {
            &format!("{} files that are no pictures", survey.ignored)
        };
        rows.push(("ignored", files.to_owned()));
    }
    rows.extend(survey.warnings().into_iter().map(|warning| ("note", warning)));
    let of_tests = test.map(|test| test.survey.warnings()).unwrap_or_default();
    rows.extend(of_tests.into_iter().map(|warning| ("of tests", warning)));
    rows.into_iter().map(|(key, value)| format!("{key:9} {value}\n")).collect()
}

/// The sizes as found: each one, or the range if there are many.
fn sizes(survey: &Survey) -> String {
    if survey.sizes.len() <= LISTED {
        return listed(survey.sizes.iter().map(|([height, width], count)| (format!("{height}x{width}"), *count)));
    }
    let sides = |axis: usize| survey.sizes.iter().map(move |(sides, _)| sides[axis]);
    let range = |axis: usize| [sides(axis).min().unwrap_or_default(), sides(axis).max().unwrap_or_default()];
    let [[low, high], [narrow, wide]] = [range(0), range(1)];
    format!("{} sizes: heights from {low} to {high}, widths from {narrow} to {wide}", survey.sizes.len())
}

fn pictures(data: &DataSet) -> String {
    let megabytes = data.images.len() as f64 / 1e6;
    format!("{} pictures of {}, {megabytes:.1} MB", data.len(), data.shape)
}

fn classes(data: &DataSet) -> String {
    let counts = counts(data);
    if counts.is_empty() { "none".to_owned() } else { format!("{}: {}", counts.len(), listed(counts.into_iter())) }
}

/// Names with their numbers of pictures, at most [`LISTED`] of them.
fn listed(counts: impl ExactSizeIterator<Item = (String, usize)>) -> String {
    let more = counts.len().saturating_sub(LISTED);
    let mut words: Vec<String> = counts.take(LISTED).map(|(name, count)| format!("{name} ({count})")).collect();
    if more > 0 {
        words.push(format!("{more} more"));
    }
    words.join(", ")
}
