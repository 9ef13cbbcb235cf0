//! The scores of a sweep: a table for each judge, with the mean and the spread over seeds for each combination.

use std::collections::{BTreeMap, BTreeSet};

use duel_models::score_digits;
use duel_trainer::metrics::spread::deviation;

use crate::term::columns::{self, fitted};

/// The last scores of a run.
#[derive(Debug, Clone, Copy)]
pub struct Scored<'a> {
    /// The values of the run's combination, in the order of the keys.
    pub values: &'a [&'a str],
    /// The name and the start of the hash of the judge.
    pub judge: &'a str,
    /// The scores by name.
    pub scores: &'a BTreeMap<String, f64>,
}

/// Returns a table for each judge: a row for each combination of the values of `keys`, and a column for each score. Scores
/// that do not fit into `width` columns follow in a table below.
pub fn tables(keys: &[&str], runs: &[Scored], width: usize) -> String {
    let judges: BTreeSet<&str> = runs.iter().map(|run| run.judge).collect();
    judges
        .into_iter()
        .map(|judge| {
            let runs: Vec<Scored> = runs.iter().filter(|run| run.judge == judge).copied().collect();
            let by = if judge.is_empty() { String::new() } else { format!(" by judge {judge}") };
            format!(
                "Scores{by} at the last evaluation: mean ± standard deviation over the seeds\n\n{}",
                table(keys, &runs, width)
            )
        })
        .collect()
}

/// Returns the table of one judge.
fn table(keys: &[&str], runs: &[Scored], width: usize) -> String {
    let mut combinations: Vec<&[&str]> = Vec::new();
    runs.iter().for_each(|run| {
        if !combinations.contains(&run.values) {
            combinations.push(run.values)
        }
    });
    let own = |values: &[&str]| runs.iter().filter(|run| run.values == values).collect::<Vec<_>>();
    let mut fixed: Vec<Vec<String>> = keys
        .iter()
        .enumerate()
        .map(|(at, key)| {
            std::iter::once(*key).chain(combinations.iter().map(|values| values[at])).map(str::to_owned).collect()
        })
        .collect();
    let counts = combinations.iter().map(|values| own(values).len().to_string());
    fixed.push(std::iter::once("runs".to_owned()).chain(counts).collect());

    let names: BTreeSet<&String> = runs.iter().flat_map(|run| run.scores.keys()).collect();
    let mut names: Vec<&String> = names.into_iter().collect();
    // As on the dashboard, the score that chooses the best checkpoint comes first.
    names.sort_by_key(|name| *name != "frechet");
    let mut columns = names
        .into_iter()
        .map(|name| {
            let cell = |values: &&[&str]| {
                spread(
                    &own(values).iter().filter_map(|run| run.scores.get(name).copied()).collect::<Vec<_>>(),
                    score_digits(name),
                )
            };
            std::iter::once(name.replace('_', " ")).chain(combinations.iter().map(cell)).collect::<Vec<String>>()
        })
        .peekable();
    let mut text = String::new();
    loop {
        let mut shown = fixed.clone();
        // One score at least, whatever the width.
        shown.extend(columns.next());
        while let Some(column) = columns.next_if(|next| total(&shown) + 2 + widest(next) <= width) {
            shown.push(column);
        }
        text += &lines(&shown);
        text.push('\n');
        if columns.peek().is_none() {
            return text;
        }
    }
}

/// Formats the mean of some values, and their standard deviation with Bessel's correction if there are several.
fn spread(values: &[f64], digits: usize) -> String {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    match values.len() {
        0 => "-".to_owned(),
        1 => format!("{mean:.digits$}"),
        _ => format!("{mean:.digits$} ± {:.digits$}", deviation(values)),
    }
}

fn widest(column: &[String]) -> usize {
    column.iter().map(|cell| columns::width(cell)).max().unwrap_or_default()
}

/// The width of columns with two spaces between them.
fn total(columns: &[Vec<String>]) -> usize {
    columns.iter().map(|column| widest(column) + 2).sum::<usize>().saturating_sub(2)
}

fn lines(columns: &[Vec<String>]) -> String {
    let rows = columns.first().map_or(0, Vec::len);
    let line = |row: usize| {
        let cell = |column: &Vec<String>| fitted(&column[row], widest(column) + 2, "");
        columns.iter().map(cell).collect::<String>().trim_end().to_owned() + "\n"
    };
    (0..rows).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_summed_up_for_each_combination_and_judge() {
        let scores = |frechet: f64| BTreeMap::from([("frechet".to_owned(), frechet), ("coverage".to_owned(), 0.5)]);
        let (a, b, c, d) = (scores(1.0), scores(2.0), scores(4.5), scores(7.0));
        let run = |values, judge, scores| Scored { values, judge, scores };
        let runs = [
            run(&["1e-4"][..], "digits 01", &a),
            run(&["1e-4"], "digits 01", &b),
            run(&["1e-4"], "digits 01", &c),
            run(&["é"], "digits 01", &d),
            run(&["é"], "garments 02", &d),
        ];
        // Python: statistics.mean([1, 2, 4.5]), statistics.stdev([1, 2, 4.5]) = 2.5, 1.8027756377319946
        assert_eq!(
            tables(&["rate"], &runs, 80),
            "Scores by judge digits 01 at the last evaluation: mean ± standard deviation over the seeds\n\n\
             rate  runs  frechet        coverage\n\
             1e-4  3     2.500 ± 1.803  0.500 ± 0.000\n\
             é     1     7.000          0.500\n\n\
             Scores by judge garments 02 at the last evaluation: mean ± standard deviation over the seeds\n\n\
             rate  runs  frechet  coverage\n\
             é     1     7.000    0.500\n\n"
        );
        let narrow = tables(&["rate"], &runs[..1], 20);
        assert!(
            narrow.ends_with("rate  runs  frechet\n1e-4  1     1.000\n\nrate  runs  coverage\n1e-4  1     0.500\n\n"),
            "{narrow}"
        );
    }
}
