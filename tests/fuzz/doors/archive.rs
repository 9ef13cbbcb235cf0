//! Fuzz target: a zip archive of pictures or arrays.
#![no_main]

use duel_tests::seeds::Door;
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: duel_fuzz::use_one_thread(), |bytes: &[u8]| duel_fuzz::check(Door::Archive, bytes));
