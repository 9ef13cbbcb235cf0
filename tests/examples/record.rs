//! Writes a recorded run of each kind into a directory, for `duel watch`; with LINES, one long run:
//! `cargo run -p duel-tests --example record -- DIR [LINES]`.

use std::path::Path;

use duel_tests::recorded::{Kind, record, record_long};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().unwrap_or_else(|| "runs".to_owned());
    if let Some(lines) = arguments.next() {
        return record_long(Path::new(&dir), lines.parse().expect("a number of lines"));
    }
    for kind in Kind::ALL {
        record(kind, &Path::new(&dir).join(format!("{kind:?}").to_lowercase()));
    }
}
