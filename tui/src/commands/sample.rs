//! `duel sample`: generated pictures, in the terminal or as files.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use duel_models::Card;
use duel_runtime::{Inputs, picture::to_bytes};

use super::{model::ModelArgs, usage};
use crate::{
    files::{
        pictures::{Format, Generated, Options, save},
        write,
    },
    generators::{classes, interpolation::closed},
    term::{look::Look, output::print, printed::Printed},
};

/// Arguments of `duel sample`.
#[derive(Debug, Args)]
pub struct SampleArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// The classes to draw, by name or number, such as cat,cat,dog; `duel models FILE` lists those of a model.
    #[arg(long, value_name = "NAME,...")]
    classes: Option<String>,
    /// The digits to draw, such as 2026; for a model whose classes are digits.
    #[arg(long, conflicts_with = "classes")]
    digits: Option<String>,
    /// The number of pictures [default: one for each of --classes or --digits, else a row of the terminal, 40 with
    /// --out].
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// The seed; the same seed draws the same pictures on every machine.
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, value_parser = usage::seed)]
    seed: u64,
    /// The file to write: .png (a grid), .gif (a walk from picture to picture), .npy (uint8, [N, height, width] or
    /// [N, height, width, 3]); or a directory for a pair of IDX files; or - for stdout.
    #[arg(long, value_name = "FILE|DIR|-")]
    out: Option<PathBuf>,
    /// The format of the file --out, instead of that of its extension [default for -: png].
    #[arg(long, value_enum, requires = "out")]
    format: Option<Format>,
    /// Write each picture as a PNG file of its own into the directory --out, in a folder for each class.
    #[arg(long, requires = "out")]
    each: bool,
    /// With a PNG or a GIF: draw each pixel as a square of N pixels, 1 to 64 [default: 1; for a GIF, as many as fit
    /// into 224].
    #[arg(long, value_name = "N", requires = "out", value_parser = clap::value_parser!(u8).range(1..=64))]
    scale: Option<u8>,
    /// With a PNG or a GIF: draw in black and white only, for e-ink.
    #[arg(long, requires = "out")]
    dither: bool,
    /// With an --out of .npy: write the values of the generator as float32, and the latents into a second file.
    #[arg(long, requires = "out")]
    float: bool,
    /// Replace files that exist.
    #[arg(long, requires = "out")]
    force: bool,
    #[command(flatten)]
    look: Look,
}

/// The most pictures: 100,000 digits take near a gigabyte of latents, values and pixels.
const COUNT_MAX: u64 = 100_000;

/// The most pictures of a GIF: a walk past 1,000 takes a quarter of an hour to see.
const GIF_MAX: u64 = 1000;

/// The most pictures in a row of a PNG.
const ROW_MAX: usize = 100;

/// Frames of a GIF from one picture to the next.
const FRAMES: usize = 12;

/// Draws pictures, and shows them in the terminal or writes them.
pub fn run(args: SampleArgs) -> Result<()> {
    let generator = args.model.load()?;
    let card = generator.card();
    let chosen = chosen(&args, card)?;
    let options = args.options();
    let format = args.out.as_deref().map(|out| Format::choose(out, options)).transpose()?;
    if let Some(out) = args.out.as_deref().filter(|out| write::is_stdout(out)) {
        write::must_take_one("--out", out, "", args.force)?;
    }
    let layout = args.out.is_none().then(|| Printed::detect(card.shape, args.look)).transpose()?;
    let unsaid = layout.as_ref().map_or(40, |layout| layout.across as u64);
    let unsaid = chosen.as_ref().map_or(unsaid, |chosen| chosen.len() as u64);
    let count = args.count.unwrap_or(unsaid);
    if count == 0 || count > COUNT_MAX {
        bail!("--count {count}: expected 1 to {COUNT_MAX}");
    }
    if format == Some(Format::Gif) && count > GIF_MAX {
        bail!("--count {count}: a .gif takes at most {GIF_MAX} pictures");
    }
    let mut inputs = Inputs::new(card, args.seed, 0..count, chosen.as_deref().unwrap_or_default());
    if format == Some(Format::Gif) {
        inputs = walk(inputs, card);
    }
    let Inputs { latents, labels } = inputs;
    let values = generator.draw(&latents, &labels)?;
    let images = to_bytes(&values);
    if let Some(layout) = layout {
        return print(&layout.draw(&images, card.shape));
    }
    let out = args.out.unwrap_or_default();
    // Pictures of chosen classes stand in their order in rows; other pictures make a square.
    let across = chosen.map_or((count as usize).isqrt(), |chosen| chosen.len().min(ROW_MAX));
    let generated = Generated { card, latents, labels, values, images, across };
    for path in save(&generated, &out, options)? {
        print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

impl SampleArgs {
    fn options(&self) -> Options {
        let Self { format, each, float, dither, force, .. } = *self;
        Options { format, each, float, scale: self.scale.map(usize::from), dither, force }
    }
}

/// Returns the labels that the user chose; none if the seed chooses them.
fn chosen(args: &SampleArgs, card: &Card) -> Result<Option<Vec<u8>>> {
    let classes = args.classes.as_deref().map(|list| classes::labels(list, card));
    classes.or_else(|| args.digits.as_deref().map(|digits| classes::digits(digits, card))).transpose()
}

/// Returns the inputs of a closed walk from sample to sample, in steps small enough for an animation.
fn walk(inputs: Inputs, card: &Card) -> Inputs {
    let points = closed(card.latent_law, &inputs.latents, card.latent, FRAMES);
    let labels = points.iter().filter_map(|(nearest, _)| inputs.labels.get(*nearest).copied()).collect();
    Inputs { latents: points.into_iter().flat_map(|(_, latent)| latent).collect(), labels }
}
