//! Generators built by hand, good ones and bad ones, and the shipped ones.

#[path = "../../tests/src/graphs.rs"]
mod graphs;

use duel_models::{
    onnx::{IMAGE, LATENT},
    random::Stream,
    shipped,
};
use prost::Message;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto,
    tensor_proto::{DataLocation, DataType},
};

use super::*;
use graphs::{conv_transpose, floats, node, target_shape, value};

/// Values of a latent.
const SIZE: usize = 3;

/// Slope of the leaky ReLU.
const LEAK: f32 = 0.2;

fn shape(text: &str) -> Shape {
    text.parse().expect(text)
}

/// `count` values between -`bound` and `bound`, always the same for a name.
fn numbers(name: &str, count: usize, bound: f32) -> Vec<f32> {
    let mut stream = Stream::new(1, name);
    (0..count).map(|_| bound * (2.0 * stream.uniform() as f32 - 1.0)).collect()
}

/// A generator under construction, and the values that plain loops in double precision compute beside it for one
/// latent.
struct Sketch {
    nodes: Vec<NodeProto>,
    weights: Vec<TensorProto>,
    /// Name of the last output.
    last: String,
    /// Its values, channels-first.
    values: Vec<f64>,
}

impl Sketch {
    fn new(latent: &[f32]) -> Self {
        let values = latent.iter().map(|&z| z.into()).collect();
        Self { nodes: Vec::new(), weights: Vec::new(), last: LATENT.into(), values }
    }

    /// Adds a node. `make` gets the names of the node's inputs, which are the last output and then `inputs`, and the
    /// name of its output.
    fn push(&mut self, make: impl FnOnce(&[&str], &str) -> NodeProto, inputs: &[&str]) {
        let output = format!("out{}", self.nodes.len());
        let inputs: Vec<&str> = std::iter::once(&*self.last).chain(inputs.iter().copied()).collect();
        self.nodes.push(make(&inputs, &output));
        self.last = output;
    }

    fn dense(&mut self, outputs: usize) {
        let name = format!("dense{}", self.nodes.len());
        let (inputs, bias_name) = (self.values.len(), format!("{name}.bias"));
        let (weight, bias) = (numbers(&name, inputs * outputs, 0.8), numbers(&bias_name, outputs, 0.2));
        self.weights.extend([floats(&name, &[inputs, outputs], &weight), floats(&bias_name, &[outputs], &bias)]);
        self.push(|inputs, output| node("Gemm", inputs, output), &[&name, &bias_name]);
        let sum = |output: usize| {
            let products =
                self.values.iter().enumerate().map(|(input, x)| x * f64::from(weight[input * outputs + output]));
            f64::from(bias[output]) + products.sum::<f64>()
        };
        self.values = (0..outputs).map(sum).collect();
    }

    fn reshape(&mut self, shape: [usize; 3]) {
        self.weights.push(target_shape("shape", shape));
        self.push(|inputs, output| node("Reshape", inputs, output), &["shape"]);
    }

    fn grow(&mut self, [inputs, height, width]: [usize; 3], outputs: usize) {
        let name = format!("grow{}", self.nodes.len());
        let (bound, bias_name) = (1.0 / (inputs as f32).sqrt(), format!("{name}.bias"));
        let (weight, bias) = (numbers(&name, inputs * outputs * 16, bound), numbers(&bias_name, outputs, 0.2));
        self.weights.extend([floats(&name, &[inputs, outputs, 4, 4], &weight), floats(&bias_name, &[outputs], &bias)]);
        self.push(conv_transpose, &[&name, &bias_name]);
        let [tall, wide] = [2 * height, 2 * width];
        let mut out: Vec<f64> = bias.iter().flat_map(|&bias| vec![f64::from(bias); tall * wide]).collect();
        for (at, w) in weight.iter().enumerate() {
            let (input, output, dy, dx) = (at / 16 / outputs, at / 16 % outputs, at / 4 % 4, at % 4);
            for (pixel, x) in self.values[input * height * width..][..height * width].iter().enumerate() {
                let (y, x_place) = (2 * (pixel / width) + dy, 2 * (pixel % width) + dx);
                if (1..=tall).contains(&y) && (1..=wide).contains(&x_place) {
                    out[(output * tall + y - 1) * wide + x_place - 1] += x * f64::from(*w);
                }
            }
        }
        self.values = out;
    }

    fn leaky_relu(&mut self) {
        self.push(|inputs, output| node("LeakyRelu", inputs, output), &[]);
        let alpha = AttributeProto { name: "alpha".into(), f: LEAK, ..Default::default() };
        self.nodes.last_mut().expect("just pushed").attribute.push(alpha);
        self.values.iter_mut().for_each(|y| *y = y.max(f64::from(LEAK) * *y));
    }

    fn tanh(&mut self) {
        self.push(|inputs, output| node("Tanh", inputs, output), &[]);
        self.values.iter_mut().for_each(|y| *y = y.tanh());
    }

    fn cast(&mut self, to: DataType) {
        self.push(|inputs, output| node("Cast", inputs, output), &[]);
        let to = AttributeProto { name: "to".into(), i: i32::from(to).into(), ..Default::default() };
        self.nodes.last_mut().expect("just pushed").attribute.push(to);
    }

    /// The model, and its values for one latent, channels-last.
    fn finish(mut self, shape: Shape) -> (ModelProto, Vec<f64>) {
        self.nodes.last_mut().expect("layers").output = vec![IMAGE.into()];
        let pixels = shape.pixels();
        let last = (0..shape.size()).map(|at| self.values[at % shape.channels * pixels + at / shape.channels]);
        let values = last.collect();
        (graphs::model(&graphs::card("small", shape, SIZE, 0), self.nodes, self.weights), values)
    }
}

/// latent -> 7 values -> a picture of that shape. `double`: the first layer in double precision.
fn dense(shape: Shape, double: bool, latent: &[f32]) -> (ModelProto, Vec<f64>) {
    let mut sketch = Sketch::new(latent);
    if double {
        sketch.cast(DataType::Double);
    }
    sketch.dense(7);
    sketch.leaky_relu();
    if double {
        sketch.cast(DataType::Float);
    }
    sketch.dense(shape.size());
    sketch.tanh();
    sketch.reshape([shape.channels, shape.height, shape.width]);
    sketch.finish(shape)
}

/// latent -> `channels` of the smallest stage -> a picture of that shape, with 5 channels between two stages.
fn growing(shape: Shape, channels: usize, stages: usize, latent: &[f32]) -> (ModelProto, Vec<f64>) {
    let [mut height, mut width] = shape.halved(stages).expect("sides that fit");
    let mut sketch = Sketch::new(latent);
    sketch.dense(channels * height * width);
    sketch.leaky_relu();
    sketch.reshape([channels, height, width]);
    let mut inputs = channels;
    for stage in 1..=stages {
        let outputs = if stage == stages { shape.channels } else { 5 };
        sketch.grow([inputs, height, width], outputs);
        if stage == stages {
            sketch.tanh()
        } else {
            sketch.leaky_relu()
        }
        (inputs, height, width) = (outputs, 2 * height, 2 * width);
    }
    sketch.finish(shape)
}

/// A good generator for all tests that change one thing.
fn model() -> ModelProto {
    dense(shape("1x28x28"), false, &[0.0; SIZE]).0
}

fn load(model: &ModelProto) -> Generator {
    Generator::load(&model.encode_to_vec()).expect("a good model")
}

#[test]
fn generators_draw_the_same_pictures_as_plain_loops() {
    type Build = fn(&[f32]) -> (ModelProto, Vec<f64>);
    let builds: [(&str, Build); 9] = [
        ("dense, grey", |latent| dense(shape("1x28x28"), false, latent)),
        ("dense, colour, not square", |latent| dense(shape("3x8x12"), false, latent)),
        ("dense, colour, in double precision", |latent| dense(shape("3x12x8"), true, latent)),
        ("one stage, grey", |latent| growing(shape("1x8x10"), 6, 1, latent)),
        ("two stages, grey, not square", |latent| growing(shape("1x16x28"), 6, 2, latent)),
        ("one stage, colour", |latent| growing(shape("3x10x8"), 33, 1, latent)),
        ("two stages, colour, not square", |latent| growing(shape("3x32x12"), 6, 2, latent)),
        ("four stages, colour, not square", |latent| growing(shape("3x48x64"), 4, 4, latent)),
        ("five stages, the largest picture", |latent| growing(shape("3x128x128"), 2, 5, latent)),
    ];
    for (name, build) in builds {
        let latents = numbers(name, 2 * SIZE, 1.5);
        let drawn = load(&build(&latents[..SIZE]).0).draw(&latents, &[]).expect("latents of the card");
        for (latent, drawn) in latents.chunks_exact(SIZE).zip(drawn.chunks_exact(drawn.len() / 2)) {
            let expected = build(latent).1;
            assert_eq!(drawn.len(), expected.len(), "{name}");
            let worst = drawn.iter().zip(&expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-5, "{name}: {worst:e}");
            assert!(expected.iter().any(|value| value.abs() > 0.1), "{name}: the picture is not blank");
        }
    }
}

#[test]
fn a_sample_has_the_same_bits_in_any_batch() {
    for (model, batch) in [(model(), 28), (growing(shape("3x128x128"), 2, 5, &[0.0; SIZE]).0, 21)] {
        let generator = load(&model);
        assert_eq!(generator.batch, batch);
        let size = generator.card().shape.size();
        let draw =
            |range| generator.draw(&Inputs::new(generator.card(), 7, range, &[]).latents, &[]).expect("good latents");
        let all = draw(0..70);
        assert_eq!(draw(0..1), all[..size]);
        assert_eq!(draw(33..35), all[33 * size..35 * size]);
    }
}

#[test]
fn the_shipped_models_draw_the_recorded_bits() {
    // Recorded on x86-64 with FMA at commit 6ff1019. A CPU without fused multiply-add rounds each sum differently.
    for (name, expected) in [("digits", 16570923387163631713), ("article", 587560377774892470)] {
        let generator = Generator::load(shipped(name).expect("it ships").onnx).expect("a good model");
        let inputs = Inputs::new(generator.card(), 2014, 0..100, &[]);
        let values = generator.draw(&inputs.latents, &inputs.labels).expect("inputs of the card");
        let bytes = values.iter().flat_map(|value| value.to_bits().to_le_bytes());
        let fnv = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        assert_eq!(bytes.fold(0xcbf2_9ce4_8422_2325, fnv), expected, "{name}");
    }
}

#[test]
fn inputs_that_do_not_fit_the_card_are_refused() {
    let generator = load(&model());
    assert!(matches!(generator.draw(&[0.0; 4], &[]), Err(DrawError::Latents { values: 4, latent: SIZE })));
    let error = generator.draw(&[0.0; 3], &[1]).expect_err("labels without classes");
    assert_eq!(error.to_string(), "1 labels do not fit 1 samples of a generator with 0 classes: give no labels");
    let error = DrawError::Labels { given: 1, samples: 2, classes: 10 }.to_string();
    assert!(error.ends_with("with 10 classes: give one label from 0 to 9 for each sample"), "{error}");
}

#[test]
fn labels_are_repeated_or_drawn_from_the_seed() {
    let card = graphs::card("small", shape("1x28x28"), SIZE, 10);
    assert_eq!(Inputs::new(&card, 7, 2..6, &[1, 2, 3]).labels, [3, 1, 2, 3]);
    let drawn = Inputs::new(&card, 7, 0..100, &[]);
    assert!(drawn.labels.len() == 100 && (0..10).all(|label| drawn.labels.contains(&label)));
    assert!(Inputs::new(&Card { classes: 0, ..card }, 7, 0..100, &[]).labels.is_empty());
}

/// A change to the good model's graph.
type Spoil = fn(&mut GraphProto);

#[test]
fn bad_graphs_are_refused_in_a_line_that_says_why() {
    let spoils: [(&str, Spoil); 14] = [
        ("no operation computes", |graph| graph.node[4].output[0] = "imagE".into()),
        ("\"Loop\"", |graph| graph.node[1].op_type = "Loop".into()),
        ("operations", |graph| graph.node.clear()),
        ("operations", |graph| graph.node = vec![graph.node[1].clone(); 257]),
        ("besides its weights", |graph| graph.node = vec![NodeProto::default(); 1 << 20]),
        ("not finite", |graph| graph.initializer[0].raw_data[..4].copy_from_slice(&f32::NAN.to_le_bytes())),
        ("as many values", |graph| graph.initializer[0].raw_data.truncate(40)),
        ("as many values", |graph| graph.initializer[0].dims = vec![i64::MAX, i64::MAX]),
        ("neither f32, f16 nor i64", |graph| graph.initializer[0].data_type = DataType::Double.into()),
        ("another file", |graph| graph.initializer[0].data_location = Some(DataLocation::External.into())),
        ("inputs are", |graph| graph.input[0].name = "noise\u{1b}".repeat(1000)),
        ("outputs", |graph| graph.output.clear()),
        ("latent does not have the shape [N, 3]", |graph| graph.input[0] = value(LATENT, DataType::Float, &[4])),
        ("out of range", |graph| {
            graph.node[0].op_type = "Gemm\u{1b}[2J".into();
            graph.node[0].attribute.push(AttributeProto { name: "transA".into(), i: 1 << 40, ..Default::default() });
        }),
    ];
    for (expected, spoil) in spoils {
        let mut model = model();
        spoil(model.graph.as_mut().expect("a graph"));
        refused(&model.encode_to_vec(), expected);
    }
}

#[test]
fn a_graph_that_differs_from_its_card_is_refused() {
    let mut wide = model();
    let graph = wide.graph.as_mut().expect("a graph");
    *graph.initializer.last_mut().expect("a shape") = target_shape("shape", [1, 14, 56]);
    refused(&wide.encode_to_vec(), "the shape 1x14x56, but its card says 1x28x28");
    let mut cut = model();
    cut.graph.as_mut().expect("a graph").node.remove(1);
    refused(&cut.encode_to_vec(), "graph");
    for (key, value, expected) in [("duel.latent", "4", "latent"), ("duel.image", "3x28x28", "image")] {
        let mut lying = model();
        let entry = lying.metadata_props.iter_mut().find(|entry| entry.key == key).expect("it is on every card");
        entry.value = value.into();
        refused(&lying.encode_to_vec(), &format!("{expected} does not have the shape"));
    }
}

#[test]
fn a_bias_behind_a_reshape_is_refused() {
    let mut model = model();
    let graph = model.graph.as_mut().expect("a graph");
    graph.initializer.extend([floats("w", &[SIZE, 784], &[0.0; SIZE * 784]), floats("late", &[1], &[0.0])]);
    graph.node = vec![
        node("MatMul", &[LATENT, "w"], "dense"),
        node("Reshape", &["dense", "shape"], "shaped"),
        node("Add", &["shaped", "late"], IMAGE),
    ];
    refused(&model.encode_to_vec(), "adds to a picture");
}

#[test]
fn thin_weights_that_would_fill_the_memory_are_refused() {
    const WIDE: usize = 100_000;
    let mut model = model();
    let graph = model.graph.as_mut().expect("a graph");
    let mut nodes = vec![node("MatMul", &[LATENT, "first"], "out0")];
    graph.initializer.push(floats("first", &[SIZE, 1], &[0.0; SIZE]));
    for turn in 0..20 {
        let [wide, thin] = ["wide", "thin"].map(|name| format!("{name}{turn}"));
        graph.initializer.push(floats(&wide, &[1, WIDE], &[0.0; WIDE]));
        graph.initializer.push(floats(&thin, &[WIDE, 1], &[0.0; WIDE]));
        let [from, between, to] = [format!("out{turn}"), format!("between{turn}"), format!("out{}", turn + 1)];
        nodes.push(node("MatMul", &[&from, &wide], &between));
        nodes.push(node("MatMul", &[&between, &thin], &to));
    }
    nodes.push(node("Reshape", &["out20", "shape"], IMAGE));
    graph.node = nodes;
    refused(&model.encode_to_vec(), "more memory");
}

#[test]
fn files_that_are_not_generators_are_refused() {
    let good = model().encode_to_vec();
    refused(b"", "not an ONNX file");
    refused(b"\x89PNG\r\n\x1a\n not a model", "not an ONNX file");
    refused(&good[..good.len() / 2], "ONNX");
    refused(&vec![0; BYTES_MAX + 1], "at most 67108864");
    let mut bare = model();
    bare.metadata_props.clear();
    refused(&bare.encode_to_vec(), "no duel card");
}

fn refused(onnx: &[u8], expected: &str) {
    let error = Generator::load(onnx).expect_err(expected).to_string();
    assert!(error.contains(expected), "{expected}: {error}");
    assert!(!error.chars().any(char::is_control) && error.len() < 300, "{error:?}");
}
