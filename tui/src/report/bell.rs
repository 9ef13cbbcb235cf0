//! A duel over numbers at one step, as figure 1 of Goodfellow et al. 2014 draws it.

use duel_trainer::bell::Portrait;

use super::svg::{Figure, line, text, through};

/// Units of a figure, and of the margins at its sides.
const SIZE: [f64; 2] = [300.0, 236.0];
const SIDE: f64 = 14.0;
/// Heights: of the curves' top and ground, and where x and z lie.
const TOP: f64 = 24.0;
const GROUND: f64 = 152.0;
const X: f64 = 164.0;
const Z: f64 = 214.0;

/// A generator that has one value only has a density without end: it is cut at so many times the data's peak.
const CUT: f32 = 1.6;

/// Arrows at most: what a run directory holds is not trusted.
const ARROWS: usize = 100;
/// Places of the axis at most.
const PLACES: usize = 1000;

/// Draws it.
pub fn draw(portrait: &Portrait) -> Figure {
    let Portrait { x: places, data, generator, discriminator, arrows, .. } = portrait;
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
    Figure { size: SIZE, words: words(portrait), body }
}

/// A line with a head of two strokes.
fn arrow([x0, y0]: [f64; 2], [x1, y1]: [f64; 2]) -> String {
    let length = (x1 - x0).hypot(y1 - y0).max(1e-9);
    let (dx, dy) = ((x1 - x0) / length * 4.0, (y1 - y0) / length * 4.0);
    let head = [[x1 - dx - 0.5 * dy, y1 - dy + 0.5 * dx], [x1, y1], [x1 - dx + 0.5 * dy, y1 - dy - 0.5 * dx]];
    format!("<path class=\"arrow\" d=\"{}{}\"/>", through([[x0, y0], [x1, y1]]), through(head))
}

fn words(portrait: &Portrait) -> String {
    let peak = |values: &[f32]| {
        let highest = (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or(0);
        portrait.x[highest]
    };
    format!(
        "The data's density is highest at {:.2}, the generator's at {:.2}; their total variation distance is {:.3}. D(x) is within \
         0.5 ± {:.2} where the data lie.",
        peak(&portrait.data),
        peak(&portrait.generator),
        portrait.distance,
        portrait.doubt(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portrait(x: Vec<f32>, generator: Vec<f32>) -> Portrait {
        let (data, discriminator) = (vec![0.4; x.len()], vec![0.5; x.len()]);
        Portrait { step: 7, x, data, generator, discriminator, arrows: vec![[-1.0, 9.0], [1.0, 0.5]], distance: 0.25 }
    }

    #[test]
    fn what_lies_outside_stands_at_the_edge() {
        let figure = draw(&portrait(vec![0.0, 1.0, 2.0], vec![0.0, 1e30, 0.0]));
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
    fn an_axis_of_one_place_does_no_harm() {
        let body = draw(&portrait(vec![3.0, 3.0], vec![f32::MAX, f32::MIN])).body;
        assert!(!body.contains("NaN") && !body.contains("inf"), "{body}");
    }
}
