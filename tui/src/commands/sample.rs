//! `duel sample`: digits, in the terminal or as files.

use std::{
    io::{IsTerminal, stdout},
    path::PathBuf,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use duel_models::{Card, SIDE};
use duel_runtime::{Samples, to_bytes};

use crate::{
    cells,
    charset::Charset,
    model::ModelArgs,
    output::print,
    pictures::{Drawn, ending, save},
    theme::{Colors, Theme},
    walk::closed,
};

/// Arguments of `duel sample`.
#[derive(Debug, Args)]
pub struct SampleArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// The digits to draw, such as 2026, by a model that takes labels.
    #[arg(long)]
    digits: Option<String>,
    /// How many to draw [default: the digits, else a row of the terminal].
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// The seed: the same draws the same digits, on any machine.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Where to write: .png a grid, the digits in a row, .gif a walk from one to the next, .npy uint8 [N, 28, 28], else a directory with an IDX pair.
    #[arg(long, value_name = "FILE|DIR")]
    out: Option<PathBuf>,
    /// With an --out of .npy: the generator's own values, float32, and the latents beside them.
    #[arg(long, requires = "out")]
    float: bool,
    /// Characters to draw with.
    #[arg(long, value_enum, default_value_t)]
    charset: Charset,
}

/// More than this in one command is a slip of the finger: near a gigabyte of latents, values and pixels.
const COUNT_MAX: u64 = 100_000;

/// A GIF of a walk past as many takes half an hour to see.
const GIF_MAX: u64 = 1000;

/// Digits of a PNG's longest row.
const ROW_MAX: usize = 100;

/// Frames of a GIF from one sample to the next.
const FRAMES: usize = 12;

/// Draws digits, and shows them or writes them.
pub fn run(args: SampleArgs) -> Result<()> {
    let generator = args.model.load()?;
    let digits = args.digits.as_deref().map(|digits| labels(digits, generator.card())).transpose()?;
    let look = Look::of(args.charset);
    let unsaid = digits.as_ref().map_or(if args.out.is_some() { 40 } else { look.across as u64 }, |d| d.len() as u64);
    let count = args.count.unwrap_or(unsaid);
    if count == 0 || count > COUNT_MAX {
        bail!("--count {count}: expected 1 to {COUNT_MAX}");
    }
    let gif = args.out.as_ref().is_some_and(|out| ending(out) == "gif");
    if gif && count > GIF_MAX {
        bail!("--count {count}: a .gif walks past at most {GIF_MAX} digits");
    }
    let mut samples = Samples::of(generator.card(), args.seed, 0..count, digits.as_deref());
    if gif {
        samples = walk(samples, generator.card());
    }
    let Samples { latents, labels } = samples;
    let values = generator.draw(&latents, &labels)?;
    let images = to_bytes(&values);
    let Some(out) = &args.out else { return print(&cells::lines(&images, look.across, look.width, look.theme)) };
    // Digits that were asked for are read in their order; others make a square.
    let across = digits.map_or((count as usize).isqrt(), |digits| digits.len().min(ROW_MAX));
    let drawn = Drawn { latent: generator.card().latent, latents, labels, values, images, across };
    for path in save(&drawn, out, args.float)? {
        print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}

/// A closed walk from sample to sample, in steps small enough for an animation.
fn walk(samples: Samples, card: &Card) -> Samples {
    let points = closed(card.latent_law, &samples.latents, card.latent, FRAMES);
    let labels = points.iter().filter_map(|(nearest, _)| samples.labels.get(*nearest).copied()).collect();
    Samples { latents: points.into_iter().flat_map(|(_, latent)| latent).collect(), labels }
}

/// The labels of `--digits`.
fn labels(digits: &str, card: &Card) -> Result<Vec<u8>> {
    if card.classes == 0 {
        bail!("--digits: the model {} takes no labels; leave --digits out", card.name);
    }
    let label = |c: char| c.to_digit(10).map(|digit| digit as u8).filter(|&digit| usize::from(digit) < card.classes);
    let labels: Option<Vec<u8>> = digits.chars().map(label).collect();
    let labels = labels.filter(|labels| !labels.is_empty());
    labels.with_context(|| format!("--digits {digits:?}: expected digits from 0 to {}", card.classes.min(10) - 1))
}

/// How digits are drawn in the terminal.
struct Look {
    theme: Theme,
    /// Cells of a digit.
    width: usize,
    /// Digits in a row.
    across: usize,
}

impl Look {
    /// Without a terminal: 80 columns, and no escape codes.
    fn of(charset: Charset) -> Self {
        let terminal = stdout().is_terminal();
        let mut theme = Theme::of(charset);
        // Braille is for who asks for it: half blocks show the strokes as they are.
        if theme.charset == Charset::Braille && charset == Charset::Auto {
            theme.charset = Charset::Half;
        }
        if !terminal || theme.charset == Charset::Braille {
            theme.colors = Colors::None;
        }
        let columns = if terminal { crossterm::terminal::size().map_or(80, |(columns, _)| columns) } else { 80 };
        let width = if theme.charset == Charset::Braille { SIDE / 2 } else { SIDE };
        Self { theme, width, across: (usize::from(columns) / (width + 1)).max(1) }
    }
}
