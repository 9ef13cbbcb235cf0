//! Writes the first inputs of each fuzz target: `cargo run -p duel-tests --example seeds -- DIR`, one directory for each door.

use std::{fs, path::PathBuf};

use duel_tests::seeds::Door;

fn main() {
    let root = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "seeds".to_owned()));
    for door in Door::ALL {
        let dir = root.join(door.name());
        fs::create_dir_all(&dir).expect("a directory");
        for (index, bytes) in door.seeds().into_iter().enumerate() {
            fs::write(dir.join(format!("{index:02}")), bytes).expect("space");
        }
    }
}
