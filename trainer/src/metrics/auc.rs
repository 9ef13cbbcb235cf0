//! The area under the ROC curve (AUC), ties counted by half: Mann and Whitney 1947.

/// Returns the share of pairs whose first value is larger than the second. A pair is a value of a group's first list
/// and a value of the same group's second list. Equal values count half; 0.5 is chance. NaN without pairs.
pub fn area_under_curve<'a>(groups: impl IntoIterator<Item = (&'a [f32], &'a [f32])>) -> f64 {
    let (mut larger, mut pairs) = (0.0, 0.0);
    for (first, second) in groups {
        let mut sorted = second.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        for one in first {
            let below = sorted.partition_point(|other| other < one);
            let equal = sorted.partition_point(|other| other <= one) - below;
            larger += below as f64 + 0.5 * equal as f64;
        }
        pairs += first.len() as f64 * second.len() as f64;
    }
    larger / pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_half_and_no_pair_mixes_two_groups() {
        // from sklearn.metrics import roc_auc_score; roc_auc_score([1, 1, 0, 0, 0], [0.5, 0.2, 0.5, 0.1, 0.4])
        let auc = area_under_curve([(&[0.5f32, 0.2][..], &[0.5f32, 0.1, 0.4][..])]);
        assert!((auc - 0.583_333_333).abs() < 1e-8, "{auc}");
        let groups = [(&[1.0f32][..], &[0.0f32][..]), (&[0.0f32][..], &[1.0f32, 1.0][..])];
        assert!((area_under_curve(groups) - 1.0 / 3.0).abs() < 1e-12);
        assert!(area_under_curve([]).is_nan());
    }
}
