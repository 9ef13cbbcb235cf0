//! The only conversion in the project between a network's values and grey levels.

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
}
