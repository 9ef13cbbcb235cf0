//! A file of images, gzipped or not: `--data DIR`.
#![no_main]

use duel_fuzz::is_a_line;
use duel_models::PIXELS;
use duel_trainer::doors;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match doors::images(bytes) {
        Ok(images) => assert!(!images.is_empty() && images.len().is_multiple_of(PIXELS)),
        Err(why) => is_a_line(&why),
    }
    match doors::labels(bytes) {
        Ok(labels) => assert!(!labels.is_empty()),
        Err(why) => is_a_line(&why),
    }
});
