//! `duel sample`: generated pictures, in the terminal or as files.

use std::{
    io::{IsTerminal, stdout},
    path::PathBuf,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use duel_models::{Card, Shape};
use duel_runtime::{Inputs, picture::to_bytes};

use crate::{
    files::pictures::{Generated, extension, save},
    generators::{by_name::ModelArgs, interpolation::closed},
    term::{
        cells,
        charset::Charset,
        output::print,
        theme::{Colors, Theme},
    },
};

/// Arguments of `duel sample`.
#[derive(Debug, Args)]
pub struct SampleArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// The digits to draw, such as 2026; needs a model with classes.
    #[arg(long)]
    digits: Option<String>,
    /// The number of pictures [default: one for each of --digits, else a row of the terminal, 40 with --out].
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// The seed; the same seed draws the same pictures on every machine.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The file to write: .png (a grid), .gif (a walk from picture to picture), .npy (uint8, [N, height, width] or
    /// [N, height, width, 3]); or a directory for a pair of IDX files.
    #[arg(long, value_name = "FILE|DIR")]
    out: Option<PathBuf>,
    /// With an --out of .npy: write the values of the generator as float32, and the latents into a second file.
    #[arg(long, requires = "out")]
    float: bool,
    /// The characters to draw with.
    #[arg(long, value_enum, default_value_t)]
    charset: Charset,
}

/// The most pictures: 100,000 digits take near a gigabyte of latents, values and pixels.
const COUNT_MAX: u64 = 100_000;

/// The most pictures of a GIF: a walk past 1,000 takes half an hour to see.
const GIF_MAX: u64 = 1000;

/// The most pictures in a row of a PNG.
const ROW_MAX: usize = 100;

/// Frames of a GIF from one picture to the next.
const FRAMES: usize = 12;

/// Draws pictures, and shows them in the terminal or writes them.
pub fn run(args: SampleArgs) -> Result<()> {
    let generator = args.model.load()?;
    let digits = args.digits.as_deref().map(|digits| labels(digits, generator.card())).transpose()?;
    let shape = generator.card().shape;
    let layout = Layout::detect(shape, args.charset);
    let unsaid = digits.as_ref().map_or(if args.out.is_some() { 40 } else { layout.across as u64 }, |d| d.len() as u64);
    let count = args.count.unwrap_or(unsaid);
    if count == 0 || count > COUNT_MAX {
        bail!("--count {count}: expected 1 to {COUNT_MAX}");
    }
    let gif = args.out.as_ref().is_some_and(|out| extension(out) == "gif");
    if gif && count > GIF_MAX {
        bail!("--count {count}: a .gif takes at most {GIF_MAX} pictures");
    }
    let mut inputs = Inputs::new(generator.card(), args.seed, 0..count, digits.as_deref().unwrap_or_default());
    if gif {
        inputs = walk(inputs, generator.card());
    }
    let Inputs { latents, labels } = inputs;
    let values = generator.draw(&latents, &labels)?;
    let images = to_bytes(&values);
    let Some(out) = &args.out else {
        return print(&cells::lines(&images, shape, layout.across, layout.scale, layout.theme));
    };
    // The digits of --digits stand in their order in rows; other pictures make a square.
    let across = digits.map_or((count as usize).isqrt(), |digits| digits.len().min(ROW_MAX));
    let generated = Generated { shape, latent: generator.card().latent, latents, labels, values, images, across };
    for path in save(&generated, out, args.float)? {
        print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

/// Returns the inputs of a closed walk from sample to sample, in steps small enough for an animation.
fn walk(inputs: Inputs, card: &Card) -> Inputs {
    let points = closed(card.latent_law, &inputs.latents, card.latent, FRAMES);
    let labels = points.iter().filter_map(|(nearest, _)| inputs.labels.get(*nearest).copied()).collect();
    Inputs { latents: points.into_iter().flat_map(|(_, latent)| latent).collect(), labels }
}

/// Parses the labels of `--digits`.
fn labels(digits: &str, card: &Card) -> Result<Vec<u8>> {
    if card.classes == 0 {
        bail!("--digits: the model {} has no classes; leave --digits out", card.name);
    }
    let label = |c: char| c.to_digit(10).map(|digit| digit as u8).filter(|&digit| usize::from(digit) < card.classes);
    let labels: Option<Vec<u8>> = digits.chars().map(label).collect();
    let labels = labels.filter(|labels| !labels.is_empty());
    labels.with_context(|| format!("--digits {digits:?}: expected digits from 0 to {}", card.classes.min(10) - 1))
}

/// The way pictures are drawn in the terminal.
struct Layout {
    theme: Theme,
    /// Pixels in the width of a cell.
    scale: usize,
    /// Pictures in a row.
    across: usize,
}

impl Layout {
    /// Detects the terminal. Without one: 80 columns and no escape sequences.
    fn detect(shape: Shape, charset: Charset) -> Self {
        let terminal = stdout().is_terminal();
        let mut theme = Theme::detect(charset);
        // Braille only if it is asked for: half blocks show pixels in their brightness.
        if theme.charset == Charset::Braille && charset == Charset::Auto {
            theme.charset = Charset::Half;
        }
        if !terminal || theme.charset == Charset::Braille {
            theme.colors = Colors::None;
        }
        let columns = if terminal { crossterm::terminal::size().map_or(80, |(columns, _)| columns) } else { 80 };
        let mut scale = if theme.charset == Charset::Braille { 2 } else { 1 };
        let mut width = cells::size(shape, scale).0;
        // A picture that is wider than the terminal is drawn smaller.
        while width > usize::from(columns).max(8) {
            scale *= 2;
            width = cells::size(shape, scale).0;
        }
        Self { theme, scale, across: (usize::from(columns) / (width + 1)).max(1) }
    }
}
