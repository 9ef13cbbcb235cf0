//! The grid of a sweep: keys with the values that they take, and seeds.

use std::mem;

use anyhow::{Result, bail, ensure};

/// The most runs of a sweep.
const RUNS: usize = 1000;

/// A key of the recipe, and the values that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// The key, such as `training.batch`.
    pub key: String,
    /// The values, as `--set` of `duel train` takes them.
    pub values: Vec<String>,
}

/// The seeds of each combination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeds(pub Vec<u64>);

/// Reads `key=a,b,c`.
pub fn axis(text: &str) -> Result<Axis, String> {
    let (key, list) = text.split_once('=').ok_or("give a key and its values, such as training.batch=32,64")?;
    let (key, values) = (key.trim().to_owned(), split(list)?);
    if values.iter().any(String::is_empty) {
        return Err(format!("a value of {key} is empty: give its values with one comma between them"));
    }
    Ok(Axis { key, values })
}

/// Splits a list at its commas, but not at those within brackets or quotation marks: `[64,32],"a,b",c` are three values.
fn split(list: &str) -> Result<Vec<String>, String> {
    let (mut values, mut value) = (Vec::new(), String::new());
    let (mut depth, mut quote, mut is_escaped) = (0, None, false);
    for c in list.chars() {
        match (quote, c) {
            (Some('"'), '\\') if !is_escaped => {
                is_escaped = true;
                value.push(c);
                continue;
            }
            (Some(mark), _) if mark == c && !is_escaped => quote = None,
            (Some(_), _) => {}
            // Elsewhere the mark is an apostrophe.
            (None, '"' | '\'') if depth > 0 || value.trim().is_empty() => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') if depth > 0 => depth -= 1,
            (None, ']' | '}') => return Err(unpaired()),
            (None, ',') if depth == 0 => {
                values.push(mem::take(&mut value).trim().to_owned());
                continue;
            }
            (None, _) => {}
        }
        is_escaped = false;
        value.push(c);
    }
    values.push(value.trim().to_owned());
    match quote.is_none() && depth == 0 {
        true => Ok(values),
        false => Err(unpaired()),
    }
}

fn unpaired() -> String {
    "a bracket or a quotation mark has no counterpart".to_owned()
}

/// Reads `1..5`, both ends included, or `1,2,7`.
pub fn seeds(text: &str) -> Result<Seeds, String> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let seeds: Option<Vec<u64>> = match text.split_once("..") {
        Some((first, last)) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last && last - first < RUNS as u64 => Some((first..=last).collect()),
            _ => None,
        },
        None => text.split(',').map(number).collect(),
    };
    seeds.map(Seeds).ok_or_else(|| format!("give seeds as 1..5 or as 1,2,7, and {RUNS} at most"))
}

/// The combinations of a sweep.
#[derive(Debug)]
pub struct Grid {
    /// The keys with several values.
    pub axes: Vec<Axis>,
    /// The settings that all runs share, as `key=value`.
    pub shared: Vec<String>,
}

impl Grid {
    /// Makes the grid of some keys, each of which may be given once.
    pub fn new(set: Vec<Axis>, seeds: usize) -> Result<Self> {
        for (at, Axis { key, .. }) in set.iter().enumerate() {
            ensure!(key != "training.seed", "--set {key}: give seeds with --seeds, such as --seeds 1..5");
            if set[..at].iter().any(|other| other.key == *key) {
                bail!("--set {key} is given twice: give all its values at once, with commas between them");
            }
        }
        let runs = set.iter().try_fold(seeds, |runs, axis| runs.checked_mul(axis.values.len()));
        ensure!(runs.is_some_and(|runs| runs <= RUNS), "these are more than {RUNS} runs: give fewer values or seeds");
        let (axes, shared): (Vec<Axis>, Vec<Axis>) = set.into_iter().partition(|axis| axis.values.len() > 1);
        Ok(Self {
            axes,
            shared: shared.into_iter().map(|Axis { key, values }| format!("{key}={}", values[0])).collect(),
        })
    }

    /// Returns the values of each combination, in the order of the axes; the values of the last axis change fastest.
    pub fn combinations(&self) -> Vec<Vec<&str>> {
        let mut combinations = vec![Vec::new()];
        for axis in &self.axes {
            let mut longer = Vec::new();
            for values in combinations {
                longer.extend(axis.values.iter().map(|value| [&values[..], &[value.as_str()]].concat()));
            }
            combinations = longer;
        }
        combinations
    }
}

/// Returns the name of a run's directory: `generator.hidden=64-32,seed=1`.
pub fn name(axes: &[Axis], values: &[&str], seed: u64) -> String {
    let part = |(axis, value): (&Axis, &&str)| format!("{}={},", axis.key, plain(value));
    axes.iter().zip(values).map(part).collect::<String>() + &format!("seed={seed}")
}

/// Returns a value without characters that are special in a file name or a shell.
fn plain(value: &str) -> String {
    let kept = value.chars().filter(|c| !"[]{}\"' ".contains(*c));
    kept.map(|c| if c.is_alphanumeric() || ".-+_".contains(c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_at_commas_outside_brackets_and_quotation_marks() {
        for (list, expected) in [
            ("1e-4, 2e-4", &["1e-4", "2e-4"][..]),
            ("[64,32],[128]", &["[64,32]", "[128]"]),
            ("[[1,2],[3]]", &["[[1,2],[3]]"]),
            (r#""a,b",'c,d',e"#, &[r#""a,b""#, "'c,d'", "e"]),
            (r#""a\",b","c\\",d"#, &[r#""a\",b""#, r#""c\\""#, "d"]),
            (r#"["a]",1],2"#, &[r#"["a]",1]"#, "2"]),
            ("it's,that's", &["it's", "that's"]),
            ("a,,b", &["a", "", "b"]),
        ] {
            assert_eq!(
                split(list).as_deref(),
                Ok(&expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
                "{list}"
            );
        }
        for wrong in ["[64,32", "64],[32", "\"a,b", "['a]"] {
            split(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn seeds_are_a_range_with_both_ends_or_a_list() {
        for (text, expected) in [("1..3", Some(vec![1, 2, 3])), ("7,1", Some(vec![7, 1])), ("4", Some(vec![4]))] {
            assert_eq!(seeds(text).ok(), expected.map(Seeds), "{text}");
        }
        for wrong in ["", "3..1", "1..", "a", "-1", "1,,2", "0..18446744073709551615", "1..1001"] {
            assert!(seeds(wrong).expect_err(wrong).contains("1..5"));
        }
    }

    #[test]
    fn a_grid_has_every_combination_and_plain_names() {
        let set = ["a=1,2", "b=x", "c=[64, 32],\"u v/w\""].map(|text| axis(text).expect(text));
        let grid = Grid::new(set.to_vec(), 3).expect("a grid");
        assert_eq!(grid.shared, ["b=x"]);
        let names: Vec<String> = grid.combinations().iter().map(|values| name(&grid.axes, values, 5)).collect();
        assert_eq!(names, ["a=1,c=64-32,seed=5", "a=1,c=uv-w,seed=5", "a=2,c=64-32,seed=5", "a=2,c=uv-w,seed=5"]);
        assert_eq!(name(&[], &[], 1), "seed=1");
        for (set, seeds, expected) in [
            (&["a=1", "a=2"][..], 1, "--set a is given twice"),
            (&["training.seed=1,2"], 1, "--seeds 1..5"),
            (&["a=1,2"], 501, "more than 1000 runs"),
        ] {
            let set = set.iter().map(|text| axis(text).expect(text)).collect();
            let error = Grid::new(set, seeds).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
