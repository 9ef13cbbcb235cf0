//! A toy distribution at one step, as figure 1 of Goodfellow et al. 2014 draws it.

use duel_trainer::run::density::Densities;

use super::svg::{Figure, line, text, through};

/// Size of a figure, and its margins at the left and right, in units.
const SIZE: [f64; 2] = [300.0, 236.0];
const SIDE: f64 = 14.0;
/// Vertical positions of the highest density, the baseline of the curves, the axis of x and the axis of z.
const TOP: f64 = 24.0;
const GROUND: f64 = 152.0;
const X: f64 = 164.0;
const Z: f64 = 214.0;

/// Density at which the curves are cut, as a multiple of the data's highest density: a generator that has collapsed to
/// one value has an infinite density.
const CUT: f32 = 1.6;

/// The most arrows that are drawn, because a run directory is untrusted input.
const ARROWS: usize = 100;
/// The most points of a curve that are drawn, for the same reason.
const PLACES: usize = 1000;

/// Draws the figure.
pub fn draw(densities: &Densities) -> Figure {
    let Densities { x: places, data, generator, discriminator, arrows, .. } = densities;
    let [first, last] = [places[0], places[places.len() - 1]];
    let across = |share: f32| SIDE + (SIZE[0] - 2.0 * SIDE) * f64::from(share.clamp(0.0, 1.0));
    let at = |x: f32| across(if last > first { (x - first) / (last - first) } else { 0.5 });
    let peak = data.iter().copied().fold(f32::MIN_POSITIVE, f32::max) * CUT;
    let mut body = String::new();
    body += &line("rule", [SIDE, (TOP + GROUND) / 2.0], [SIZE[0] - SIDE, (TOP + GROUND) / 2.0]);
    for height in [GROUND, X, Z] {
        body += &line("rule", [SIDE, height], [SIZE[0] - SIDE, height]);
    }
    for (class, values, most) in [("d dashed", discriminator, 1.0), ("data", data, peak), ("g", generator, peak)] {
        let height = |value: f32| GROUND + (TOP - GROUND) * f64::from((value / most).clamp(0.0, 1.0));
        let path = through(places.iter().zip(values).take(PLACES).map(|(&x, &value)| [at(x), height(value)]));
        body += &format!("<path class=\"{class}\" d=\"{path}\"/>");
    }
    let widest = arrows.iter().map(|[z, _]| z.abs()).fold(f32::MIN_POSITIVE, f32::max);
    for [z, x] in arrows.iter().take(ARROWS) {
        body += &arrow([across(0.5 + 0.5 * z / widest), Z], [at(*x), X]);
    }
    body += &text(SIDE, X - 2.0, "start", "x");
    body += &text(SIDE, Z + 14.0, "start", "z");
    let mut along = SIDE;
    for (class, name) in [("data", "data"), ("g", "G(z)"), ("d dashed", "D(x)")] {
        body += &line(class, [along, 10.0], [along + 20.0, 10.0]);
        body += &text(along + 25.0, 14.0, "start", name);
        along += 72.0;
    }
    Figure { size: SIZE, words: words(densities), body }
}

/// Returns a line with an arrow head of two strokes.
fn arrow([x0, y0]: [f64; 2], [x1, y1]: [f64; 2]) -> String {
    let length = (x1 - x0).hypot(y1 - y0).max(1e-9);
    let (dx, dy) = ((x1 - x0) / length * 4.0, (y1 - y0) / length * 4.0);
    let head = [[x1 - dx - 0.5 * dy, y1 - dy + 0.5 * dx], [x1, y1], [x1 - dx + 0.5 * dy, y1 - dy - 0.5 * dx]];
    format!("<path class=\"arrow\" d=\"{}{}\"/>", through([[x0, y0], [x1, y1]]), through(head))
}

fn words(densities: &Densities) -> String {
    let peak = |values: &[f32]| {
        let highest = (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or(0);
        densities.x[highest]
    };
    format!(
        "The data's density is highest at {:.2}, the generator's at {:.2}; their total variation distance is {:.3}. D(x) is within \
         0.5 ± {:.2} where 99 % of the data lie.",
        peak(&densities.data),
        peak(&densities.generator),
        densities.distance,
        densities.largest_advantage(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn densities(x: Vec<f32>, generator: Vec<f32>) -> Densities {
        let (data, discriminator) = (vec![0.4; x.len()], vec![0.5; x.len()]);
        Densities { step: 7, x, data, generator, discriminator, arrows: vec![[-1.0, 9.0], [1.0, 0.5]], distance: 0.25 }
    }

    #[test]
    fn values_beyond_the_figure_are_drawn_at_its_edge() {
        let figure = draw(&densities(vec![0.0, 1.0, 2.0], vec![0.0, 1e30, 0.0]));
        assert!(figure.body.contains(&format!("L150.0 {TOP:.1}L")), "the peak is cut: {}", figure.body);
        assert!(
            figure.body.contains(&format!("{:.1} {X:.1}M", SIZE[0] - SIDE)),
            "an arrow ends at the edge: {}",
            figure.body
        );
        assert!(
            figure.words.contains("the generator's at 1.00; their total variation distance is 0.250"),
            "{}",
            figure.words
        );
    }

    #[test]
    fn an_axis_of_length_zero_gives_finite_coordinates() {
        let body = draw(&densities(vec![3.0, 3.0], vec![f32::MAX, f32::MIN])).body;
        assert!(!body.contains("NaN") && !body.contains("inf"), "{body}");
    }
}
