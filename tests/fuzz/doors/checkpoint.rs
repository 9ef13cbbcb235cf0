//! A checkpoint, `--resume RUN`: one that is refused changes nothing, one that is taken can be trained on and is saved as it was.
#![no_main]

use std::cell::RefCell;

use duel_trainer::{doors, duel::Duel, run::checkpoint::save};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static DUEL: RefCell<(Duel, Vec<u8>)> = RefCell::new({
        let duel = duel_tests::seeds::duel();
        let bytes = save(&duel).expect("memory");
        (duel, bytes)
    });
}

fuzz_target!(init: duel_fuzz::alone(), |bytes: &[u8]| {
    DUEL.with_borrow_mut(|(duel, start)| {
        match doors::checkpoint(duel, bytes) {
            Ok(()) => {
                let saved = save(duel).expect("memory");
                doors::checkpoint(duel, &saved).expect("its own checkpoint");
                duel.advance(true).expect("a step");
                doors::checkpoint(duel, start).expect("the start");
            }
            Err(why) => duel_fuzz::is_a_line(&why),
        }
        assert!(save(duel).expect("memory") == *start, "what was refused has changed something");
    });
});
