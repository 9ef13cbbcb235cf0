//! A generator with its card, `--model FILE`; one that is taken must draw.
#![no_main]

use duel_fuzz::is_a_line;
use duel_models::PIXELS;
use duel_runtime::{Generator, Samples, to_bytes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Generator::load(bytes) {
        Ok(generator) => {
            let samples = Samples::of(generator.card(), 1, 0..3, None);
            let images = generator.draw(&samples.latents, &samples.labels).expect("what was drawn before");
            assert_eq!(to_bytes(&images).len(), 3 * PIXELS);
        }
        Err(error) => is_a_line(&error),
    }
});
