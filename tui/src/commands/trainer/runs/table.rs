//! The table of runs, as wide as the terminal.

use crate::term::columns::{cut, fitted, width};

/// The cells of a run: name, state, step, age, recipe, scores.
pub type Row = [String; 6];

const HEAD: [&str; 6] = ["RUN", "STATE", "STEP", "AGE", "RECIPE", "SCORES"];

/// Indices of the columns that can be narrow.
const RUN: usize = 0;
const STEP: usize = 2;
const AGE: usize = 3;
const RECIPE: usize = 4;
const SCORES: usize = 5;

/// Spaces between two columns.
const GAP: usize = 2;

/// The columns that are left out of a narrow table, the first one first, and the least columns that a name has before.
const LEFT_OUT: [(usize, usize); 4] = [(RECIPE, 24), (AGE, 24), (SCORES, 12), (STEP, 12)];

/// The least columns of scores: those of `frechet 123.456 …`.
const LEAST_SCORES: usize = 17;

/// Formats a line for the head and for each row, of at most `columns` columns. In a narrow terminal names and scores are
/// cut, and the recipe, then the age, the scores and the step are left out. A text that is cut ends with `mark`.
pub fn table(rows: &[Row], columns: usize, mark: &str) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head = HEAD.map(str::to_owned);
    let all: Vec<&Row> = std::iter::once(&head).chain(rows).collect();
    let whole = |column: usize| all.iter().map(|row| width(&row[column])).max().unwrap_or(0);
    let widths = fit(std::array::from_fn(whole), columns);
    let line = |row: &Row| {
        let cell = |column: usize| match column {
            SCORES => cut_scores(&row[SCORES], widths[SCORES], mark),
            _ => fitted(&row[column], widths[column], mark),
        };
        let cells: Vec<String> = (0..widths.len()).filter(|column| widths[*column] > 0).map(cell).collect();
        format!("{}\n", cells.join(&" ".repeat(GAP)).trim_end())
    };
    all.into_iter().map(line).collect()
}

/// Returns the widths of columns that are `whole` wide, so that a line has at most `columns` columns; 0 for a column that
/// is left out. The state always stays, and at least one column of the name.
fn fit(whole: [usize; 6], columns: usize) -> [usize; 6] {
    let line =
        |widths: &[usize; 6]| widths.iter().filter(|width| **width > 0).map(|width| width + GAP).sum::<usize>() - GAP;
    let mut widths = whole;
    widths[SCORES] = whole[SCORES].min(LEAST_SCORES);
    for (column, name) in LEFT_OUT {
        widths[RUN] = whole[RUN].min(name);
        if line(&widths) > columns {
            widths[column] = 0;
        }
    }
    for column in [RUN, SCORES] {
        if widths[column] > 0 {
            widths[column] += columns.saturating_sub(line(&widths)).min(whole[column] - widths[column]);
        }
    }
    widths[RUN] = widths[RUN].saturating_sub(line(&widths).saturating_sub(columns)).max(1);
    widths
}

/// Cuts scores behind one of them, so that no number loses digits.
fn cut_scores(scores: &str, columns: usize, mark: &str) -> String {
    if width(scores) <= columns {
        return scores.to_owned();
    }
    let room = columns.saturating_sub(width(mark) + 1);
    let ends = scores.match_indices(", ").chain(scores.match_indices(" (")).map(|(at, _)| at);
    match ends.filter(|end| width(&scores[..*end]) <= room).max() {
        Some(end) => format!("{} {mark}", &scores[..end]),
        None => cut(scores, columns, mark).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, scores: &str) -> Row {
        [name, "done", "18,000 / 18,000", "just now", "digits", scores].map(str::to_owned)
    }

    #[test]
    fn a_line_of_each_run_fits_the_terminal() {
        let scores = "frechet 14.250 (real 0.786), density 0.981, coverage 0.902, judge digits 0123456789abcdef";
        let rows = [row("digits-1", scores), row("数字-🐙", ""), row(&"a/long/name".repeat(5), scores)];
        for (columns, expected) in [
            (
                60,
                "RUN                STATE  STEP             SCORES\n\
                 digits-1           done   18,000 / 18,000  frechet 14.250 …\n\
                 数字-🐙            done   18,000 / 18,000\n\
                 a/long/namea/lon…  done   18,000 / 18,000  frechet 14.250 …\n",
            ),
            (20, "RUN            STATE\ndigits-1       done\n数字-🐙        done\na/long/namea…  done\n"),
            (
                80,
                "RUN                          STATE  STEP             AGE       SCORES\n\
                 digits-1                     done   18,000 / 18,000  just now  frechet 14.250 …\n\
                 数字-🐙                      done   18,000 / 18,000  just now\n\
                 a/long/namea/long/namea/lo…  done   18,000 / 18,000  just now  frechet 14.250 …\n",
            ),
        ] {
            assert_eq!(table(&rows, columns, "…"), expected);
        }
        for columns in 20..250 {
            let table = table(&rows, columns, "…");
            assert_eq!(table.lines().count(), 4);
            assert!(table.lines().all(|line| width(line) <= columns), "{columns}:\n{table}");
            // The second column begins in the same place in each line.
            let before = |line: &str| line.find("STATE").or(line.find("done")).map(|at| width(&line[..at]));
            let places: Vec<_> = table.lines().map(before).collect();
            assert!(places.iter().all(|place| *place == places[0]), "{columns}:\n{table}");
        }
        assert!(table(&rows, usize::MAX, "…").contains(&rows[2][0]) && !table(&rows, usize::MAX, "…").contains('…'));
        assert_eq!(table(&[], 80, "…"), "");
    }

    #[test]
    fn scores_are_cut_behind_a_number() {
        let scores = "frechet 14.250 (real 0.786), density 0.981";
        for (columns, expected) in [
            (42, scores),
            (41, "frechet 14.250 (real 0.786) …"),
            (28, "frechet 14.250 …"),
            (16, "frechet 14.250 …"),
            (9, "frechet …"),
        ] {
            assert_eq!(cut_scores(scores, columns, "…"), expected, "{columns}");
        }
    }
}
