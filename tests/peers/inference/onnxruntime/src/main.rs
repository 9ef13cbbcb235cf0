//! Measures onnxruntime on one thread: microseconds per image for each batch size. For a batch size of 0 it draws one image and prints nothing.
//! `ORT_DYLIB_PATH` names the library.

use std::{env, error::Error, time::Instant};

use ndarray::{Array1, Array2};
use ort::{inputs, session::Session, value::TensorRef};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let file = arguments.next().ok_or("onnxruntime-speed MODEL.onnx COUNT...")?;
    let mut session = Session::builder()?.with_intra_threads(1)?.with_inter_threads(1)?.commit_from_file(&file)?;
    let labelled = session.inputs.len() > 1;
    let latent = match &session.inputs[0].input_type {
        ort::value::ValueType::Tensor { shape, .. } => shape[1] as usize,
        _ => return Err("no tensor".into()),
    };
    for count in arguments {
        let once = count == "0";
        let count = count.parse::<usize>()?.max(1);
        let latents = Array2::from_shape_fn((count, latent), |(row, column)| ((row * 31 + column * 17) % 41) as f32 / 20.0 - 1.0);
        let labels = Array1::from_shape_fn(count, |row| (row % 10) as i64);
        let (calls, rounds) = if once { (1, 1) } else { (10_000usize.div_ceil(count).min(2000), 5) };
        let mut best = f64::INFINITY;
        for _ in 0..rounds {
            let start = Instant::now();
            for _ in 0..calls {
                let latents = TensorRef::from_array_view(&latents)?;
                let outputs = if labelled {
                    session.run(inputs!["latent" => latents, "label" => TensorRef::from_array_view(&labels)?])?
                } else {
                    session.run(inputs!["latent" => latents])?
                };
                std::hint::black_box(&outputs[0]);
            }
            best = best.min(start.elapsed().as_secs_f64() / (calls * count) as f64);
        }
        if once {
            return Ok(());
        }
        println!("{count} {:.2}", best * 1e6);
    }
    Ok(())
}
