//! Small generators with classes, built by hand: one draws the label as a seven-segment digit, one a disc in the colour of the label; the
//! latent adds a little noise to both.

use duel_models::{
    Card, Shape,
    onnx::{IMAGE, LABEL, LATENT},
};
use duel_trainer::data::mnist::SHAPE;
use prost::Message;

use crate::{
    graphs::{card, floats, model, node, target_shape},
    recorded::digit,
};

/// Values of a latent.
const LATENT_SIZE: usize = 4;

/// Returns the ONNX file of the generator of digits, with its card.
pub fn onnx() -> Vec<u8> {
    let table = (0..10).flat_map(|label| digit(label).map(|grey| f32::from(grey) / 64.0 - 2.0)).collect::<Vec<f32>>();
    generator(&card("segments", SHAPE, LATENT_SIZE, 10), &table)
}

/// Names and colours of the classes of [`colour`].
pub const COLOURS: [(&str, [f32; 3]); 3] =
    [("red", [1.5, -1.5, -1.5]), ("green", [-1.5, 1.0, -1.5]), ("sky blue", [-0.5, 0.5, 1.5])];

/// Returns the ONNX file of a generator of colour pictures, 3x16x24, whose classes have names.
pub fn colour() -> Vec<u8> {
    let shape: Shape = "3x16x24".parse().expect("a shape");
    let inside = |at: usize| {
        let (x, y) = ((at % 24) as f32 - 11.5, (at / 24) as f32 - 7.5);
        x * x + y * y < 45.0
    };
    // [classes, channels, height, width]
    let planes = COLOURS.iter().flat_map(|(_, colour)| colour);
    let table = planes.flat_map(|level| (0..shape.pixels()).map(move |at| if inside(at) { *level } else { 1.2 }));
    let class_names = COLOURS.iter().map(|(name, _)| (*name).to_owned()).collect();
    generator(&Card { class_names, ..card("discs", shape, LATENT_SIZE, COLOURS.len()) }, &table.collect::<Vec<f32>>())
}

/// Returns the graph that computes image = reshape(tanh(`table[label]` + latent W)).
fn generator(card: &Card, table: &[f32]) -> Vec<u8> {
    let Shape { channels, height, width, .. } = card.shape;
    let size = card.shape.size();
    let weights: Vec<f32> = (0..LATENT_SIZE * size).map(|at| (at * 7919 % 13) as f32 * 0.02 - 0.12).collect();
    let nodes = vec![
        node("Gather", &["table", LABEL], "digit"),
        node("MatMul", &[LATENT, "w"], "blur"),
        node("Add", &["digit", "blur"], "sum"),
        node("Tanh", &["sum"], "tanh"),
        node("Reshape", &["tanh", "shape"], IMAGE),
    ];
    let initializers = vec![
        floats("table", &[card.classes, size], table),
        floats("w", &[LATENT_SIZE, size], &weights),
        target_shape("shape", [channels, height, width]),
    ];
    model(card, nodes, initializers).encode_to_vec()
}
