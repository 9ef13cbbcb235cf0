//! Training as a whole: the duel's loop, the run directory it writes, and what watchers ask of it.

mod requests;
mod retreat;

use std::time::{Duration, Instant};

use duel_models::{pixels, random::Stream};

use self::retreat::RETREATS;
use crate::{
    bell::Portrait,
    diagnosis::{self, Finding, Watch},
    duel::Duel,
    evaluate::{Images, Reference},
    run::{
        checkpoint,
        directory::RunError,
        record::{Ending, Event, Metrics, What},
        writer::{SAMPLES, Writer},
    },
};

/// What a training tells while it goes on.
#[derive(Debug)]
pub enum Report<'a> {
    /// A step is done.
    Step(u64),
    /// A measured step.
    Metrics(&'a Metrics),
    /// New samples of the fixed latents, [`SAMPLES`] images of grey levels.
    Samples(&'a [u8]),
    /// A duel over numbers as it looks now.
    Portrait(&'a Portrait),
    /// Something happened.
    Event(&'a Event),
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Train on.
    Continue,
    /// Write a checkpoint and end.
    Stop,
}

/// Why training failed.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The run directory failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The device failed.
    #[error("the {device} device failed at step {step}: {source}")]
    Device {
        /// Which.
        device: &'static str,
        /// When.
        step: u64,
        /// Why.
        source: candle_core::Error,
    },
    /// The networks diverged, and going back did not help.
    #[error(
        "a loss or a weight was not finite at step {step}, after going back {RETREATS} times, and now with rates of {generator:e} and \
         {discriminator:e}: lower generator.learning_rate and discriminator.learning_rate"
    )]
    Diverged {
        /// When.
        step: u64,
        /// The generator's learning rate.
        generator: f64,
        /// The discriminator's.
        discriminator: f64,
    },
}

/// How often requests are looked for.
const POLL: Duration = Duration::from_millis(100);

/// Trains until the recipe's last step, or until `observe`, called after every step and for every record, says stop.
///
/// The run directory gets all that it holds by the recipe's `record` section, and a checkpoint at the end.
pub fn train(
    duel: &mut Duel,
    run: &mut Writer,
    mut observe: impl FnMut(Report) -> Flow + Send,
) -> Result<Ending, TrainError> {
    // Inside the pool a kernel's pieces start without waking a thread first.
    rayon::scope(|_| {
        let watch = if duel.step > 0 { Watch::of_a_resume() } else { Watch::default() };
        let mut training = Training {
            duel,
            run,
            observe: &mut observe,
            paused: false,
            good: Vec::new(),
            retreats: 0,
            watch,
            reference: None,
        };
        let ended = training.begin().and_then(|()| training.run());
        training.end(ended)
    })
}

/// Threads that training works on.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// Trains `steps` steps without a file, after a tenth as many to warm up; the seconds they took.
pub fn bench(duel: &mut Duel, steps: u64) -> candle_core::Result<f64> {
    rayon::scope(|_| {
        for _ in 0..steps.div_ceil(10) {
            duel.advance(false)?;
        }
        let began = Instant::now();
        for step in 1..=steps {
            // The last one is measured, which waits for the device.
            duel.advance(step == steps)?;
        }
        Ok(began.elapsed().as_secs_f64())
    })
}

struct Training<'a> {
    duel: &'a mut Duel,
    run: &'a mut Writer,
    observe: &'a mut (dyn FnMut(Report) -> Flow + Send),
    paused: bool,
    /// The last checkpoint, or the start.
    good: Vec<u8>,
    /// How often training went back to it.
    retreats: u32,
    /// Looks for what goes wrong.
    watch: Watch,
    /// The held-out images, if the recipe wants evaluations.
    reference: Option<Reference>,
}

impl Training<'_> {
    fn begin(&mut self) -> Result<(), TrainError> {
        let steps = self.duel.recipe.training.steps;
        let what = if self.duel.step > 0 {
            What::Resumed { steps }
        } else {
            What::Started {
                device: self.duel.device_name().to_owned(),
                threads: threads(),
                steps,
                parameters: [self.duel.generator.network.size(), self.duel.discriminator.network.size()],
                version: concat!("duel ", env!("CARGO_PKG_VERSION")).to_owned(),
            }
        };
        self.event(what)?;
        self.forget_best();
        self.good = checkpoint::save(self.duel).map_err(self.device_failed())?;
        let held_out = self.duel.data().held_out.as_ref().filter(|_| self.duel.recipe.evaluation.every > 0);
        let reference = held_out.map(|images| Reference::of(&Images::of(images, 0..images.len())));
        self.reference = reference.transpose().map_err(self.device_failed())?;
        if self.duel.step == 0 { self.samples() } else { Ok(()) }
    }

    /// Trains to the last step, or until it is told to stop, and writes the checkpoint of that.
    fn run(&mut self) -> Result<Ending, TrainError> {
        loop {
            let ending = self.steps()?;
            // Where the last step's values are not finite, training went back, and has steps to do again.
            if self.checkpoint()? || ending == Ending::Asked {
                return Ok(ending);
            }
        }
    }

    fn steps(&mut self) -> Result<Ending, TrainError> {
        let record = self.duel.recipe.record.clone();
        let mut polled = Instant::now();
        while self.duel.step < self.duel.recipe.training.steps {
            let step = self.duel.step + 1;
            let last = step == self.duel.recipe.training.steps;
            let measured = step.is_multiple_of(record.metrics_every) || last;
            let metrics = self.duel.advance(measured).map_err(self.device_failed())?;
            let mut flow = (self.observe)(Report::Step(step));
            if let Some(metrics) = metrics {
                self.run.metrics(&metrics)?;
                (self.observe)(Report::Metrics(&metrics));
                let recipe = self.duel.recipe.at(step - 1);
                let training = &recipe.training;
                let losses = [(training.k_discriminator, metrics.d_loss), (training.k_generator, metrics.g_loss)];
                if losses.iter().any(|&(updates, loss)| updates > 0 && !loss.is_finite()) {
                    self.retreat()?;
                    continue;
                }
                let found = self.watch.metrics(&recipe, &metrics);
                self.warn(found)?;
            }
            let every = self.duel.recipe.evaluation.every;
            let due = every > 0 && (step.is_multiple_of(every) || last);
            let evaluated = if due { self.evaluate()? } else { None };
            if step.is_multiple_of(record.samples_every) || last {
                self.samples()?;
                self.probe(evaluated)?;
            }
            if step.is_multiple_of(record.checkpoint_every) && !last {
                self.checkpoint()?;
            }
            if polled.elapsed() >= POLL {
                self.save()?;
                flow = self.obey(flow)?;
                polled = Instant::now();
            }
            if flow == Flow::Stop && !last {
                return Ok(Ending::Asked);
            }
        }
        Ok(Ending::Done)
    }

    /// The last event, whatever ended the training.
    fn end(&mut self, ended: Result<Ending, TrainError>) -> Result<Ending, TrainError> {
        let (why, error) = match &ended {
            Ok(why) => (*why, None),
            Err(error) => (Ending::Failed, Some(error.to_string())),
        };
        let told = self.event(What::Stopped { why, error }).and_then(|()| self.save());
        // The first error is the one to tell.
        let why = ended.and_then(|why| told.map(|()| why))?;
        self.run.saved()?;
        Ok(why)
    }

    /// Tries again what could not be written, and tells of it once.
    fn save(&mut self) -> Result<(), TrainError> {
        self.run.retry()?;
        self.tell_of_checkpoints()?;
        match self.run.trouble() {
            Some(evidence) => self.event(What::Warning {
                what: "not saved".to_owned(),
                since: self.duel.step,
                evidence,
                remedy:
                    "make room on the disk, or mend the directory's rights; training goes on, and saves when it can"
                        .to_owned(),
            }),
            None => Ok(()),
        }
    }

    fn samples(&mut self) -> Result<(), TrainError> {
        if let Some(portrait) = self.duel.portrait().map_err(self.device_failed())? {
            self.run.portrait(&portrait)?;
            (self.observe)(Report::Portrait(&portrait));
            return Ok(());
        }
        let seed = self.duel.recipe.training.seed;
        let drawn = self.duel.drawn(seed, SAMPLES).map_err(self.device_failed())?;
        let images: Vec<u8> = drawn.values.into_iter().map(pixels::to_byte).collect();
        self.run.samples(self.duel.step, &images)?;
        (self.observe)(Report::Samples(&images));
        Ok(())
    }

    /// Looks at samples of other latents than the grid's, beside the class entropy that an evaluation of this step read, if any did.
    fn probe(&mut self, evaluated: Option<f64>) -> Result<(), TrainError> {
        if self.duel.data().is_empty() {
            return Ok(());
        }
        let seed = !self.duel.recipe.training.seed;
        let drawn = self.duel.drawn(seed, diagnosis::PROBE).map_err(self.device_failed())?;
        let samples: Vec<u8> = drawn.values.into_iter().map(pixels::to_byte).collect();
        let data = self.duel.data();
        let opinion = |data| self.duel.opinion(data, diagnosis::JUDGED).map_err(self.device_failed());
        let opinions = match &data.held_out {
            Some(held_out) => Some([opinion(data)?, opinion(held_out)?]),
            None => None,
        };
        let (recipe, step) = (self.duel.recipe.at(self.duel.step), self.duel.step);
        let found = self.watch.samples(&recipe, step, &samples, data, opinions, evaluated);
        self.warn(found.map_err(self.device_failed())?)
    }

    /// Holds as many drawn images as there are held-out ones against those, and keeps the checkpoint if it is the best so far. The class entropy
    /// that it read; none without held-out images, or of images that are not finite.
    fn evaluate(&mut self) -> Result<Option<f64>, TrainError> {
        let (Some(reference), Some(held_out)) = (&self.reference, &self.duel.data().held_out) else { return Ok(None) };
        let (seed, count) = (Stream::new(self.duel.recipe.training.seed, "evaluation").bits(), held_out.len());
        let drawn = self.duel.drawn(seed, count).map_err(self.device_failed())?;
        if !drawn.values.iter().all(|value| value.is_finite()) {
            return Ok(None);
        }
        let likeness = reference.compare(&drawn).map_err(self.device_failed())?;
        let best = self.duel.best.is_none_or(|best| likeness.frechet < best);
        let entropy = Some(likeness.class_balance);
        self.event(What::Evaluation { scores: likeness.named() })?;
        if !best || !checkpoint::is_finite(self.duel).map_err(self.device_failed())? {
            return Ok(entropy);
        }
        // Rounding may leave a distance of nothing below 0, which no checkpoint holds.
        self.duel.best = Some(likeness.frechet.max(0.0));
        let bytes = checkpoint::save(self.duel).map_err(self.device_failed())?;
        self.run.best(bytes)?;
        self.tell_of_checkpoints()?;
        Ok(entropy)
    }

    fn warn(&mut self, found: Vec<Finding>) -> Result<(), TrainError> {
        found.into_iter().try_for_each(|Finding { what, since, evidence, remedy }| {
            self.event(What::Warning { what: what.to_owned(), since, evidence, remedy })
        })
    }

    /// Keeps a recipe that changed.
    fn keep(&mut self) -> Result<(), TrainError> {
        self.run.keep(self.duel.step, &self.duel.recipe)?;
        self.forget_best();
        Ok(())
    }

    /// Where no best checkpoint is left, the next one is the best, whatever one was that training went back behind.
    fn forget_best(&mut self) {
        if !self.run.has_best() {
            self.duel.best = None;
        }
    }

    /// Writes a checkpoint, or goes back to the last one where there is nothing to save; whether it wrote one.
    fn checkpoint(&mut self) -> Result<bool, TrainError> {
        if !checkpoint::is_finite(self.duel).map_err(self.device_failed())? {
            return self.retreat().map(|()| false);
        }
        let bytes = checkpoint::save(self.duel).map_err(self.device_failed())?;
        self.good.clone_from(&bytes);
        self.run.checkpoint(self.duel.step, bytes)?;
        self.tell_of_checkpoints().map(|()| true)
    }

    fn tell_of_checkpoints(&mut self) -> Result<(), TrainError> {
        self.run.written().into_iter().try_for_each(|file| self.event(What::Checkpoint { file }))
    }

    fn event(&mut self, what: What) -> Result<(), TrainError> {
        let event = self.run.event(self.duel.step, what)?;
        (self.observe)(Report::Event(&event));
        Ok(())
    }

    fn device_failed(&self) -> impl FnOnce(candle_core::Error) -> TrainError + use<> {
        let (device, step) = (self.duel.device_name(), self.duel.step);
        move |source| TrainError::Device { device, step, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dataset::Dataset, kernels, recipe::Recipe};
    use candle_core::Device;
    use duel_models::PIXELS;

    /// Trains ten steps; at each step of `poisoned` a weight of the generator turns into NaN, once.
    fn trained(poisoned: &[u64]) -> (Result<Ending, TrainError>, Vec<String>, Recipe) {
        let settings = [
            "generator.hidden=[8]",
            "generator.latent=4",
            "discriminator.hidden=[8]",
            "training.batch=4",
            "training.steps=10",
            "record.metrics_every=1",
            "record.checkpoint_every=2",
        ];
        let recipe = Recipe::default().with(&settings.map(str::to_owned)).expect("good settings");
        let data = Dataset { images: vec![7; 10 * PIXELS], labels: vec![0; 10], ..Dataset::default() };
        let mut duel = Duel::new(recipe.clone(), data, Device::Cpu).expect("small networks");
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut run = Writer::create(dir.path(), &recipe).expect("space");
        let (parameters, mut left) = (duel.generator.network.parameters.clone(), poisoned.to_vec());
        let mut warnings = Vec::new();
        let ended = train(&mut duel, &mut run, |report| {
            match report {
                Report::Step(step) if left.first() == Some(&step) => {
                    left.remove(0);
                    kernels::write(&parameters, |values| values[0] = f32::NAN).expect("on the CPU");
                }
                Report::Event(Event { what: What::Warning { remedy, .. }, .. }) => warnings.push(remedy.clone()),
                _ => {}
            }
            Flow::Continue
        });
        if let Ok(Ending::Done) = ended {
            checkpoint::restore(&mut duel, dir.path()).expect("a whole checkpoint");
            assert_eq!(duel.step, 10);
        }
        (ended, warnings, crate::run::directory::recipe(dir.path()).expect("a run"))
    }

    #[test]
    fn what_is_not_finite_is_taken_back_with_half_the_rates() {
        let (ended, warnings, recipe) = trained(&[5, 8]);
        assert_eq!(ended.expect("a training"), Ending::Done);
        assert!(warnings.len() == 2 && warnings[0].contains("back to step 4"), "{warnings:?}");
        let rates = [3, 4, 6, 10].map(|step| recipe.at(step).generator.learning_rate);
        assert_eq!(rates, [1.0, 0.5, 0.25, 0.25].map(|share| share * Recipe::default().generator.learning_rate));
    }

    #[test]
    fn a_last_step_that_is_not_finite_is_done_again() {
        let (ended, warnings, _) = trained(&[10]);
        assert_eq!(ended.expect("a training"), Ending::Done);
        assert!(warnings.len() == 1 && warnings[0].contains("back to step 8"), "{warnings:?}");
    }

    #[test]
    fn training_gives_up_after_three_times() {
        let (ended, warnings, _) = trained(&[1, 1, 1, 1]);
        let error = ended.expect_err("it gives up").to_string();
        assert!(error.contains("generator.learning_rate") && error.lines().count() == 1, "{error}");
        assert_eq!(warnings.len(), 3);
    }
}
