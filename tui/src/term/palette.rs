//! Colours that a terminal has: the 16 of its own palette, the 256 of xterm, and those that are nearest to any colour.

use std::sync::LazyLock;

/// Red, green and blue, as sRGB levels.
pub type Rgb = [u8; 3];

/// The 16 colours of xterm's default palette. Other terminals differ a little.
pub const SIXTEEN: [Rgb; 16] = [
    [0, 0, 0],
    [205, 0, 0],
    [0, 205, 0],
    [205, 205, 0],
    [0, 0, 238],
    [205, 0, 205],
    [0, 205, 205],
    [229, 229, 229],
    [127, 127, 127],
    [255, 0, 0],
    [0, 255, 0],
    [255, 255, 0],
    [92, 92, 255],
    [255, 0, 255],
    [0, 255, 255],
    [255, 255, 255],
];

/// Linear light of each sRGB level, 0 to 65,535 (IEC 61966-2-1).
static LINEAR: LazyLock<[u16; 256]> = LazyLock::new(|| {
    std::array::from_fn(|level| {
        let level = level as f64 / 255.0;
        let light = if level <= 0.04045 { level / 12.92 } else { ((level + 0.055) / 1.055).powf(2.4) };
        (light * 65535.0).round() as u16
    })
});

/// The 16 colours in Oklab.
static SIXTEEN_OKLAB: LazyLock<[[f32; 3]; 16]> = LazyLock::new(|| SIXTEEN.map(oklab));

/// Converts an sRGB level to linear light, 0 to 65,535.
pub fn to_linear(level: u8) -> u16 {
    LINEAR[usize::from(level)]
}

/// Converts linear light to the nearest sRGB level.
pub fn from_linear(light: u16) -> u8 {
    let above = LINEAR.partition_point(|&level| level < light).min(255);
    let below = above.saturating_sub(1);
    let nearer_below = light.abs_diff(LINEAR[below]) < light.abs_diff(LINEAR[above]);
    (if nearer_below { below } else { above }) as u8
}

/// Returns the luma of a colour, 0 to 255: Rec. 709, section 3.2, over sRGB levels.
pub fn luma([r, g, b]: Rgb) -> u8 {
    let [r, g, b] = [r, g, b].map(u32::from);
    ((2126 * r + 7152 * g + 722 * b + 5000) / 10_000) as u8
}

/// Returns one of xterm's 256 colours.
pub fn of_256(index: u8) -> Rgb {
    match index {
        0..=15 => SIXTEEN[usize::from(index)],
        // A cube of 6 levels for each of red, green and blue, then 24 greys.
        16..=231 => {
            let level = |digit: u8| if digit == 0 { 0 } else { 55 + 40 * digit };
            let index = index - 16;
            [level(index / 36), level(index / 6 % 6), level(index % 6)]
        }
        232.. => [8 + 10 * (index - 232); 3],
    }
}

/// Returns the nearest of xterm's 256 colours: the nearer of the cube's and the greys' by squared distance. The first 16
/// are left out, because each terminal has its own.
pub fn nearest_of_256(colour: Rgb) -> u8 {
    // The levels of the cube are 0, 95, 135, 175, 215 and 255.
    let [r, g, b] = colour.map(|level| match level {
        0..=47 => 0,
        48..=114 => 1,
        level => (level - 35) / 40,
    });
    let mean = colour.into_iter().map(u32::from).sum::<u32>() / 3;
    let grey = 232 + ((mean + 5).saturating_sub(8) / 10).min(23) as u8;
    let distance = |index: u8| -> u32 {
        let levels = of_256(index).into_iter().zip(colour);
        levels.map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let cube = 16 + 36 * r + 6 * g + b;
    if distance(grey) < distance(cube) { grey } else { cube }
}

/// Returns the nearest of the 16 colours: by distance in Oklab in which both axes of colour count twice, as in color.js's
/// deltaEOK2. A grey would otherwise become cyan.
pub fn nearest_of_16(colour: Rgb) -> u8 {
    let [l, a, b] = oklab(colour);
    let distance =
        |there: &[f32; 3]| (l - there[0]).powi(2) + (2.0 * (a - there[1])).powi(2) + (2.0 * (b - there[2])).powi(2);
    let distances = SIXTEEN_OKLAB.iter().map(distance);
    let nearest = distances.enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b));
    nearest.map_or(0, |(index, _)| index as u8)
}

/// Converts a colour to Oklab, in which distances are near to those that people see (Ottosson 2020, "A perceptual color
/// space for image processing").
fn oklab(colour: Rgb) -> [f32; 3] {
    let [r, g, b] = colour.map(|level| f32::from(to_linear(level)) / 65535.0);
    let l = (0.412_221_47 * r + 0.536_332_54 * g + 0.051_445_993 * b).cbrt();
    let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
    let s = (0.088_302_46 * r + 0.281_718_84 * g + 0.629_978_7 * b).cbrt();
    [
        0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
        1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
        0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_survives_linear_light() {
        assert!((0..=255).all(|level| from_linear(to_linear(level)) == level));
        // Half the light of white is level 188.
        assert_eq!((from_linear(32768), from_linear(0), from_linear(65535)), (188, 0, 255));
    }

    #[test]
    fn the_nearest_of_256_is_the_nearest_that_there_is() {
        for colour in (0..4096u32).map(|at| [at % 16, at / 16 % 16, at / 256].map(|level| (level * 17) as u8)) {
            let distance = |index: u8| -> u32 {
                of_256(index).iter().zip(colour).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
            };
            let best = (16..=255).map(distance).min().expect("240 colours");
            assert_eq!(distance(nearest_of_256(colour)), best, "{colour:?}");
        }
        for (level, expected) in [(0, 16), (8, 232), (12, 232), (128, 244), (255, 231)] {
            assert_eq!(nearest_of_256([level; 3]), expected, "{level}");
        }
    }

    /// Nearest colours by colour-science 0.4.7:
    ///
    /// ```python
    /// lab = lambda c: colour.XYZ_to_Oklab(colour.sRGB_to_XYZ(numpy.array(c) / 255)) * [1, 2, 2]
    /// [numpy.argmin([numpy.sum((lab(c) - lab(p)) ** 2) for p in SIXTEEN]) for c in COLOURS]
    /// ```
    #[test]
    fn the_nearest_of_16_is_the_nearest_to_the_eye() {
        for (colour, expected) in [
            ([0, 0, 0], 0),
            ([200, 30, 20], 1),
            ([60, 180, 60], 2),
            ([255, 204, 77], 3),
            ([100, 100, 240], 12),
            ([128, 128, 128], 8),
            ([190, 190, 190], 7),
            ([120, 80, 50], 8),
            ([240, 240, 240], 7),
            ([255, 224, 189], 7),
            ([255, 255, 255], 15),
        ] {
            assert_eq!(nearest_of_16(colour), expected, "{colour:?}");
        }
        let [l, a, b] = oklab([255, 0, 0]);
        assert!((l - 0.627_96).abs() < 1e-4 && (a - 0.224_86).abs() < 1e-4 && (b - 0.125_85).abs() < 1e-4);
    }
}
