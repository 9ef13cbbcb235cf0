//! Training as a whole: the duel's loop, the run directory it writes, and what watchers ask of it.

use std::{
    thread,
    time::{Duration, Instant},
};

use duel_models::pixels;

use crate::{
    duel::Duel,
    run::{
        checkpoint,
        record::{Ask, Ending, Event, Metrics, Request, What},
        writer::{RunError, SAMPLES, Writer},
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
        let mut training = Training { duel, run, observe: &mut observe, paused: false };
        let ended = training.begin().and_then(|()| training.run());
        training.end(ended)
    })
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
}

impl Training<'_> {
    fn begin(&mut self) -> Result<(), TrainError> {
        let steps = self.duel.recipe.training.steps;
        let what = if self.duel.step > 0 {
            What::Resumed { steps }
        } else {
            What::Started {
                device: self.duel.device_name().to_owned(),
                threads: rayon::current_num_threads(),
                steps,
                parameters: [self.duel.generator.network.size(), self.duel.discriminator.network.size()],
                version: concat!("duel ", env!("CARGO_PKG_VERSION")).to_owned(),
            }
        };
        self.event(what)?;
        if self.duel.step == 0 { self.samples() } else { Ok(()) }
    }

    fn run(&mut self) -> Result<Ending, TrainError> {
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
            }
            if step.is_multiple_of(record.samples_every) || last {
                self.samples()?;
            }
            if step.is_multiple_of(record.checkpoint_every) && !last {
                self.checkpoint()?;
            }
            if polled.elapsed() >= POLL {
                flow = self.obey(flow)?;
                polled = Instant::now();
            }
            if flow == Flow::Stop && !last {
                return Ok(Ending::Asked);
            }
        }
        Ok(Ending::Done)
    }

    /// The last checkpoint and the last event, whatever ended the loop.
    fn end(&mut self, ended: Result<Ending, TrainError>) -> Result<Ending, TrainError> {
        let ended = ended.and_then(|why| self.checkpoint().map(|()| why));
        let (why, error) = match &ended {
            Ok(why) => (*why, None),
            Err(error) => (Ending::Failed, Some(error.to_string())),
        };
        let told = self.event(What::Stopped { why, error });
        // The first error is the one to tell.
        ended.and_then(|why| told.map(|()| why))
    }

    /// Answers what watchers ask, and waits while they want a pause.
    fn obey(&mut self, mut flow: Flow) -> Result<Flow, TrainError> {
        loop {
            for request in self.run.requests()? {
                flow = self.answer(request, flow)?;
            }
            if !self.paused || flow == Flow::Stop {
                return Ok(flow);
            }
            thread::sleep(POLL);
            flow = (self.observe)(Report::Step(self.duel.step));
        }
    }

    fn answer(&mut self, request: Request, flow: Flow) -> Result<Flow, TrainError> {
        let mut done = Ok(match &request.ask {
            Ask::Pause => "paused".to_owned(),
            Ask::Continue => "training on".to_owned(),
            Ask::Checkpoint => "checkpoint written".to_owned(),
            Ask::Stop => "stopping".to_owned(),
            Ask::Set { key, value } => format!("{key} = {value}"),
        });
        let mut next = flow;
        match &request.ask {
            Ask::Pause => self.paused = true,
            Ask::Continue => self.paused = false,
            Ask::Checkpoint => self.checkpoint()?,
            Ask::Stop => next = Flow::Stop,
            Ask::Set { key, value } => {
                if let Err(why) = self.duel.change(key, value) {
                    done = Err(why);
                }
            }
        }
        let (done, message) = done.map_or_else(|why| (false, why), |message| (true, message));
        self.event(What::Answer { id: request.id, done, message })?;
        Ok(next)
    }

    fn samples(&mut self) -> Result<(), TrainError> {
        let seed = self.duel.recipe.training.seed;
        let values = self.duel.samples(seed, SAMPLES).map_err(self.device_failed())?;
        let images: Vec<u8> = values.into_iter().map(pixels::to_byte).collect();
        self.run.samples(self.duel.step, &images)?;
        (self.observe)(Report::Samples(&images));
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), TrainError> {
        let bytes = checkpoint::save(self.duel).map_err(self.device_failed())?;
        let kept = self.duel.recipe.record.checkpoints_kept;
        let file = self.run.checkpoint(self.duel.step, &bytes, kept)?;
        self.event(What::Checkpoint { file })
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
