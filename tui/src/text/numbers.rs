//! Numbers and times as text.

/// Formats a whole number with a comma between thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a number of threads: `1 thread`, `2 threads`.
pub fn threads(count: usize) -> String {
    if count == 1 { "1 thread".into() } else { format!("{count} threads") }
}

/// Formats a learning rate with at most three digits: `2e-3`, `6.9e-5`.
pub fn rate(rate: f64) -> String {
    let rounded = format!("{rate:.2e}").parse().unwrap_or(rate);
    format!("{rounded:e}")
}

/// Formats bytes by powers of 1,000, as `640 MB` or `1.2 GB`.
pub fn bytes(bytes: f64) -> String {
    if bytes < 1e9 { format!("{:.0} MB", bytes / 1e6) } else { format!("{:.1} GB", bytes / 1e9) }
}

/// Formats seconds as `m:ss` or `h:mm:ss`; `-:--` for a number that is negative or not finite.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || !(0.0..1e9).contains(&seconds) {
        return "-:--".into();
    }
    let whole = seconds as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// Formats an age in seconds by its largest unit: `just now`, `2 min`, `3 h`, `5 d`.
pub fn age(seconds: f64) -> String {
    match seconds {
        ..60.0 => "just now".into(),
        ..3600.0 => format!("{} min", (seconds / 60.0) as u64),
        ..86_400.0 => format!("{} h", (seconds / 3600.0) as u64),
        _ => format!("{} d", (seconds / 86_400.0) as u64),
    }
}

/// Formats the time of day of `time`, in seconds since 1970, on a clock that is `offset` seconds ahead of UTC.
pub fn time_of_day(time: f64, offset: f64) -> String {
    let time = time + offset;
    let whole = if (0.0..1e15).contains(&time) { time as u64 } else { 0 };
    format!("{:02}:{:02}:{:02}", whole / 3600 % 24, whole / 60 % 60, whole % 60)
}

/// Formats a number in at most 5 characters, 6 with a minus sign.
pub fn short(figure: f64) -> String {
    let size = figure.abs();
    if !figure.is_finite() {
        return if figure.is_nan() { "nan".into() } else { format!("{figure}") };
    }
    match size {
        0.0 => "0".into(),
        ..0.001 => format!("{figure:.0e}"),
        ..0.1 => format!("{figure:.3}"),
        ..9.995 => format!("{figure:.2}"),
        ..99.95 => format!("{figure:.1}"),
        ..9_999.5 => format!("{figure:.0}"),
        ..999_500.0 => format!("{:.0}k", figure / 1e3),
        ..999_500_000.0 => format!("{:.0}M", figure / 1e6),
        _ => format!("{figure:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 78_125, 1_234_567].map(thousands), ["0", "999", "1,000", "78,125", "1,234,567"]);
        assert_eq!([0.0, 59.9, 192.0, 3725.0].map(duration), ["0:00", "0:59", "3:12", "1:02:05"]);
        assert_eq!([1, 2].map(threads), ["1 thread", "2 threads"]);
        assert_eq!([2e-3, 6.900000000000005e-5, 0.0, f64::NAN].map(rate), ["2e-3", "6.9e-5", "0e0", "NaN"]);
        assert_eq!([f64::NAN, f64::INFINITY, -1.0].map(duration), ["-:--"; 3]);
        assert_eq!([9.9e6, 640.4e6, 1.25e9].map(bytes), ["10 MB", "640 MB", "1.2 GB"]);
        assert_eq!([3.0, 150.0, 7300.0, 200_000.0].map(age), ["just now", "2 min", "2 h", "2 d"]);
        assert_eq!(
            [(0.0, 3600.0), (86_399.0, 0.0), (f64::NAN, 0.0)].map(|(time, offset)| time_of_day(time, offset)),
            ["01:00:00", "23:59:59", "00:00:00"]
        );
    }

    #[test]
    fn figures_are_short() {
        for (figure, expected) in [
            (0.0, "0"),
            (1.386, "1.39"),
            (-1.386, "-1.39"),
            (12.34, "12.3"),
            (123.4, "123"),
            (12_345.0, "12k"),
            (0.0123, "0.012"),
            (1.2e-5, "1e-5"),
            (f64::NAN, "nan"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(short(figure), expected);
        }
    }
}
