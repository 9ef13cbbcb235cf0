//! Trains the classifier whose features `duel eval` compares, on the 60,000 training images:
//!
//!     cargo run --release --package duel-trainer --example classifier -- trainer/data/classifier.safetensors
//!
//! With `--held-out` instead of a file, the example trains on the first 50,000 images and prints the accuracy on the
//! other 10,000. The settings in `ClassifierTraining::SHIPPED` were chosen by this accuracy.

use std::{env, fs};

use duel_trainer::{
    data::{
        Images, Split,
        mnist::{self, CLASSES, SHAPE},
    },
    metrics::classifier::{ClassifierTraining, train},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = env::args().nth(1).ok_or("give a file to write, or --held-out")?;
    let mut data = mnist::load(Split::Train);
    let held_out = Images::slice(&data, 50_000..60_000);
    let choosing = file == "--held-out";
    if choosing {
        data.images.truncate(50_000 * SHAPE.size());
        data.labels.truncate(50_000);
    }
    // In a thread of rayon's pool the kernels start without waking another thread first.
    let observe = |epoch, loss| eprintln!("epoch {epoch}: loss {loss:.4}");
    let classifier = rayon::scope(|_| train(&data, CLASSES, ClassifierTraining::SHIPPED, 1, observe))?;
    if choosing {
        println!("held-out accuracy {:.4}", classifier.accuracy(&held_out)?);
        return Ok(());
    }
    fs::write(&file, classifier.to_safetensors()?)?;
    let test = Images::slice(&mnist::load(Split::Test), 0..10_000);
    println!("{file}: test accuracy {:.4}", classifier.accuracy(&test)?);
    Ok(())
}
