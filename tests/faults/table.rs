//! What was tried and what became of it.

/// A line of the table.
#[derive(Debug)]
struct Row {
    name: &'static str,
    tried: u64,
    lost: Vec<String>,
}

/// All of it.
#[derive(Debug)]
pub struct Table {
    only: Option<String>,
    rows: Vec<Row>,
}

impl Table {
    /// An empty table; of a name, if given, nothing but the faults whose name holds it are tried.
    pub fn new(only: Option<String>) -> Self {
        Self { only, rows: Vec::new() }
    }

    /// Tries a fault `times` times; `each` is told which time it is, and says what was lost.
    pub fn fault(&mut self, name: &'static str, times: u64, mut each: impl FnMut(u64) -> Result<(), String>) {
        if self.only.as_ref().is_some_and(|only| !name.contains(only)) {
            return;
        }
        let lost: Vec<String> =
            (0..times).filter_map(|time| each(time).err().map(|why| format!("{time}: {why}"))).collect();
        for why in &lost {
            eprintln!("{name} {why}");
        }
        eprintln!("{name}: {} of {times} survived", times - lost.len() as u64);
        self.rows.push(Row { name, tried: times, lost });
    }

    /// Whether nothing was lost.
    pub fn is_clean(&self) -> bool {
        self.rows.iter().all(|row| row.lost.is_empty())
    }

    /// The table, in Markdown.
    pub fn print(&self, seed: u64) {
        println!("\n| fault (seed {seed}) | tried | survived | lost |\n|---|---|---|---|");
        for Row { name, tried, lost } in &self.rows {
            println!("| {name} | {tried} | {} | {} |", tried - lost.len() as u64, lost.len());
        }
    }
}
