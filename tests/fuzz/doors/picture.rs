//! Fuzz target: a picture in any of the formats that are read.
#![no_main]

use duel_tests::seeds::Door;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: duel_fuzz::use_one_thread(), |bytes: &[u8]| duel_fuzz::check(Door::Picture, bytes));
