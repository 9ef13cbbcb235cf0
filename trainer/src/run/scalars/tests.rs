use serde_json::{Map, Value};

use super::*;
use crate::run::curves::tests::record;

#[test]
fn every_number_of_a_record_is_one_scalar() {
    let text = serde_json::to_string(&record(7, 1.0)).expect("metrics are JSON");
    let keys: Map<String, Value> = serde_json::from_str(&text).expect("a record");
    let numbers = keys.iter().filter(|(key, value)| value.is_number() && !["step", "images"].contains(&key.as_str()));
    let mut numbers: Vec<&str> = numbers.map(|(key, _)| key.as_str()).collect();
    let mut scalars: Vec<&str> = SCALARS.iter().map(|scalar| scalar.key).collect();
    numbers.sort_unstable();
    scalars.sort_unstable();
    assert_eq!(scalars, numbers);
}

#[test]
fn each_scalar_reads_the_value_of_its_key() {
    for scalar in SCALARS {
        let mut record = serde_json::to_value(record(7, 1.0)).expect("metrics are JSON");
        record[scalar.key] = 0.375.into();
        let record: Metrics = serde_json::from_value(record).expect("a record");
        assert_eq!((scalar.read)(&record), 0.375, "{}", scalar.key);
    }
}

#[test]
fn keys_tags_and_names_are_unique_and_panels_hold_every_series() {
    for (index, scalar) in SCALARS.iter().enumerate() {
        for other in &SCALARS[..index] {
            assert!(scalar.key != other.key && scalar.tag != other.tag && scalar.name != other.name, "{scalar:?}");
        }
    }
    let shown: Vec<&str> = Panel::all().iter().flat_map(|panel| panel.series()).map(|series| series.key).collect();
    assert_eq!(shown.len(), SERIES);
    assert!(Series::all().all(|series| shown.contains(&series.key)));
}

/// TensorBoard's own readers check these rows, but only after a long build: a new scalar without a row should fail at once.
#[test]
fn the_comparison_with_tensorboard_has_every_tag() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/peers/tensorboard/check.py");
    let text = std::fs::read_to_string(file).expect("the comparison");
    let rows = text.split_once("TAGS = {\n").and_then(|(_, rest)| rest.split_once("\n}")).expect("a table").0;
    let mut compared: Vec<&str> = rows.lines().map(str::trim).collect();
    let scalars = SCALARS.iter().map(|scalar| format!("\"{}\": \"{}\",", scalar.tag, scalar.key));
    let mut scalars: Vec<String> = scalars.collect();
    compared.sort_unstable();
    scalars.sort_unstable();
    assert_eq!(scalars, compared);
}
