//! How a network's output becomes a value in [-1, 1], and the only conversion in the project between those and grey levels.

/// The hyperbolic tangent, a generator's last activation, within 5e-7, with the same bits on every CPU: a polynomial of degree 13 over one of degree 6, clamped where tanh rounds to ±1, with
/// the minimax coefficients of Eigen's `generic_fast_tanh_float` (Eigen 3, MathFunctionsImpl.h). It vectorises; the platform's
/// `tanh` does not, and takes some 20 times as long.
#[inline]
pub fn tanh(x: f32) -> f32 {
    let x = x.clamp(-7.905_311, 7.905_311);
    let s = x * x;
    let mut above = -2.760_768_5e-16;
    for c in [2.000_188e-13, -8.604_672e-11, 5.122_297_1e-8, 1.485_722_4e-5, 6.372_619_3e-4, 4.893_525e-3] {
        above = above * s + c;
    }
    let mut below = 1.198_258_4e-6;
    for c in [1.185_347_1e-4, 2.268_434_6e-3, 4.893_525e-3] {
        below = below * s + c;
    }
    x * above / below
}

/// The grey level, 0 to 255, of a network's value in [-1, 1]; what lies outside, and NaN, is clamped (NaN to 0).
pub fn to_byte(value: f32) -> u8 {
    // A float-to-integer cast in Rust saturates, and takes NaN to 0.
    ((value + 1.0) * 127.5).round() as u8
}

/// The value in [-1, 1] of a grey level.
pub fn from_byte(byte: u8) -> f32 {
    f32::from(byte) / 127.5 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grey_level_survives_the_round_trip() {
        for byte in 0..=255 {
            assert_eq!(to_byte(from_byte(byte)), byte);
        }
    }

    #[test]
    fn values_outside_the_range_are_clamped() {
        for (value, byte) in [(-1.5, 0), (1.5, 255), (f32::INFINITY, 255), (f32::NAN, 0)] {
            assert_eq!(to_byte(value), byte);
        }
    }

    #[test]
    fn tanh_is_the_platforms() {
        let worst = (-100_000..=100_000)
            .map(|i| i as f32 * 1e-4)
            .map(|x| (f64::from(tanh(x)) - f64::from(x).tanh()).abs())
            .fold(0.0, f64::max);
        assert!(worst < 5e-7, "{worst:e}");
        assert!(tanh(f32::NAN).is_nan());
    }
}
