//! How quickly a generator draws on one thread: microseconds an image, by the images of a call; for 0 it draws one image
//! and says nothing.
//!
//!     cargo run --release --package duel-runtime --example speed -- generator.onnx 1 10000

use std::{env, error::Error, fs, time::Instant};

use duel_runtime::{Generator, Samples};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let file = arguments.next().ok_or("speed MODEL.onnx COUNT...")?;
    let generator = Generator::load(&fs::read(file)?)?;
    for count in arguments {
        let count: u64 = count.parse()?;
        if count == 0 {
            let sample = Samples::of(generator.card(), 1, 0..1, None);
            generator.draw(&sample.latents, &sample.labels)?;
            return Ok(());
        }
        let samples = Samples::of(generator.card(), 1, 0..count, None);
        let calls = 10_000u64.div_ceil(count);
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            for _ in 0..calls {
                std::hint::black_box(generator.draw(&samples.latents, &samples.labels)?);
            }
            best = best.min(start.elapsed().as_secs_f64() / (calls * count) as f64);
        }
        println!("{count} {:.2}", best * 1e6);
    }
    Ok(())
}
