//! A small generator with classes, built by hand: it draws the label as a seven-segment digit, to which the latent adds a little noise.

use duel_models::onnx::{IMAGE, LABEL, LATENT};
use duel_trainer::data::mnist::SHAPE;
use prost::Message;

use crate::{
    graphs::{card, floats, model, node, target_shape},
    recorded::digit,
};

/// Values of a latent.
const LATENT_SIZE: usize = 4;

/// Returns an ONNX file with its card. The graph computes image = reshape(tanh(`table[label]` + latent W)).
pub fn onnx() -> Vec<u8> {
    let table: Vec<f32> = (0..10).flat_map(|label| digit(label).map(|grey| f32::from(grey) / 64.0 - 2.0)).collect();
    let weights: Vec<f32> = (0..LATENT_SIZE * SHAPE.size()).map(|at| (at * 7919 % 13) as f32 * 0.02 - 0.12).collect();
    let nodes = vec![
        node("Gather", &["table", LABEL], "digit"),
        node("MatMul", &[LATENT, "w"], "blur"),
        node("Add", &["digit", "blur"], "sum"),
        node("Tanh", &["sum"], "tanh"),
        node("Reshape", &["tanh", "shape"], IMAGE),
    ];
    let initializers = vec![
        floats("table", &[10, SHAPE.size()], &table),
        floats("w", &[LATENT_SIZE, SHAPE.size()], &weights),
        target_shape("shape", [SHAPE.channels, SHAPE.height, SHAPE.width]),
    ];
    model(&card("segments", SHAPE, LATENT_SIZE, 10), nodes, initializers).encode_to_vec()
}
