//! Measures how fast a generator draws: for each COUNT of pictures in a call, the microseconds per picture. For a COUNT
//! of 0 it draws one picture, prints nothing and ends.
//!
//!     cargo run --release --package duel-runtime --example speed -- generator.onnx 1 10000

use std::{env, error::Error, fs, time::Instant};

use duel_runtime::{Generator, Inputs};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let file = arguments.next().ok_or("speed MODEL.onnx COUNT...")?;
    let generator = Generator::load(&fs::read(file)?)?;
    for count in arguments {
        let count: u64 = count.parse()?;
        if count == 0 {
            let inputs = Inputs::new(generator.card(), 1, 0..1, &[]);
            generator.draw(&inputs.latents, &inputs.labels)?;
            return Ok(());
        }
        let inputs = Inputs::new(generator.card(), 1, 0..count, &[]);
        let calls = 10_000u64.div_ceil(count);
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            for _ in 0..calls {
                std::hint::black_box(generator.draw(&inputs.latents, &inputs.labels)?);
            }
            best = best.min(start.elapsed().as_secs_f64() / (calls * count) as f64);
        }
        println!("{count} {:.2}", best * 1e6);
    }
    Ok(())
}
