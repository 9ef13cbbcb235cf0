//! Recorded run directories: the files that a trainer would have written, computed without training and always the same.

use std::{
    f64::consts::PI,
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write},
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use duel_models::{LatentLaw, Shape, picture, random::Stream};
use duel_trainer::{
    data::{mnist::SHAPE, toy},
    recipe::{DataShape, Recipe, Toy},
    run::{
        density::Densities,
        record::{Ending, Event, EventKind, Metrics},
    },
};

/// Height and width of a sample, in pixels.
const SIDE: usize = SHAPE.width;
/// Pixels of a sample.
const PIXELS: usize = SHAPE.size();

/// Shape of a sample in colour.
const COLOUR: Shape = match Shape::new(3, 64, 64) {
    Ok(shape) => shape,
    Err(_) => panic!("a good shape"),
};

/// Start of every recorded run in seconds since 1970: 2014-06-10, the day when Goodfellow et al. was published.
pub const BEGAN: u64 = 1_402_400_000;

/// Steps from one line of metrics to the next.
const EVERY: u64 = 50;

/// The story of a recorded run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Trains 20,000 steps, its losses approach those of an even duel, and it is done.
    Healthy,
    /// Has trained half of its 20,000 steps when its trainer is killed.
    Killed,
    /// Its generator draws a single digit after step 4,000, and a warning says so.
    Collapsed,
    /// Its losses are NaN after step 7,000, and it fails.
    Diverged,
    /// An empty directory.
    Empty,
    /// Like `Killed`, and the last line of metrics.jsonl is unfinished.
    HalfALine,
    /// Is resumed from the checkpoint of step 5,000, so that later steps stand in metrics.jsonl twice.
    Resumed,
    /// Has escape sequences in its names and messages.
    Hostile,
    /// Trains 20,000 steps on a toy distribution.
    Numbers,
    /// Has trained half of its 20,000 steps on pictures of 64×64 in colour when its trainer is killed.
    Colour,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Healthy,
        Self::Killed,
        Self::Collapsed,
        Self::Diverged,
        Self::Empty,
        Self::HalfALine,
        Self::Resumed,
        Self::Hostile,
        Self::Numbers,
        Self::Colour,
    ];
}

/// Writes a recorded run into `dir`, and creates `dir` if it is missing.
pub fn record(kind: Kind, dir: &Path) {
    fs::create_dir_all(dir.join("samples")).expect("a directory");
    if kind == Kind::Empty {
        return;
    }
    File::create(dir.join("lock")).expect("a lock");
    let name = if kind == Kind::Hostile { "evil\u{1b}[2J" } else { "digits" };
    let mut recipe = Recipe { name: name.into(), about: "A duel over handwritten digits".into(), ..Recipe::default() };
    if kind == Kind::Colour {
        (recipe.name, recipe.about) = ("balls".into(), "A duel over balls of all colours".into());
        recipe.data.shape = DataShape::Is(COLOUR);
    }
    fs::write(dir.join("recipe.toml"), recipe.to_toml()).expect("a recipe");
    let steps = if matches!(kind, Kind::Healthy | Kind::Numbers) { 20_000 } else { 10_000 };
    let mut metrics: Vec<Metrics> = (1..=steps / EVERY).map(|line| at(kind, line * EVERY)).collect();
    if kind == Kind::Resumed {
        metrics.extend((101..=150).map(|line| at(Kind::Healthy, line * EVERY)));
    }
    let mut text: String = metrics.iter().map(json).collect();
    if kind == Kind::HalfALine {
        text.push_str(&json(&at(kind, 10_050))[..60]);
    }
    fs::write(dir.join("metrics.jsonl"), text).expect("metrics");
    let events: String = events(kind, steps).iter().map(json).collect();
    fs::write(dir.join("events.jsonl"), events).expect("events");
    for step in (0..=steps).step_by(1000) {
        match kind {
            Kind::Numbers => write_densities(dir, step),
            Kind::Colour => write_colour_grid(dir, step),
            _ => write_grid(dir, step, kind == Kind::Collapsed && step > 4000),
        }
    }
    // The kinds are a minute apart, so that a list of runs has an order.
    let written = UNIX_EPOCH + Duration::from_secs(BEGAN + 60 * kind as u64);
    for file in ["recipe.toml", "metrics.jsonl", "events.jsonl"] {
        let file = OpenOptions::new().append(true).open(dir.join(file)).expect("it was written");
        file.set_modified(written).expect("a time");
    }
}

/// Writes `lines` lines of metrics into `dir`, and no other file. The discriminator's loss has one spike, of 99.
pub fn record_long(dir: &Path, lines: u64) {
    fs::create_dir_all(dir).expect("a directory");
    let mut file = BufWriter::new(File::create(dir.join("metrics.jsonl")).expect("a file"));
    for line in 1..=lines {
        let mut metrics = at(Kind::Healthy, line);
        if line == lines / 3 {
            metrics.d_loss = 99.0;
        }
        file.write_all(json(&metrics).as_bytes()).expect("a write");
    }
    file.flush().expect("a write");
}

/// Formats a record as a line of JSON.
pub fn json(record: &impl serde::Serialize) -> String {
    serde_json::to_string(record).expect("records are JSON") + "\n"
}

/// The metrics of a step, smooth curves with noise.
pub fn at(kind: Kind, step: u64) -> Metrics {
    let mut noise = Stream::new(7, "recorded").item(step);
    let mut wobble = |size: f64| 1.0 + size * noise.normal();
    let t = step as f64;
    let lead = 0.45 * (-t / 6000.0).exp() + 0.03 * (t / 700.0).sin();
    let (mut d_real, mut d_fake) = ((0.5 + lead) * wobble(0.02), (0.5 - lead) * wobble(0.04));
    let mut gradients = (0.4 * wobble(0.2), 0.9 * wobble(0.25));
    if kind == Kind::Collapsed && step > 4000 {
        (d_real, d_fake) = (0.985 * wobble(0.004), 0.012 * wobble(0.3));
        gradients = (0.02 * wobble(0.3), 4.0 * wobble(0.4));
    }
    let (d_real, d_fake) = (d_real.clamp(1e-4, 0.9999), d_fake.clamp(1e-4, 0.9999));
    let (real, fake) = (-d_real.ln() * wobble(0.03), -(1.0 - d_fake).ln() * wobble(0.03));
    let mut metrics = Metrics {
        step,
        images: step * 32,
        seconds: t * 0.0045,
        d_loss: 0.5 * (real + fake),
        d_loss_real: real,
        d_loss_fake: fake,
        g_loss: -d_fake.ln() * wobble(0.04),
        value: -real - fake,
        d_real,
        d_fake,
        d_real_tenths: tenths(d_real, step),
        d_fake_tenths: tenths(d_fake, step + 1),
        pairs_right: f64::NAN,
        d_gradient: gradients.0,
        g_gradient: gradients.1,
        d_learning_rate: 1e-4,
        g_learning_rate: 1e-4,
        images_per_second: 7100.0 * wobble(0.03),
        augment_probability: f64::NAN,
        overfitting: f64::NAN,
        memorisation: f64::NAN,
        processors: f64::NAN,
        memory: f64::NAN,
    };
    if kind == Kind::Diverged && step > 7000 {
        let lost = f64::NAN;
        metrics = Metrics { d_loss: lost, g_loss: lost, value: lost, d_real: lost, d_fake: lost, ..metrics };
    }
    metrics
}

fn tenths(mean: f64, seed: u64) -> [u32; 10] {
    let mut stream = Stream::new(seed, "tenths");
    let mut tenths = [0; 10];
    for _ in 0..32 {
        let answer = (mean + 0.15 * stream.normal()).clamp(0.0, 0.999);
        tenths[(answer * 10.0) as usize] += 1;
    }
    tenths
}

fn events(kind: Kind, steps: u64) -> Vec<Event> {
    let on = |step: u64, kind: EventKind| Event { time: BEGAN as f64 + step as f64 * 0.0045, step, kind };
    let started = EventKind::Started {
        device: "cpu".into(),
        threads: 2,
        steps: 20_000,
        parameters: [349_968, 333_057],
        version: "duel 0.1.0".into(),
    };
    let checkpoint = |step: u64| on(step, EventKind::Checkpoint { file: format!("checkpoints/{step:08}.safetensors") });
    let mut events = vec![on(0, started)];
    events.extend((5000..=steps).step_by(5000).map(checkpoint));
    let warning = |what: &str, since, evidence: &str, remedy: &str| EventKind::Warning {
        what: what.into(),
        since,
        evidence: evidence.into(),
        remedy: remedy.into(),
    };
    match kind {
        Kind::Numbers => events.push(on(steps, EventKind::Stopped { why: Ending::Done, error: None })),
        Kind::Healthy => {
            let scores = [("frechet".to_owned(), 14.25), ("precision".to_owned(), 0.912)].into();
            events.push(on(steps, EventKind::Evaluation { judge: String::new(), scores, real: Default::default() }));
            events.push(on(steps, EventKind::Stopped { why: Ending::Done, error: None }));
        }
        Kind::Collapsed => {
            let what = warning(
                "mode collapse",
                4050,
                "one digit is 84 % of the samples, D(G(z)) 0.012",
                "--set discriminator.learning_rate=5e-5",
            );
            events.push(on(4500, what));
            events.sort_by_key(|event| event.step);
        }
        Kind::Diverged => {
            let what = warning("divergence", 7050, "the losses are not finite", "--set generator.learning_rate=5e-5");
            events.push(on(7100, what));
            let error = Some("the generator's loss is not finite".into());
            events.push(on(steps, EventKind::Stopped { why: Ending::Failed, error }));
        }
        Kind::Resumed => {
            events.push(on(steps, EventKind::Stopped { why: Ending::Asked, error: None }));
            events.push(on(5000, EventKind::Resumed { steps: 20_000 }));
        }
        Kind::Hostile => {
            let what =
                warning("\u{1b}]0;title\u{7}", 1, "\u{1b}[31mred\u{9b}2J\r\n\u{202e}drawkcab", "\u{1b}c日本語 é");
            events.push(on(steps, what));
        }
        Kind::Killed | Kind::Empty | Kind::HalfALine | Kind::Colour => {}
    }
    events
}

/// The segments of each digit as bits, from the lowest: top, upper right, lower right, bottom, lower left, upper left, middle.
const SEGMENTS: [u8; 10] = [0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f];

/// The ends of each segment in a picture of 28×28: x, y, x, y.
const ENDS: [[f64; 4]; 7] = [
    [9.0, 5.0, 19.0, 5.0],
    [19.0, 5.0, 18.0, 14.0],
    [18.0, 14.0, 17.0, 23.0],
    [8.0, 23.0, 17.0, 23.0],
    [9.0, 14.0, 8.0, 23.0],
    [9.0, 5.0, 9.0, 14.0],
    [9.0, 14.0, 18.0, 14.0],
];

/// Writes a grid of 10×4 digits, which are noise at step 0 and grow sharper with each step.
fn write_grid(dir: &Path, step: u64, one_digit: bool) {
    let sharpness = 1.0 - (-(step as f64) / 4000.0).exp();
    let mut grid = vec![0; 40 * PIXELS];
    for index in 0..40 {
        let digit = if one_digit { 1 } else { (index * 7 + index / 10) % 10 };
        let image = image(digit, index as u64, step, sharpness);
        for (at, grey) in image.into_iter().enumerate() {
            let (x, y) = (index % 10 * SIDE + at % SIDE, index / 10 * SIDE + at / SIDE);
            grid[y * 10 * SIDE + x] = grey;
        }
    }
    let file = File::create(dir.join(format!("samples/{step:08}.png"))).expect("a file");
    let mut encoder = png::Encoder::new(file, 10 * SIDE as u32, 4 * SIDE as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().and_then(|mut writer| writer.write_image_data(&grid)).expect("a PNG");
}

/// Writes a grid of 10×4 balls of 64×64 in colour on white, which are noise at step 0 and grow sharper with each step.
pub fn write_colour_grid(dir: &Path, step: u64) {
    let images: Vec<u8> = (0..40).flat_map(|index| ball(index, step)).collect();
    let file = dir.join(format!("samples/{step:08}.png"));
    fs::write(file, picture::png(&picture::grid(&images, COLOUR, 10))).expect("a file");
}

/// A ball with light from the upper left: [64, 64, 3].
fn ball(index: u64, step: u64) -> Vec<u8> {
    let sharpness = 1.0 - (-(step as f64) / 4000.0).exp();
    let mut hand = Stream::new(index, "ball");
    let mut place = || 32.0 + 6.0 * (hand.uniform() - 0.5);
    let (x0, y0, radius, hue) = (place(), place(), 20.0 + index as f64 % 7.0, index as f64 / 40.0);
    let mut noise = Stream::new(step, "colours").item(index);
    let mut levels = Vec::with_capacity(COLOUR.size());
    for at in 0..COLOUR.pixels() {
        let (x, y) = ((at % COLOUR.width) as f64 - x0, (at / COLOUR.width) as f64 - y0);
        let inside = ((radius - x.hypot(y)) / (1.0 + 20.0 * (1.0 - sharpness)) + 0.5).clamp(0.0, 1.0);
        let light = 1.1 - 0.7 * (x + 8.0).hypot(y + 8.0) / radius;
        let grain = (1.0 - sharpness) * (noise.uniform() - 0.5) + 0.06 * (noise.uniform() - 0.5);
        for channel in 0..3 {
            let colour = 0.5 + 0.5 * (2.0 * PI * (hue - f64::from(channel) / 3.0)).cos();
            let level = inside * (0.15 + 0.85 * colour) * light + (1.0 - inside) + grain;
            levels.push((level * 255.0).clamp(0.0, 255.0) as u8);
        }
    }
    levels
}

/// Writes the densities of a generator whose distribution moves and widens until it is that of the data.
fn write_densities(dir: &Path, step: u64) {
    let share = 1.0 - (-(step as f32) / 6000.0).exp();
    let latents = toy::even_latents(LatentLaw::Normal);
    let drawn: Vec<f32> = latents.iter().map(|z| (0.2 + 0.3 * share) * z + 2.3 * share - 1.5).collect();
    let opinion = toy::bin_middles().into_iter().map(|x| 0.5 + 0.45 * (1.0 - share) * (2.0 * x).tanh()).collect();
    let densities = Densities::new(step, Toy::Bell.into(), &latents, &drawn, opinion);
    fs::write(dir.join(format!("samples/{step:08}.json")), densities.to_json()).expect("a file");
}

/// A seven-segment digit: 28×28 grey levels.
pub fn digit(digit: usize) -> [u8; PIXELS] {
    image(digit, 0, 0, 1.0)
}

fn image(digit: usize, index: u64, step: u64, sharpness: f64) -> [u8; PIXELS] {
    let mut hand = Stream::new(index, "hand");
    let (slant, width) = (0.2 * hand.normal(), 1.5 + 0.5 * hand.uniform());
    let mut noise = Stream::new(step, "grain").item(index);
    std::array::from_fn(|at| {
        let (x, y) = ((at % SIDE) as f64 + slant * ((at / SIDE) as f64 - 14.0), (at / SIDE) as f64);
        let ink =
            (0..7).filter(|segment| SEGMENTS[digit] >> segment & 1 == 1).map(|segment| distance(x, y, ENDS[segment]));
        let near = ink.fold(f64::INFINITY, f64::min);
        let stroke = (0.5 + 0.5 * (PI * (near / (2.0 * width)).min(1.0)).cos()) * sharpness;
        let grain = (1.0 - sharpness) * noise.uniform() + 0.03 * noise.uniform();
        ((stroke + grain) * 255.0).clamp(0.0, 255.0) as u8
    })
}

/// The distance from a point to a segment, in pixels.
fn distance(x: f64, y: f64, [x0, y0, x1, y1]: [f64; 4]) -> f64 {
    let (dx, dy) = (x1 - x0, y1 - y0);
    let along = (((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    (x - x0 - along * dx).hypot(y - y0 - along * dy)
}
