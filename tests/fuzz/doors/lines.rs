//! The files of a run directory as a watcher reads them: the same bytes as metrics, events, requests and recipe, at once and in two
//! parts, which must come to the same.
#![no_main]

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
};

use duel_trainer::run::reader::{Glance, Reader, Run};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tempfile::TempDir;

const FILES: [&str; 4] = ["metrics.jsonl", "events.jsonl", "control.jsonl", "recipe.toml"];

thread_local! {
    static ROOM: TempDir = duel_fuzz::room();
}

fuzz_target!(init: duel_fuzz::alone(), |bytes: &[u8]| {
    ROOM.with(|room| {
        let dir = room.path();
        let write = |bytes: &[u8]| {
            for file in FILES {
                let file = OpenOptions::new().append(true).create(true).open(dir.join(file));
                file.and_then(|mut file| file.write_all(bytes)).expect("space");
            }
        };
        for file in FILES {
            // The first time there is none.
            let _ = fs::remove_file(dir.join(file));
        }
        let (first, rest) = bytes.split_at(bytes.len() / 2);
        write(first);
        let (mut reader, mut parts) = Reader::new(dir);
        reader.update(&mut parts).expect("readable");
        write(rest);
        reader.update(&mut parts).expect("readable");
        let whole = read(dir);
        assert_eq!(figures(&parts), figures(&whole));
        assert!(parts.story.events.iter().zip(&whole.story.events).all(|(a, b)| format!("{a:?}") == format!("{b:?}")));
        for event in &whole.story.events {
            is_showable(&serde_json::to_value(event).expect("an event is JSON"));
        }
        for key in ["name", "training.steps", "generator.hidden"] {
            let fact = whole.recipe.get(key).unwrap_or_default();
            assert!(!fact.chars().any(char::is_control));
        }
        assert!(Glance::at(dir).is_some());
    });
});

fn read(dir: &Path) -> Run {
    let (mut reader, mut run) = Reader::new(dir);
    reader.update(&mut run).expect("readable");
    run
}

fn figures(run: &Run) -> (u64, u64, Option<u64>, u64, &'static str) {
    (run.story.total, run.unreadable, run.curves.last_step(), run.step(), run.state().name())
}

fn is_showable(value: &Value) {
    match value {
        Value::String(text) => assert!(!text.chars().any(char::is_control), "{text:?}"),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            assert!(!key.chars().any(char::is_control), "{key:?}");
            is_showable(value);
        }),
        _ => {}
    }
}
