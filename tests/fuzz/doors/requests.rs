//! What watchers ask.
#![no_main]

use duel_tests::seeds::Door;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: duel_fuzz::alone(), |bytes: &[u8]| duel_fuzz::knock(Door::Requests, bytes));
