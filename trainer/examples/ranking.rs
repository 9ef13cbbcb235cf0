//! Shows that random features rank generators as the classifier of digits does: for each checkpoint of runs on MNIST,
//! and for sets of digits with known failures, the Fréchet distance to 5,000 test digits by both judges. Prints tables,
//! and writes a figure. `tests/lab/ranking` trains the runs and calls this example:
//!
//!     cargo run --release --package duel-trainer --example ranking -- FIGURE.svg RUN...

use std::{env, error::Error, fs, path::Path};

use candle_core::Device;
use duel_models::random::Stream;
use duel_trainer::{
    data::{
        DataSet, Images, Split,
        mnist::{self, SHAPE},
    },
    gan::{Duel, state},
    metrics::{classifier::FEATURES, frechet, judge::Judge},
    run::paths,
};

/// Pictures in each set.
const COUNT: usize = 5_000;
/// The seed of the samples.
const SAMPLES: u64 = 2014;

/// A set of pictures and its Fréchet distances by the classifier and by random features.
struct Set {
    name: String,
    distances: [f64; 2],
}

/// Both judges, and the features that each reads from the test digits.
struct Judges([(Judge, Vec<f32>); 2]);

impl Judges {
    fn new() -> Result<Self, Box<dyn Error>> {
        let test = Images::slice(&mnist::load(Split::Test), 0..COUNT).values;
        let with_features = |judge: Judge| -> Result<_, Box<dyn Error>> {
            let features = judge.read(&test)?.features;
            Ok((judge, features))
        };
        Ok(Self([with_features(Judge::digits()?)?, with_features(Judge::random(SHAPE)?)?]))
    }

    fn score(&self, name: impl Into<String>, values: &[f32]) -> Result<Set, Box<dyn Error>> {
        let mut distances = [0.0; 2];
        for (distance, (judge, real)) in distances.iter_mut().zip(&self.0) {
            *distance = frechet::distance(real, &judge.read(values)?.features, FEATURES);
        }
        Ok(Set { name: name.into(), distances })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let figure = arguments.next().ok_or("give a file for the figure, and runs")?;
    let judges = Judges::new()?;
    let mut runs = Vec::new();
    for run in arguments {
        let name = Path::new(&run).file_name().map_or(run.clone(), |name| name.to_string_lossy().into());
        runs.push((name, checkpoints(&judges, Path::new(&run))?));
    }
    for (name, sets) in &runs {
        println!("\n`{name}`: rank correlation {:.3}\n", spearman(sets.iter()));
        table("step", sets);
    }
    println!("\nAll checkpoints: rank correlation {:.3}\n", spearman(runs.iter().flat_map(|(_, sets)| sets)));
    table("set", &failures(&judges)?);
    fs::write(&figure, svg(&runs))?;
    Ok(())
}

/// Scores samples of each checkpoint of a run.
fn checkpoints(judges: &Judges, run: &Path) -> Result<Vec<Set>, Box<dyn Error>> {
    let mut duel = Duel::new(paths::read_recipe(run)?, None, Device::Cpu)?;
    let mut sets = Vec::new();
    for file in paths::checkpoints(run)? {
        // A directory with this checkpoint alone: the newest of a run is restored.
        let dir = tempfile::tempdir()?;
        let only = dir.path().join("checkpoints");
        fs::create_dir(&only)?;
        fs::copy(&file, only.join(file.file_name().ok_or("a file")?))?;
        state::restore(&mut duel, dir.path())?;
        sets.push(judges.score(duel.step.to_string(), &duel.sample(SAMPLES, COUNT)?.values)?);
    }
    Ok(sets)
}

/// Scores real digits, and digits with known failures.
fn failures(judges: &Judges) -> Result<Vec<Set>, Box<dyn Error>> {
    let digits = mnist::load(Split::Train);
    let real = Images::slice(&digits, 0..COUNT).values;
    let mut stream = Stream::new(1, "noise");
    let noise: Vec<f32> = (0..COUNT * SHAPE.size()).map(|_| 2.0 * stream.uniform() as f32 - 1.0).collect();
    let three = Images::slice(&digits, 7..8).values;
    Ok(vec![
        judges.score("real", &real)?,
        judges.score("noise", &noise)?,
        judges.score("one digit repeated", &three.repeat(COUNT))?,
        judges.score("blurred by 3×3", &blurred(&real))?,
        judges.score("no 7", &without(&digits, &[7]))?,
        judges.score("no 1, no 7", &without(&digits, &[1, 7]))?,
    ])
}

/// The first digits of other classes than these.
fn without(digits: &DataSet, classes: &[u8]) -> Vec<f32> {
    let kept = (0..digits.len()).filter(|&at| !classes.contains(&digits.label(at)));
    let bytes = kept.take(COUNT).flat_map(|at| digits.image(at)).copied().collect();
    Images::slice(&DataSet::new(SHAPE, bytes, Vec::new()), 0..COUNT).values
}

/// Replaces each pixel inside a picture by the mean of its 3×3 neighbourhood.
fn blurred(values: &[f32]) -> Vec<f32> {
    let mut blurred = values.to_vec();
    let pictures = values.chunks_exact(SHAPE.size()).zip(blurred.chunks_exact_mut(SHAPE.size()));
    for (sharp, image) in pictures {
        for (y, x) in (1..SHAPE.height - 1).flat_map(|y| (1..SHAPE.width - 1).map(move |x| (y, x))) {
            let near = (y - 1..=y + 1).flat_map(|y| (x - 1..=x + 1).map(move |x| sharp[y * SHAPE.width + x]));
            image[y * SHAPE.width + x] = near.sum::<f32>() / 9.0;
        }
    }
    blurred
}

/// The rank correlation of both distances: Spearman 1904. Distances are all different.
fn spearman<'a>(sets: impl Iterator<Item = &'a Set>) -> f64 {
    let sets: Vec<&Set> = sets.collect();
    let rank = |set: &Set, which: usize| sets.iter().filter(|o| o.distances[which] < set.distances[which]).count();
    let squares: f64 = sets.iter().map(|set| (rank(set, 0) as f64 - rank(set, 1) as f64).powi(2)).sum();
    let count = sets.len() as f64;
    1.0 - 6.0 * squares / (count * (count * count - 1.0))
}

fn table(first: &str, sets: &[Set]) {
    println!("| {first} | classifier | random features |\n|---|---|---|");
    for Set { name, distances: [classifier, random] } in sets {
        println!("| {name} | {classifier:.3} | {random:.4} |");
    }
}

/// Draws a point for each checkpoint, the classifier's distance to the right and that of random features upwards, both
/// axes logarithmic.
fn svg(runs: &[(String, Vec<Set>)]) -> String {
    const SIDE: f64 = 480.0;
    const MARGIN: f64 = 70.0;
    const COLOURS: [&str; 3] = ["#1f6fb4", "#c8502d", "#3a8a3a"];
    let all = || runs.iter().flat_map(|(_, sets)| sets);
    let bounds = [0, 1].map(|axis| {
        let logs = all().map(|set| set.distances[axis].log10());
        logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), log| (low.min(log.floor()), high.max(log.ceil())))
    });
    let place = |axis: usize, log: f64| {
        let (low, high) = bounds[axis];
        let share = (log - low) / (high - low);
        if axis == 0 { MARGIN + share * SIDE } else { MARGIN / 2.0 + (1.0 - share) * SIDE }
    };
    let (left, right, top, bottom) = (MARGIN, MARGIN + SIDE, MARGIN / 2.0, MARGIN / 2.0 + SIDE);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" font-family="sans-serif" font-size="14"><rect width="100%" height="100%" fill="#fff"/>
<text x="{}" y="{}" text-anchor="middle">Fréchet distance by the classifier of digits</text>
<text transform="translate(18 {}) rotate(-90)" text-anchor="middle">Fréchet distance by random features</text>
"##,
        right + 30.0,
        bottom + MARGIN,
        (left + right) / 2.0,
        bottom + 50.0,
        (top + bottom) / 2.0,
    );
    for (axis, (low, high)) in bounds.into_iter().enumerate() {
        for power in low as i32..=high as i32 {
            let (at, label) = (place(axis, f64::from(power)), 10f64.powi(power));
            svg += &match axis {
                0 => format!(
                    "<path d=\"M{at:.1} {top}V{bottom}\" stroke=\"#ddd\"/><text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>\n",
                    bottom + 20.0
                ),
                _ => format!(
                    "<path d=\"M{left} {at:.1}H{right}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
                    left - 8.0,
                    at + 5.0
                ),
            };
        }
    }
    for (index, ((name, sets), colour)) in runs.iter().zip(COLOURS).enumerate() {
        let y = top + 20.0 + 20.0 * index as f64;
        svg += &format!("<circle cx=\"{}\" cy=\"{}\" r=\"5\" fill=\"{colour}\"/>", left + 20.0, y - 5.0);
        svg += &format!("<text x=\"{}\" y=\"{y}\">{name}, 12 checkpoints</text>\n", left + 32.0);
        for Set { name, distances } in sets {
            let [x, y] = [0, 1].map(|axis| place(axis, distances[axis].log10()));
            svg += &format!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{colour}\"><title>step {name}</title></circle>\n"
            );
        }
    }
    svg + "</svg>\n"
}
