//! Trains generative adversarial networks with candle, on a CPU or GPU, and writes the run directory. Knows no
//! terminal.
//!
//! A [`Recipe`](recipe::Recipe) says everything about an experiment. [`load_training`](data::load_training) loads its
//! data, [`Duel`](gan::Duel) holds both networks, [`train`](training::train) runs the training and writes the run
//! directory, and [`export`](export::export) turns the generator into an ONNX file:
//!
//! ```
//! use candle_core::Device;
//! use duel_trainer::{
//!     data::{SILENT, load_training},
//!     export::{Weights, export},
//!     gan::Duel,
//!     recipe::Recipe,
//!     run::writer::Writer,
//!     training::{Flow, Report, train},
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dir = tempfile::tempdir()?;
//! let settings = [
//!     "data.images=200",
//!     "generator.hidden=[16]",
//!     "discriminator.hidden=[16]",
//!     "training.steps=20",
//!     "evaluation.every=0",
//! ];
//! let recipe = Recipe::load("article", &settings.map(String::from))?;
//! let (recipe, data) = load_training(recipe, SILENT)?;
//! let mut duel = Duel::new(recipe.clone(), data, Device::Cpu)?;
//! let mut run = Writer::create(&dir.path().join("run"), &recipe)?;
//! train(&mut duel, &mut run, |report| {
//!     if let Report::Metrics(metrics) = report {
//!         println!("step {}: D {:.3}, G {:.3}", metrics.step, metrics.d_loss, metrics.g_loss);
//!     }
//!     Flow::Continue
//! })?;
//! let export = export(&duel, Default::default(), Weights::Single)?;
//! std::fs::write(dir.path().join("generator.onnx"), &export.onnx)?;
//! # assert_eq!(duel.step, 20);
//! # Ok(())
//! # }
//! ```
//!
//! Arrows between the modules lead one way: recipe, data, kernels, networks, run, gan, metrics, diagnosis, training,
//! export. Each uses those before it.

pub mod data;
pub mod device;
pub mod diagnosis;
#[doc(hidden)]
pub mod doors;
pub mod export;
pub mod gan;
mod kernels;
pub mod metrics;
pub mod networks;
pub mod recipe;
pub mod run;
pub mod training;
