//! Labels as numbers of any kind, and labels that count from 0.

use duel_models::CLASSES_MAX;

/// Numbers `labels` from 0 on, in the order of the distinct values in `all`, and returns the values as names if they
/// were others before. The error is the reason.
pub(super) fn numbered(labels: &[i64], all: &[i64]) -> Result<(Vec<u8>, Vec<String>), String> {
    let mut distinct = all.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() > CLASSES_MAX {
        return Err(format!("{} classes are more than {CLASSES_MAX}", distinct.len()));
    }
    let place = |label: &i64| distinct.binary_search(label).map(|place| place as u8);
    let renumbered: Result<Vec<u8>, _> = labels.iter().map(place).collect();
    let renumbered = renumbered.map_err(|_| "a test label is no training label".to_owned())?;
    let counts_from_zero = distinct.iter().copied().eq(0..distinct.len() as i64);
    let names = if counts_from_zero { Vec::new() } else { distinct.iter().map(i64::to_string).collect() };
    Ok((renumbered, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_count_from_zero_and_keep_their_names() {
        assert_eq!(numbered(&[1, 0, 1], &[0, 1, 1]), Ok((vec![1, 0, 1], vec![])));
        let names = ["3", "7"].map(str::to_owned).to_vec();
        assert_eq!(numbered(&[7, 3, 7], &[3, 7]), Ok((vec![1, 0, 1], names)));
        assert_eq!(numbered(&[5], &[-1, 5]).map(|(labels, names)| (labels, names.len())), Ok((vec![1], 2)));
        assert!(numbered(&[2], &[0, 1]).is_err());
        assert!(numbered(&[0], &(0..257).collect::<Vec<_>>()).expect_err("257").contains("257 classes"));
    }
}
