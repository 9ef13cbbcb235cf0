//! The sides of the images inside a convolutional network.

use candle_core::{Error, Result};
use duel_models::Shape;

/// The longest side of a picture, in pixels.
const SIDE_MAX: usize = 128;

/// The shortest side of the first image of a generator, in pixels.
const FIRST_SIDE_MIN: usize = 3;

/// Returns the sides, [height, width], of the image that `stages` doublings make a picture of this shape. An error
/// names the key, the stages and the nearest sides that fit.
pub(super) fn first_sides(shape: Shape, stages: usize) -> Result<[usize; 2]> {
    let Some(sides) = shape.halved(stages) else {
        let need = if stages == 1 { "1 stage needs".to_owned() } else { format!("{stages} stages need") };
        let factor = factor(stages);
        let shortest = FIRST_SIDE_MIN.saturating_mul(factor);
        let Shape { height, width, .. } = shape;
        let from = if height.min(width) < shortest { format!(" of at least {shortest}") } else { String::new() };
        // No `bail`: it adds a backtrace where the environment asks for one, and an error is one line.
        return Err(Error::Msg(format!(
            "generator.channels: {need} sides{from} that are multiples of {factor}; {height}x{width} is not: use {}",
            remedies(shape, stages)
        )));
    };
    Ok(sides)
}

/// The nearest sides that fit `stages`, and the stages that fit the shape.
fn remedies(shape: Shape, stages: usize) -> String {
    let sides = [shape.height, shape.width];
    let factor = factor(stages);
    let shortest = FIRST_SIDE_MIN.saturating_mul(factor);
    let mut remedies = Vec::new();
    if shortest <= SIDE_MAX {
        let longest = SIDE_MAX / factor * factor;
        let below = sides.map(|side| (side / factor * factor).clamp(shortest, longest));
        let above = sides.map(|side| side.next_multiple_of(factor).clamp(shortest, longest));
        let text = |[height, width]: [usize; 2]| format!("{height}x{width}");
        remedies.push(if above == below { text(below) } else { format!("{} or {}", text(below), text(above)) });
    }
    match shape.halvings() {
        0 => {}
        1 => remedies.push("1 stage".to_owned()),
        fitting => remedies.push(format!("{fitting} stages")),
    }
    if remedies.is_empty() { "generator.kind = mlp".to_owned() } else { remedies.join(", or ") }
}

/// 2 to the power of `stages`.
fn factor(stages: usize) -> usize {
    u32::try_from(stages).ok().and_then(|stages| 1usize.checked_shl(stages)).unwrap_or(usize::MAX)
}

/// Checks that a discriminator can halve the sides of this shape, rounded down, `stages` times. An error names the key,
/// the stages and what fits.
pub(super) fn check_halvings(shape: Shape, stages: usize) -> Result<()> {
    let Shape { height, width, .. } = shape;
    let most = height.min(width).ilog2() as usize;
    if stages <= most {
        return Ok(());
    }
    let shortest = factor(stages);
    let longer = if shortest <= SIDE_MAX { format!(", or sides of at least {shortest}") } else { String::new() };
    Err(Error::Msg(format!(
        "discriminator.channels: {stages} stages halve the sides of {height}x{width} to 0: use at most {most} \
         stages{longer}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape([height, width]: [usize; 2]) -> Shape {
        Shape::new(3, height, width).expect("sides in their bounds")
    }

    #[test]
    fn first_sides_fit_or_the_error_names_what_does() {
        for (sides, stages, expected) in [
            ([28, 28], 2, Ok([7, 7])),
            ([24, 32], 3, Ok([3, 4])),
            ([16, 24], 2, Ok([4, 6])),
            ([96, 128], 5, Ok([3, 4])),
            (
                [28, 28],
                3,
                Err("3 stages need sides that are multiples of 8; 28x28 is not: use 24x24 or 32x32, or 2 stages"),
            ),
            (
                [16, 24],
                3,
                Err("3 stages need sides of at least 24 that are multiples of 8; 16x24 is not: use 24x24, or 2 stages"),
            ),
            ([30, 8], 2, Err("multiples of 4; 30x8 is not: use 28x12 or 32x12, or 1 stage")),
            ([27, 27], 1, Err("1 stage needs sides that are multiples of 2; 27x27 is not: use 26x26 or 28x28")),
            ([27, 27], 9, Err("use generator.kind = mlp")),
        ] {
            match (first_sides(shape(sides), stages), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(found), Err(expected)) => {
                    let found = found.to_string();
                    assert!(found.starts_with("generator.channels: ") && found.ends_with(expected), "{found}");
                }
                (found, expected) => panic!("{sides:?} {stages}: {found:?} for {expected:?}"),
            }
        }
    }

    #[test]
    fn sides_are_halved_down_to_one() {
        assert!(check_halvings(shape([28, 28]), 4).is_ok() && check_halvings(shape([8, 128]), 3).is_ok());
        let error = check_halvings(shape([28, 28]), 5).expect_err("0").to_string();
        let expected = "5 stages halve the sides of 28x28 to 0: use at most 4 stages, or sides of at least 32";
        assert_eq!(error, format!("discriminator.channels: {expected}"));
    }
}
