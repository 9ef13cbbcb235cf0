//! What was tried and what became of it.

/// A line of the table.
#[derive(Debug)]
struct Row {
    name: &'static str,
    tried: u64,
    /// Of bad inputs: those that were taken all the same, and those that were refused.
    verdicts: Option<[u64; 2]>,
    lost: Vec<String>,
}

/// All of it.
#[derive(Debug)]
pub struct Table {
    only: Option<String>,
    rows: Vec<Row>,
}

/// What became of a bad input that did no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was good enough.
    Taken,
    /// An error said why not.
    Refused,
}

impl Table {
    /// An empty table; of a name, if given, nothing but the faults whose name holds it are tried.
    pub fn new(only: Option<String>) -> Self {
        Self { only, rows: Vec::new() }
    }

    fn leaves_out(&self, name: &str) -> bool {
        self.only.as_ref().is_some_and(|only| !name.contains(only))
    }

    /// Tries a fault `times` times; `each` is told which time it is, and says what was lost.
    pub fn fault(&mut self, name: &'static str, times: u64, mut each: impl FnMut(u64) -> Result<(), String>) {
        if self.leaves_out(name) {
            return;
        }
        let lost = (0..times).filter_map(|time| each(time).err().map(|why| told(name, time, why))).collect();
        self.add(Row { name, tried: times, verdicts: None, lost });
    }

    /// Tries a bad input `times` times; `each` is told which time it is, and says what became of it, or how it did harm.
    pub fn input(&mut self, name: &'static str, times: u64, mut each: impl FnMut(u64) -> Result<Verdict, String>) {
        if self.leaves_out(name) {
            return;
        }
        let (mut verdicts, mut lost) = ([0; 2], Vec::new());
        for time in 0..times {
            match each(time) {
                Ok(verdict) => verdicts[verdict as usize] += 1,
                Err(why) => lost.push(told(name, time, why)),
            }
        }
        self.add(Row { name, tried: times, verdicts: Some(verdicts), lost });
    }

    fn add(&mut self, row: Row) {
        eprintln!("{}: {} of {} survived", row.name, row.tried - row.lost.len() as u64, row.tried);
        self.rows.push(row);
    }

    /// Whether nothing was lost.
    pub fn is_clean(&self) -> bool {
        self.rows.iter().all(|row| row.lost.is_empty())
    }

    /// Both tables, in Markdown.
    pub fn print(&self, seed: u64) {
        println!("\n| fault (seed {seed}) | tried | survived | lost |\n|---|---|---|---|");
        for Row { name, tried, lost, .. } in self.rows.iter().filter(|row| row.verdicts.is_none()) {
            println!("| {name} | {tried} | {} | {} |", tried - lost.len() as u64, lost.len());
        }
        println!("\n| bad input (seed {seed}) | tried | refused | good enough | crashed |\n|---|---|---|---|---|");
        for Row { name, tried, verdicts, lost } in &self.rows {
            if let Some([taken, refused]) = verdicts {
                println!("| {name} | {tried} | {refused} | {taken} | {} |", lost.len());
            }
        }
    }
}

/// Says at once what was lost, as well as in the table.
fn told(name: &str, time: u64, why: String) -> String {
    eprintln!("{name} {time}: {why}");
    why
}
