//! The entropy of classes: how evenly samples are spread over them.

/// The entropy of the labels, divided by the entropy of `classes` equally frequent classes: 0 (one class) to 1.
pub fn class_entropy(labels: &[u8], classes: usize) -> f64 {
    let mut counts = [0u32; 256];
    labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
    let shares = counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) / labels.len() as f64);
    // ln(1 / p), not -ln p: one class gives 0, not -0.
    shares.map(|share| share * share.recip().ln()).sum::<f64>() / (classes as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equally_frequent_labels_have_entropy_1() {
        assert!((class_entropy(&(0..100).map(|i| i % 10).collect::<Vec<u8>>(), 10) - 1.0).abs() < 1e-9);
        assert_eq!(class_entropy(&[3; 10], 10).to_bits(), 0f64.to_bits());
        assert!((class_entropy(&[1, 2], 10) - 2f64.ln() / 10f64.ln()).abs() < 1e-9);
    }
}
