//! The tables of faults and their outcomes.

/// The outcomes of one fault.
#[derive(Debug)]
struct Row {
    name: &'static str,
    tried: u64,
    /// For damaged input: how many were accepted, and how many were refused.
    verdicts: Option<[u64; 2]>,
    lost: Vec<String>,
}

/// The outcomes of all faults.
#[derive(Debug)]
pub struct Table {
    only: Option<String>,
    rows: Vec<Row>,
}

/// The outcome of a damaged input that did no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The damage left a valid input, which was accepted.
    Taken,
    /// An error was printed.
    Refused,
}

impl Table {
    /// An empty table. With `only`, faults whose name does not hold this text are left out.
    pub fn new(only: Option<String>) -> Self {
        Self { only, rows: Vec::new() }
    }

    fn leaves_out(&self, name: &str) -> bool {
        self.only.as_ref().is_some_and(|only| !name.contains(only))
    }

    /// Tries a fault `times` times. `each` gets the number of the repetition; its error says what was lost.
    pub fn fault(&mut self, name: &'static str, times: u64, mut each: impl FnMut(u64) -> Result<(), String>) {
        if self.leaves_out(name) {
            return;
        }
        let lost = (0..times).filter_map(|time| each(time).err().map(|why| reported(name, time, why))).collect();
        self.add(Row { name, tried: times, verdicts: None, lost });
    }

    /// Tries a damaged input `times` times. `each` gets the number of the repetition; its error says what harm was done.
    pub fn input(&mut self, name: &'static str, times: u64, mut each: impl FnMut(u64) -> Result<Verdict, String>) {
        if self.leaves_out(name) {
            return;
        }
        let (mut verdicts, mut lost) = ([0; 2], Vec::new());
        for time in 0..times {
            match each(time) {
                Ok(verdict) => verdicts[verdict as usize] += 1,
                Err(why) => lost.push(reported(name, time, why)),
            }
        }
        self.add(Row { name, tried: times, verdicts: Some(verdicts), lost });
    }

    fn add(&mut self, row: Row) {
        eprintln!("{}: {} of {} survived", row.name, row.tried - row.lost.len() as u64, row.tried);
        self.rows.push(row);
    }

    /// Tells whether nothing was lost.
    pub fn is_clean(&self) -> bool {
        self.rows.iter().all(|row| row.lost.is_empty())
    }

    /// Prints both tables as Markdown.
    pub fn print(&self, seed: u64) {
        println!("\n| fault (seed {seed}) | tried | survived | lost |\n|---|---|---|---|");
        for Row { name, tried, lost, .. } in self.rows.iter().filter(|row| row.verdicts.is_none()) {
            println!("| {name} | {tried} | {} | {} |", tried - lost.len() as u64, lost.len());
        }
        println!("\n| damaged input (seed {seed}) | tried | refused | accepted | crashed |\n|---|---|---|---|---|");
        for Row { name, tried, verdicts, lost } in &self.rows {
            if let Some([taken, refused]) = verdicts {
                println!("| {name} | {tried} | {refused} | {taken} | {} |", lost.len());
            }
        }
    }
}

/// Prints the error of a trial at once; the table only counts it.
fn reported(name: &str, time: u64, why: String) -> String {
    eprintln!("{name} {time}: {why}");
    why
}
