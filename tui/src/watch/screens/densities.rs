//! A toy distribution, as figure 1 of Goodfellow et al. 2014 draws it: densities and D(x) over the axis of x, and below
//! it arrows from each latent z to G(z).

use duel_trainer::run::density::Densities;
use ratatui::layout::Rect;

use crate::term::{
    plot::Canvas,
    sheet::{Sheet, piece},
    theme::Role,
};

/// The fewest rows with room for arrows.
const ARROWS: u16 = 9;
/// Density at which the curves are cut, as a multiple of the data's highest density: a generator that has collapsed to
/// one value has an infinite density.
const CUT: f32 = 1.6;

/// Draws densities and arrows, with a legend on top.
pub fn draw(densities: &Densities, area: Rect, sheet: &mut Sheet) {
    if area.height < 3 || area.width < 8 {
        return;
    }
    let distance = format!("  apart {:.2}", densities.distance);
    let legend =
        [piece("data ", Role::Text), piece("G(z) ", Role::G), piece("D(x)", Role::D), piece(distance, Role::Dim)];
    sheet.put(area.x + 1, area.right(), area.y, &legend);
    let rest = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let arrows = if rest.height >= ARROWS { rest.height / 3 } else { 0 };
    let above = Rect { height: rest.height - arrows, ..rest };
    draw_curves(densities, above, sheet);
    if arrows > 1 {
        draw_arrows(densities, Rect { y: above.bottom(), height: arrows, ..rest }, sheet);
    }
}

fn draw_curves(densities: &Densities, area: Rect, sheet: &mut Sheet) {
    let mut canvas = Canvas::new(area, sheet.theme);
    let (width, height) = canvas.size();
    let peak = densities.data.iter().copied().fold(f32::MIN_POSITIVE, f32::max) * CUT;
    for x in (0..width).step_by(4) {
        canvas.set(x, height / 2, Role::Even);
    }
    // The last curve is in front.
    for (values, most, role) in [
        (&densities.discriminator, 1.0, Role::D),
        (&densities.data, peak, Role::Text),
        (&densities.generator, peak, Role::G),
    ] {
        let row = |x: usize| {
            let at = x * (values.len() - 1) / (width - 1).max(1);
            let share = (values[at] / most).clamp(0.0, 1.0);
            ((1.0 - share) * (height - 1) as f32).round() as usize
        };
        for x in 0..width {
            let (before, here) = (row(x.saturating_sub(1)), row(x));
            // Joined to the dot before, without covering it.
            let between = if before < here { before + 1..=here } else { here..=before.saturating_sub(1).max(here) };
            between.for_each(|y| canvas.set(x, y, role));
        }
    }
    canvas.draw(sheet.buffer);
}

/// Draws lines from z, evenly spaced at the bottom, to x at the top.
fn draw_arrows(densities: &Densities, area: Rect, sheet: &mut Sheet) {
    let mut canvas = Canvas::new(area, sheet.theme);
    let (width, height) = canvas.size();
    let [first, last] = [densities.x[0], densities.x[densities.x.len() - 1]];
    let column = |share: f32| (share.clamp(0.0, 1.0) * (width - 1) as f32) as f64;
    let most = densities.arrows.iter().map(|[z, _]| z.abs()).fold(f32::MIN_POSITIVE, f32::max);
    let every = if area.width < 40 { 2 } else { 1 };
    for [z, x] in densities.arrows.iter().step_by(every) {
        let (from, to) = (column(0.5 + 0.5 * z / most), column((x - first) / (last - first)));
        for y in 0..height {
            let up = y as f64 / (height - 1).max(1) as f64;
            canvas.set((to + (from - to) * up).round() as usize, y, Role::Dim);
        }
    }
    canvas.draw(sheet.buffer);
    sheet.put(area.x, area.right(), area.y, &[piece("x", Role::G)]);
    sheet.put(area.x, area.right(), area.bottom() - 1, &[piece("z", Role::G)]);
}
