//! The training loop: steps, and between them metrics, samples, evaluations and checkpoints as the recipe asks for
//! them.

use std::{collections::BTreeMap, time::Instant};

use super::{
    observer::{Flow, Report, TrainError},
    requests::POLL,
    trainer::{Evaluation, Training},
    usage::Usage,
};
use crate::{
    data::{Images, SCORED_LEAST, SILENT},
    diagnosis::Watch,
    gan::{Duel, state},
    metrics::{judge::Judge, similarity::Reference},
    recipe::Source,
    run::{
        record::{Ending, EventKind},
        writer::Writer,
    },
};

/// Trains until the recipe's last step, or until `observe`, which gets every report, returns [`Flow::Stop`].
///
/// The run directory gets metrics, samples and checkpoints as the recipe's `record` section says, and a checkpoint at
/// the end.
pub fn train(
    duel: &mut Duel,
    run: &mut Writer,
    mut observe: impl FnMut(Report) -> Flow + Send,
) -> Result<Ending, TrainError> {
    // In a thread of rayon's pool the kernels start without waking another thread first.
    rayon::scope(|_| {
        let watch = if duel.step > 0 { Watch::resumed() } else { Watch::default() };
        let mut training = Training {
            duel,
            run,
            observe: &mut observe,
            asked: Flow::Continue,
            paused: false,
            last_checkpoint: Vec::new(),
            rollbacks: 0,
            requested: Vec::new(),
            usage: Usage::begin(),
            watch,
            evaluation: None,
            digits: None,
        };
        let ended = training.begin().and_then(|()| training.run());
        training.end(ended)
    })
}

/// Threads of the CPU that training uses.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// Measures the seconds of `steps` training steps, without writing files. A tenth as many steps are done first, to warm
/// up.
pub fn bench(duel: &mut Duel, steps: u64) -> candle_core::Result<f64> {
    rayon::scope(|_| {
        for _ in 0..steps.div_ceil(10) {
            duel.advance(false)?;
        }
        let began = Instant::now();
        for step in 1..=steps {
            // A measured step waits for the device.
            duel.advance(step == steps)?;
        }
        Ok(began.elapsed().as_secs_f64())
    })
}

impl Training<'_> {
    fn begin(&mut self) -> Result<(), TrainError> {
        let steps = self.duel.recipe.training.steps;
        let what = if self.duel.step > 0 {
            EventKind::Resumed { steps }
        } else {
            EventKind::Started {
                device: self.duel.device_name().to_owned(),
                threads: threads(),
                steps,
                parameters: [self.duel.generator.network.size(), self.duel.discriminator.network.size()],
                version: concat!("duel ", env!("CARGO_PKG_VERSION")).to_owned(),
            }
        };
        self.event(what)?;
        self.run.remove_samples_after(self.duel.step);
        self.forget_best();
        self.last_checkpoint = state::save(self.duel).map_err(self.device_failed())?;
        self.prepare_evaluation()?;
        if self.duel.step == 0 { self.write_samples() } else { Ok(()) }
    }

    /// Loads the judge of the data, and lets it read the held-out pictures that evaluations compare samples with. Without
    /// a judge, reports why.
    fn prepare_evaluation(&mut self) -> Result<(), TrainError> {
        let recipe = &self.duel.recipe;
        let Some(data) = self.duel.data() else { return Ok(()) };
        let held_out = data.held_out.as_ref().filter(|_| recipe.evaluation.every > 0);
        if held_out.is_none() && recipe.data.source != Source::Mnist {
            return Ok(());
        }
        let judge = match Judge::load(&recipe.data, SILENT) {
            Ok(judge) => judge,
            Err(why) => {
                return self.event(EventKind::Warning {
                    what: "no evaluation".to_owned(),
                    since: self.duel.step,
                    evidence: why.to_string(),
                    remedy: "--set evaluation.every=0".to_owned(),
                });
            }
        };
        let Some(held_out) = held_out else {
            self.digits = Some(judge);
            return Ok(());
        };
        let reference = Reference::new(judge, &Images::slice(held_out, 0..held_out.len()));
        let reference = reference.map_err(self.device_failed())?;
        // Neighbours need a few pictures: a single training picture has no scores.
        let count = held_out.len().min(data.len());
        let real = if count < SCORED_LEAST {
            BTreeMap::new()
        } else {
            reference.compare(&Images::slice(data, 0..count)).map_err(self.device_failed())?.named()
        };
        self.evaluation = Some(Evaluation { reference, real });
        Ok(())
    }

    /// Trains to the last step, or until it is asked to stop, and writes a checkpoint.
    fn run(&mut self) -> Result<Ending, TrainError> {
        loop {
            let ending = self.steps()?;
            // If a value of the last step is not finite, a rollback leaves steps to do again.
            if self.checkpoint()? || ending == Ending::Asked {
                return Ok(ending);
            }
        }
    }

    fn steps(&mut self) -> Result<Ending, TrainError> {
        let record = self.duel.recipe.record.clone();
        let mut polled = Instant::now();
        while self.duel.step < self.duel.recipe.training.steps {
            self.report_changes()?;
            let step = self.duel.step + 1;
            let last = step == self.duel.recipe.training.steps;
            let measured = step.is_multiple_of(record.metrics_every) || last;
            let metrics = self.duel.advance(measured).map_err(self.device_failed())?;
            let mut flow = self.report_step();
            if let Some(mut metrics) = metrics {
                metrics.memorisation = self.memorisation()?;
                [metrics.processors, metrics.memory] = self.usage.measure();
                self.run.add_metrics(&metrics)?;
                self.report(Report::Metrics(&metrics));
                let recipe = self.duel.recipe.at(step - 1);
                let training = &recipe.training;
                let losses = [(training.k_discriminator, metrics.d_loss), (training.k_generator, metrics.g_loss)];
                if losses.iter().any(|&(updates, loss)| updates > 0 && !loss.is_finite()) {
                    self.roll_back()?;
                    continue;
                }
                let found = self.watch.metrics(&recipe, &metrics);
                self.warn(found)?;
            }
            let every = self.duel.recipe.evaluation.every;
            let due = every > 0 && (step.is_multiple_of(every) || last);
            let evaluated = if due { self.evaluate()? } else { None };
            if step.is_multiple_of(record.samples_every) || last {
                self.write_samples()?;
                self.diagnose_samples(evaluated)?;
            }
            if (flow == Flow::Checkpoint || step.is_multiple_of(record.checkpoint_every)) && !last {
                self.checkpoint()?;
            }
            if polled.elapsed() >= POLL {
                self.save()?;
                flow = self.answer_requests(flow)?;
                polled = Instant::now();
            }
            if flow == Flow::Stop && !last {
                return Ok(Ending::Asked);
            }
        }
        Ok(Ending::Done)
    }

    /// Writes the last event, whatever ended the training.
    fn end(&mut self, ended: Result<Ending, TrainError>) -> Result<Ending, TrainError> {
        let (why, error) = match &ended {
            Ok(why) => (*why, None),
            Err(error) => (Ending::Failed, Some(error.to_string())),
        };
        let written = self.event(EventKind::Stopped { why, error }).and_then(|()| self.save());
        // If writing this event fails as well, the error that ended the training is returned: it is the cause.
        let why = ended.and_then(|why| written.map(|()| why))?;
        self.run.check_saved()?;
        Ok(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{DataSet, mnist::SHAPE},
        kernels,
        recipe::Recipe,
        run::{paths, record::Event},
    };
    use candle_core::Device;

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
        let recipe = recipe.for_shape(SHAPE).expect("the shape of digits");
        let data = DataSet::new(SHAPE, vec![7; 10 * SHAPE.size()], vec![0; 10]);
        let mut duel = Duel::new(recipe.clone(), Some(data), Device::Cpu).expect("small networks");
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
                Report::Event(Event { kind: EventKind::Warning { remedy, .. }, .. }) => warnings.push(remedy.clone()),
                _ => {}
            }
            Flow::Continue
        });
        if let Ok(Ending::Done) = ended {
            state::restore(&mut duel, dir.path()).expect("a whole checkpoint");
            assert_eq!(duel.step, 10);
        }
        (ended, warnings, paths::read_recipe(dir.path()).expect("a run"))
    }

    #[test]
    fn values_that_are_not_finite_are_rolled_back_with_half_the_learning_rates() {
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
    fn training_gives_up_after_three_rollbacks() {
        let (ended, warnings, _) = trained(&[1, 1, 1, 1]);
        let error = ended.expect_err("it gives up").to_string();
        assert!(error.contains("generator.learning_rate") && error.lines().count() == 1, "{error}");
        assert_eq!(warnings.len(), 3);
    }

    #[test]
    fn memorisation_is_measured_with_held_out_pictures() {
        let settings = [
            "generator.hidden=[8]",
            "discriminator.hidden=[8]",
            "discriminator.learning_rate=0.01",
            "training.batch=4",
            "training.steps=10",
            "record.metrics_every=10",
        ];
        let recipe = Recipe::default().with(&settings.map(str::to_owned)).expect("good settings");
        let recipe = recipe.for_shape(SHAPE).expect("the shape of digits");
        let set = |byte| DataSet::new(SHAPE, vec![byte; 20 * SHAPE.size()], vec![0; 20]);
        // The discriminator learns that black pictures are real. Held out are none, black ones, or white ones.
        let found = [None, Some(0), Some(255)].map(|held_out| {
            let data = DataSet { held_out: held_out.map(|byte| Box::new(set(byte))), ..set(0) };
            let mut duel = Duel::new(recipe.clone(), Some(data), Device::Cpu).expect("small networks");
            let dir = tempfile::tempdir().expect("a temporary directory");
            let mut run = Writer::create(dir.path(), &recipe).expect("space");
            let mut last = None;
            let ended = train(&mut duel, &mut run, |report| {
                if let Report::Metrics(metrics) = report {
                    last = Some(metrics.memorisation);
                }
                Flow::Continue
            });
            assert_eq!(ended.expect("a training"), Ending::Done);
            last.expect("a measured step")
        });
        assert!(found[0].is_nan() && found[1..] == [0.5, 1.0], "{found:?}");
    }

    #[test]
    fn a_setting_that_changes_as_planned_is_an_event() {
        let settings = [
            "training.steps=6",
            "training.changes=[\"0: training.k_discriminator = 2\", \"4: generator.learning_rate = 0.5\", \
             \"6: training.k_generator = 2\"]",
        ];
        let recipe = Recipe::load("bell", &settings.map(str::to_owned)).expect("good settings");
        let mut duel = Duel::new(recipe.clone(), None, Device::Cpu).expect("small networks");
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut run = Writer::create(dir.path(), &recipe).expect("space");
        let mut changes = Vec::new();
        let ended = train(&mut duel, &mut run, |report| {
            if let Report::Event(Event { kind: EventKind::Change { key, value }, step, .. }) = report {
                changes.push(format!("{step}: {key} = {value}"));
            }
            Flow::Continue
        });
        assert_eq!(ended.expect("a training"), Ending::Done);
        // No step follows the last one.
        assert_eq!(changes, ["0: training.k_discriminator = 2", "4: generator.learning_rate = 0.5"]);
    }

    #[test]
    fn the_answer_to_any_report_counts_at_the_next_step() {
        let settings = ["training.steps=10", "record.metrics_every=2"].map(str::to_owned);
        let recipe = Recipe::load("bell", &settings).expect("good settings");
        let mut duel = Duel::new(recipe.clone(), None, Device::Cpu).expect("small networks");
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut run = Writer::create(dir.path(), &recipe).expect("space");
        let mut checkpoints = Vec::new();
        let ended = train(&mut duel, &mut run, |report| match report {
            Report::Event(Event { kind: EventKind::Checkpoint { .. }, step, .. }) => {
                checkpoints.push(*step);
                Flow::Continue
            }
            Report::Metrics(metrics) if metrics.step == 2 => Flow::Checkpoint,
            Report::Metrics(metrics) if metrics.step == 6 => Flow::Stop,
            _ => Flow::Continue,
        });
        assert_eq!(ended.expect("a training"), Ending::Asked);
        assert_eq!(checkpoints, [3, 7]);
    }
}
