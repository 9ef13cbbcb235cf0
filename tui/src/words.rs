//! Numbers as a person reads them.

/// A whole number with a comma between thousands.
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

/// Seconds as `m:ss` or `h:mm:ss`; `-:--` for what is not known.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || !(0.0..1e9).contains(&seconds) {
        return "-:--".into();
    }
    let whole = seconds as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// How long ago that was, by its largest unit.
pub fn age(seconds: f64) -> String {
    match seconds {
        ..60.0 => "just now".into(),
        ..3600.0 => format!("{} min", (seconds / 60.0) as u64),
        ..86_400.0 => format!("{} h", (seconds / 3600.0) as u64),
        _ => format!("{} d", (seconds / 86_400.0) as u64),
    }
}

/// The time of day of a moment, on a clock so many seconds ahead of UTC.
pub fn clock(time: f64, offset: f64) -> String {
    let time = time + offset;
    let whole = if (0.0..1e15).contains(&time) { time as u64 } else { 0 };
    format!("{:02}:{:02}:{:02}", whole / 3600 % 24, whole / 60 % 60, whole % 60)
}

/// Scores by name, in a line; the Fréchet distance, by which the best is chosen, before what a narrow terminal cuts off.
#[cfg(feature = "train")]
pub fn scores(scores: &std::collections::BTreeMap<String, f64>) -> String {
    let mut scores: Vec<_> = scores.iter().collect();
    scores.sort_by_key(|(name, _)| *name != "frechet");
    let scores: Vec<String> = scores.into_iter().map(|(name, score)| format!("{name} {score:.3}")).collect();
    scores.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 78_125, 1_234_567].map(thousands), ["0", "999", "1,000", "78,125", "1,234,567"]);
        assert_eq!([0.0, 59.9, 192.0, 3725.0].map(duration), ["0:00", "0:59", "3:12", "1:02:05"]);
        assert_eq!([f64::NAN, f64::INFINITY, -1.0].map(duration), ["-:--"; 3]);
        assert_eq!([3.0, 150.0, 7300.0, 200_000.0].map(age), ["just now", "2 min", "2 h", "2 d"]);
        assert_eq!(
            [(0.0, 3600.0), (86_399.0, 0.0), (f64::NAN, 0.0)].map(|(time, offset)| clock(time, offset)),
            ["01:00:00", "23:59:59", "00:00:00"]
        );
    }
}
