//! A checkpoint: the state of a training as one safetensors file. Training resumed from the file gives the same bits as
//! training without interruption.

use std::{
    io,
    path::{Path, PathBuf},
};

use candle_core::{Device, Tensor, Var};
use duel_models::{files, text::showable};
use safetensors::{SafeTensors, tensor::Dtype};
use serde::{Deserialize, Serialize};

use super::duel::{Best, Duel};
use crate::{
    networks::{
        Network, StateDictEntry,
        tensor_file::{float_bytes, floats, safetensors, sha256},
    },
    run::{
        paths::{BEST, RunError, checkpoints},
        writer::{HEADER_MAX, Writer},
    },
};

/// The metadata key whose value is [`Counters`] as JSON.
const FORMAT: &str = "duel.checkpoint.2";

/// The counters of a checkpoint, beside its tensors.
#[derive(Clone, Serialize, Deserialize)]
struct Counters {
    step: u64,
    batches_seen: u64,
    seconds: f64,
    /// Steps of the generator's optimiser and of the discriminator's.
    optimiser_steps: [u64; 2],
    /// The least Fréchet distance of an evaluation so far.
    best: Option<f64>,
    /// The hash of the judge that measured it; absent in files of old versions, which had one judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    judge: Option<String>,
    /// The SHA-256 of all tensors' bytes, in the order of [`tensors`], and of these counters as JSON with an empty
    /// checksum.
    checksum: String,
}

impl Counters {
    /// An upper bound of every count; products of counts stay far below 2^63.
    const MOST: u64 = 1 << 40;

    fn checksum<'a>(&self, tensors: impl IntoIterator<Item = &'a [u8]>) -> serde_json::Result<String> {
        let counters = serde_json::to_vec(&Self { checksum: String::new(), ..self.clone() })?;
        let mut parts: Vec<&[u8]> = tensors.into_iter().collect();
        parts.push(&counters);
        Ok(sha256(parts))
    }

    fn are_counted(&self) -> bool {
        let [generator, discriminator] = self.optimiser_steps;
        let counts = [self.step, self.batches_seen, generator, discriminator];
        counts.iter().all(|&count| count <= Self::MOST)
            && [Some(self.seconds), self.best].into_iter().flatten().all(|value| value.is_finite() && value >= 0.0)
    }
}

/// Names of an optimiser's state: Adam has both moments, SGD the first entry alone.
const MEMORY: [&str; 2] = ["first", "second"];

/// Every tensor of a training, by its name in the file.
fn tensors(duel: &Duel) -> Vec<(String, &Tensor)> {
    let mut tensors = Vec::new();
    for (side, duellist) in [("generator", &duel.generator), ("discriminator", &duel.discriminator)] {
        let network = &duellist.network;
        tensors.push((format!("{side}.parameters"), network.parameters.as_tensor()));
        tensors.push((format!("{side}.running"), network.running.as_tensor()));
        let memory = duellist.optimiser.memory.iter();
        tensors.extend(MEMORY.iter().zip(memory).map(|(name, tensor)| (format!("{side}.{name}"), tensor)));
    }
    if let Some(ema) = &duel.ema {
        tensors.push(("averaged.parameters".to_owned(), ema.parameters.as_tensor()));
        tensors.push(("averaged.running".to_owned(), ema.running.as_tensor()));
    }
    if let Some(balance) = &duel.balance {
        tensors.push(("balance".to_owned(), &balance.share));
    }
    if let Some(augmentation) = &duel.augmentation {
        tensors.push(("augmentation".to_owned(), &augmentation.state));
        tensors.push(("augmentation.signs".to_owned(), &augmentation.signs));
    }
    tensors
}

/// Whether every value of a training is finite: [`load`] refuses other checkpoints. An optimiser's state may overflow
/// before a weight does.
pub(crate) fn is_finite(duel: &Duel) -> candle_core::Result<bool> {
    for (_, tensor) in tensors(duel) {
        // 0 × ∞ and 0 × NaN are NaN.
        if tensor.affine(0.0, 0.0)?.sum_all()?.to_scalar::<f32>()? != 0.0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes the whole state of a training as the bytes of a safetensors file. Latents and batches follow from the seed,
/// the step and the count of batches, so the file needs no random state.
pub fn save(duel: &Duel) -> candle_core::Result<Vec<u8>> {
    let mut flat = Vec::new();
    for (name, tensor) in tensors(duel) {
        let values = tensor.to_device(&Device::Cpu)?.to_vec1::<f32>()?;
        flat.push(StateDictEntry { name, shape: vec![values.len()], values });
    }
    let parts: Vec<Vec<u8>> = flat.iter().map(|tensor| float_bytes(&tensor.values)).collect();
    let mut counters = Counters {
        step: duel.step,
        batches_seen: duel.batches_seen,
        seconds: duel.seconds,
        optimiser_steps: [duel.generator.optimiser.steps, duel.discriminator.optimiser.steps],
        best: duel.best.as_ref().map(|best| best.frechet),
        judge: duel.best.as_ref().and_then(|best| best.judge.clone()),
        checksum: String::new(),
    };
    counters.checksum = counters.checksum(parts.iter().map(Vec::as_slice)).map_err(candle_core::Error::wrap)?;
    // All counters are under one key: several keys would be written in a different order each time.
    let metadata = [(FORMAT.to_owned(), serde_json::to_string(&counters).map_err(candle_core::Error::wrap)?)].into();
    safetensors(&flat, Some(metadata)).map_err(candle_core::Error::wrap)
}

/// Reads the steps of a checkpoint from its first [`HEADER_MAX`] bytes: the length of its header and the header as
/// JSON.
pub(crate) fn step_of(start: &[u8]) -> Option<u64> {
    let (length, rest) = start.split_first_chunk()?;
    let header = rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let header: serde_json::Value = serde_json::from_slice(header).ok()?;
    let counters: Counters = serde_json::from_str(header["__metadata__"][FORMAT].as_str()?).ok()?;
    Some(counters.step)
}

/// Writes the recipe of `duel`, which may have changed. Removes the best checkpoint if it is of a later step: training
/// with the changed recipe never reaches the state of that checkpoint.
pub fn keep_recipe(duel: &Duel, run: &mut Writer) -> Result<(), RunError> {
    run.write_recipe(&duel.recipe, |best| step_of(best).is_some_and(|step| step > duel.step))
}

/// Restores the newest intact checkpoint of the run in `dir`. `duel` must have been built from the run's recipe.
/// Returns a line for each damaged checkpoint that was skipped.
pub fn restore(duel: &mut Duel, dir: &Path) -> Result<Vec<String>, RunError> {
    restore_first(duel, dir, checkpoints(dir)?.into_iter().rev())
}

/// Restores the checkpoint with the least Fréchet distance if the run has one, else as [`restore`] does.
pub fn restore_best(duel: &mut Duel, dir: &Path) -> Result<Vec<String>, RunError> {
    let best = Some(dir.join(BEST)).filter(|file| file.exists());
    restore_first(duel, dir, best.into_iter().chain(checkpoints(dir)?.into_iter().rev()))
}

fn restore_first(
    duel: &mut Duel,
    dir: &Path,
    files: impl IntoIterator<Item = PathBuf>,
) -> Result<Vec<String>, RunError> {
    let mut passed = Vec::new();
    let mut newest = None;
    for file in files {
        match read(duel, &file).and_then(|bytes| load(duel, &bytes)) {
            Ok(()) => return Ok(passed),
            Err(Bad::OtherRecipe(why)) => return Err(RunError::OtherRecipe { file, why }),
            Err(Bad::Damaged(why)) => {
                passed.push(format!("{} is damaged ({why})", file.display()));
                newest.get_or_insert(RunError::Checkpoint { file, why });
            }
        }
    }
    Err(newest.unwrap_or_else(|| RunError::NoCheckpoint(dir.to_owned())))
}

/// Reads a file, unless it is longer than a checkpoint of this duel can be.
fn read(duel: &Duel, file: &Path) -> Result<Vec<u8>, Bad> {
    let values: usize = tensors(duel).iter().map(|(_, tensor)| tensor.elem_count()).sum();
    match files::read_small(file, 4 * values as u64 + HEADER_MAX) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(Bad::OtherRecipe(format!("it has more than {values} values")))
        }
        Err(error) => Err(Bad::Damaged(error.to_string())),
    }
}

/// Why a checkpoint's bytes cannot be used.
#[derive(Debug)]
pub(crate) enum Bad {
    /// The bytes are not those that were written, or hold values that are not finite.
    Damaged(String),
    /// The networks of the checkpoint differ from those of the recipe.
    OtherRecipe(String),
}

impl From<String> for Bad {
    fn from(why: String) -> Self {
        // A parser's message may repeat the file's characters.
        Self::Damaged(showable(&why))
    }
}

/// Loads a checkpoint from untrusted bytes. Before `duel` is changed, every tensor's type and length is checked against
/// the recipe's networks, and its values must be finite and match the checksum.
pub(crate) fn load(duel: &mut Duel, bytes: &[u8]) -> Result<(), Bad> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let counters = header.metadata().as_ref().and_then(|metadata| metadata.get(FORMAT));
    let counters = counters.ok_or_else(|| format!("it has no {FORMAT} in its metadata"))?;
    let counters: Counters = serde_json::from_str(counters).map_err(|error| error.to_string())?;
    let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut parts = Vec::new();
    for (name, tensor) in tensors(duel) {
        let saved = file.tensor(&name).map_err(|error| error.to_string())?;
        if saved.dtype() != Dtype::F32 {
            return Err(Bad::Damaged(format!("{name} is not f32")));
        }
        if saved.shape() != tensor.dims() {
            let (there, wanted) = (saved.shape(), tensor.dims());
            return Err(Bad::OtherRecipe(format!("{name} has {there:?} values for {wanted:?}")));
        }
        if !floats(saved.data()).iter().all(|value| value.is_finite()) {
            return Err(Bad::Damaged(format!("{name} is not finite")));
        }
        parts.push(saved.data());
    }
    if !counters.are_counted() {
        return Err(Bad::Damaged("one of its counters is out of range".to_owned()));
    }
    let checksum = counters.checksum(parts).map_err(|error| error.to_string())?;
    if counters.checksum != checksum {
        return Err(Bad::Damaged("its checksum does not match its contents".to_owned()));
    }
    let device = duel.device().clone();
    let value = |name: &str| {
        let saved = file.tensor(name).map_err(|error| error.to_string())?;
        let values = floats(saved.data());
        let length = values.len();
        Tensor::from_vec(values, length, &device).map_err(|error| error.to_string())
    };
    let fill = |side: &str, network: &Network| {
        let set = |var: &Var, name| var.set(&value(&format!("{side}.{name}"))?).map_err(|error| error.to_string());
        set(&network.parameters, "parameters")?;
        set(&network.running, "running")?;
        network.refresh_spectral_norm(false).map_err(|error| error.to_string())
    };
    let sides = [("generator", &mut duel.generator), ("discriminator", &mut duel.discriminator)];
    for ((side, duellist), steps) in sides.into_iter().zip(counters.optimiser_steps) {
        fill(side, &duellist.network)?;
        for (name, tensor) in MEMORY.iter().zip(&mut duellist.optimiser.memory) {
            *tensor = value(&format!("{side}.{name}"))?;
        }
        duellist.optimiser.steps = steps;
    }
    if let Some(ema) = &duel.ema {
        fill("averaged", ema)?;
    }
    if let Some(balance) = &mut duel.balance {
        let share = value("balance")?;
        balance.share = share.to_device(&Device::Cpu).map_err(|error| error.to_string())?;
    }
    if let Some(augmentation) = &mut duel.augmentation {
        let state = value("augmentation")?;
        augmentation.state = state.to_device(&Device::Cpu).map_err(|error| error.to_string())?;
        augmentation.signs = value("augmentation.signs")?;
    }
    // The thread that trains on may be another one: see `Duel::new`.
    device.synchronize().map_err(|error| error.to_string())?;
    duel.step = counters.step;
    duel.batches_seen = counters.batches_seen;
    duel.seconds = counters.seconds;
    duel.best = counters.best.map(|frechet| Best { frechet, judge: counters.judge });
    duel.measured_at = (duel.batches_seen * duel.recipe.training.batch as u64, duel.seconds);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        data::{DataSet, mnist::SHAPE},
        recipe::Recipe,
    };

    fn duel() -> Duel {
        of(&[
            "generator.hidden=[16]",
            "generator.latent=4",
            "generator.ema=0.9",
            "discriminator.hidden=[16]",
            "discriminator.spectral_norm=true",
            "discriminator.r1=10",
            "training.batch=4",
            "training.conditional=true",
            "training.balanced=true",
            "training.schedule=cosine",
            "training.steps=10",
        ])
    }

    fn of(settings: &[&str]) -> Duel {
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        let recipe = Recipe::default().with(&settings).expect("good settings");
        let images = (0..10 * 784).map(|at| (at % 251) as u8).collect();
        let data = DataSet::new(SHAPE, images, vec![0; 10]);
        Duel::new(recipe.for_shape(SHAPE).expect("the shape of digits"), Some(data), Device::Cpu)
            .expect("small networks")
    }

    #[test]
    fn is_finite_and_load_refuse_the_same_states() {
        let mut other = duel();
        for memory in 0..2 {
            let mut overflown = duel();
            overflown.advance(false).expect("a step");
            assert!(is_finite(&overflown).expect("a sum"));
            let values = &mut overflown.discriminator.optimiser.memory[memory];
            *values = Tensor::full(f32::INFINITY, values.shape(), &Device::Cpu).expect("memory");
            assert!(!is_finite(&overflown).expect("a sum"));
            assert!(matches!(load(&mut other, &save(&overflown).expect("memory")), Err(Bad::Damaged(_))));
        }
    }

    #[test]
    fn a_restored_duel_continues_bit_for_bit() {
        let paper: &[&str] = &[
            "generator.hidden=[16]",
            "discriminator.hidden=[8]",
            "discriminator.pieces=3",
            "discriminator.keep_pixels=0.8",
            "discriminator.keep_hidden=0.5",
            "training.optimizer=sgd",
            "training.momentum_to=0.7",
            "training.balance=adaptive",
            "training.batch=4",
            "training.steps=10",
        ];
        let augmented = || {
            let mut duel = of(&["generator.hidden=[16]", "training.batch=4", "training.augment=adaptive"]);
            let augmentation = duel.augmentation.as_mut().expect("the recipe has augmentation");
            augmentation.state = Tensor::new(&[0.5f32, 0.0], &Device::Cpu).expect("memory");
            duel
        };
        for make in [&duel as &dyn Fn() -> Duel, &|| of(paper), &augmented] {
            let mut straight = make();
            for _ in 0..5 {
                straight.advance(false).expect("a step");
            }
            straight.best = Some(Best { frechet: 1.5, judge: Some("a".to_owned()) });
            let bytes = save(&straight).expect("memory");
            let mut resumed = make();
            load(&mut resumed, &bytes).expect("its own checkpoint");
            for duel in [&mut straight, &mut resumed] {
                for _ in 0..5 {
                    duel.advance(false).expect("a step");
                }
                duel.seconds = 0.0;
            }
            assert!(save(&straight).expect("memory") == save(&resumed).expect("memory"));
        }
    }

    #[test]
    fn a_damaged_checkpoint_is_skipped_for_the_one_before() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = |name: &str| dir.path().join("checkpoints").join(name);
        fs::create_dir(dir.path().join("checkpoints")).expect("space");
        let mut trained = duel();
        trained.advance(false).expect("a step");
        fs::write(file("00000001.safetensors"), save(&trained).expect("memory")).expect("space");
        fs::write(file("00000002.safetensors"), b"half").expect("space");
        fs::write(file("stray.safetensors"), b"not ours").expect("space");
        let mut resumed = duel();
        let passed = restore(&mut resumed, dir.path()).expect("the first is whole");
        assert_eq!((resumed.step, passed.len()), (1, 1));
        trained.advance(false).expect("a step");
        fs::write(dir.path().join(BEST), save(&trained).expect("memory")).expect("space");
        assert_eq!((restore_best(&mut resumed, dir.path()).expect("whole").len(), resumed.step), (0, 2));
        fs::write(dir.path().join(BEST), b"half").expect("space");
        assert_eq!((restore_best(&mut resumed, dir.path()).expect("others").len(), resumed.step), (2, 1));
        fs::remove_file(dir.path().join(BEST)).expect("there");
        assert!(passed[0].contains("00000002.safetensors is damaged"), "{passed:?}");
        fs::remove_file(file("00000001.safetensors")).expect("there");
        assert!(matches!(restore(&mut resumed, dir.path()), Err(RunError::Checkpoint { .. })));
    }

    #[test]
    fn the_best_checkpoint_of_undone_steps_is_removed() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut trained = duel();
        let mut writer = Writer::create(dir.path(), &trained.recipe).expect("a new run");
        trained.step = 5;
        writer.write_best(save(&trained).expect("memory")).expect("space");
        let mut keeps = |step| {
            trained.step = step;
            keep_recipe(&trained, &mut writer).expect("space");
            assert_eq!(writer.has_best(), dir.path().join(BEST).exists());
            writer.has_best()
        };
        assert!(keeps(5) && !keeps(4) && !keeps(4));
        fs::write(dir.path().join(BEST), b"damaged").expect("space");
        assert!(keeps(0));
    }

    #[test]
    fn a_damaged_checkpoint_is_refused_and_changes_nothing() {
        let mut duel = duel();
        let before = save(&duel).expect("memory");
        let other = Recipe::default().with(&["generator.latent=5".to_owned()]).expect("good settings");
        let other = other.for_shape(SHAPE).expect("the shape of digits");
        let other = save(&Duel::new(other, None, Device::Cpu).expect("networks")).expect("memory");
        let flipped = |at: usize, bit: u8| {
            let mut bytes = before.clone();
            bytes[at] ^= bit;
            bytes
        };
        let nan = {
            crate::kernels::write(&duel.generator.network.parameters, |values| values[3] = f32::NAN)
                .expect("on the CPU");
            let bytes = save(&duel).expect("memory");
            load(&mut duel, &before).expect("its own checkpoint");
            bytes
        };
        let (low, middle) = (flipped(before.len() - 4, 1), flipped(before.len() / 2, 4));
        let header = br#"{"\u001b[2J":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#;
        let hostile = [&(header.len() as u64).to_le_bytes(), &header[..], &[0; 4]].concat();
        for bytes in [&before[..before.len() - 1], &before[..100], b"", &other, &low, &middle, &nan, &hostile] {
            let (Bad::Damaged(why) | Bad::OtherRecipe(why)) = load(&mut duel, bytes).expect_err("damaged");
            assert!(!why.chars().any(char::is_control), "{why:?}");
            assert!(save(&duel).expect("memory") == before);
        }
    }
}
