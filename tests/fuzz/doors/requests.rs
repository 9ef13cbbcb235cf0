//! What watchers ask through `control.jsonl`, and what a duel makes of it.
#![no_main]

use std::{cell::RefCell, fs::OpenOptions, io::Write};

use duel_fuzz::{is_a_line, room};
use duel_tests::seeds::{duel, recipe};
use duel_trainer::{
    duel::Duel,
    recipe::Recipe,
    run::{record::Ask, writer::Writer},
};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

/// Inputs after which the file begins anew.
const TURN: u32 = 10_000;

struct Trainer {
    duel: Duel,
    writer: Writer,
    room: TempDir,
    inputs: u32,
}

impl Trainer {
    fn new() -> Self {
        let room = room();
        let writer = Writer::create(&room.path().join("run"), &recipe()).expect("space");
        Self { duel: duel(), writer, room, inputs: 0 }
    }
}

thread_local! {
    static TRAINER: RefCell<Trainer> = RefCell::new(Trainer::new());
}

fuzz_target!(init: duel_fuzz::alone(), |bytes: &[u8]| {
    TRAINER.with_borrow_mut(|trainer| {
        trainer.inputs += 1;
        if trainer.inputs > TURN {
            *trainer = Trainer::new();
        }
        let path = trainer.room.path().join("run/control.jsonl");
        let (first, rest) = bytes.split_at(bytes.len() / 2);
        for part in [first, rest, b"\n"] {
            let file = OpenOptions::new().append(true).create(true).open(&path);
            file.and_then(|mut file| file.write_all(part)).expect("space");
            for request in trainer.writer.requests().expect("readable") {
                let Ask::Set { key, value } = &request.ask else { continue };
                match trainer.duel.change(key, value) {
                    Ok(()) => {
                        let text = trainer.duel.recipe.to_toml();
                        assert_eq!(Recipe::parse(&text, "again").expect("its own text"), trainer.duel.recipe);
                    }
                    Err(why) => is_a_line(&why),
                }
            }
        }
    });
});
