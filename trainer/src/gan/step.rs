//! One training step: algorithm 1 of Goodfellow et al. 2014.

use std::time::Instant;

use candle_core::{Result, Tensor};

use super::{
    balance::Balance,
    batch::Batch,
    duel::Duel,
    losses,
    measures::{Drawing, Judgement, Spread, scalar},
};
use crate::{
    kernels,
    networks::{self, Mode, optimiser::Rule},
    recipe::{self, Loss, Order, Recipe},
    run::record::Metrics,
};

impl Duel {
    /// One step: k updates of the discriminator, then k of the generator. With `measured`, what it showed.
    ///
    /// Only a measured step waits for the device.
    pub fn advance(&mut self, measured: bool) -> Result<Option<Metrics>> {
        let began = Instant::now();
        let (judgement, drawing) = kernels::keep_threads_awake(|| self.updates(measured))?;
        self.step += 1;
        self.seconds += began.elapsed().as_secs_f64();
        Ok(measured.then(|| self.metrics(judgement, drawing)))
    }

    /// Algorithm 1 of Goodfellow et al. 2014; in simultaneous order the discriminator's last move waits until the generator has answered to it
    /// as it was.
    fn updates(&mut self, measured: bool) -> Result<(Option<Judgement>, Option<Drawing>)> {
        let recipe::Training { order, k_discriminator, k_generator, .. } = self.begin_step()?;
        // Where nothing answers, nothing has to be waited for.
        let simultaneous = order == Order::Simultaneous && k_generator > 0;
        let (mut judgement, mut drawing) = (None, None);
        let (mut last_real, mut waiting) = (None, None);
        for update in 0..k_discriminator {
            let real = self.real(self.batches_seen)?;
            let batch = self.batch("discriminator", update, &real)?;
            let gradient;
            (gradient, judgement) = self.discriminator_gradient(&batch, measured)?;
            if simultaneous && update + 1 == k_discriminator {
                waiting = Some(gradient);
            } else {
                self.discriminator.step(&gradient)?;
            }
            self.batches_seen += 1;
            last_real = Some(real);
        }
        // The generator answers to the batch that its opponent saw last.
        let real = match last_real {
            Some(real) => real,
            None => self.real(self.batches_seen)?,
        };
        for update in 0..k_generator {
            let batch = self.batch("generator", update, &real)?;
            let gradient;
            (gradient, drawing) = self.generator_gradient(&batch, measured)?;
            if let Some(waiting) = waiting.take() {
                self.discriminator.step(&waiting)?;
            }
            self.move_generator(&gradient)?;
        }
        Ok((judgement, drawing))
    }

    /// The rates and the momentum of this step, and what else holds for it.
    fn begin_step(&mut self) -> Result<recipe::Training> {
        let Recipe { generator, discriminator, training, .. } = self.recipe.at(self.step);
        let share = self.balance.as_ref().map_or(Ok(1.0), Balance::share)?;
        let rates = [generator.learning_rate, discriminator.learning_rate * share];
        for (side, rate) in [&mut self.generator, &mut self.discriminator].into_iter().zip(rates) {
            side.network.begin(self.step);
            side.optimiser.learning_rate = rate * training.rate_at(self.step);
            if let Rule::Sgd { momentum } = &mut side.optimiser.rule {
                *momentum = training.momentum_at(self.step);
            }
        }
        Ok(training)
    }

    /// The discriminator's gradient on real and on drawn images, and with `measured` what it showed.
    pub(super) fn discriminator_gradient(
        &mut self,
        batch: &Batch,
        measured: bool,
    ) -> Result<(Tensor, Option<Judgement>)> {
        let recipe = &self.recipe.discriminator;
        let fake = self.generator.network.forward(&batch.told()?, Mode::Frozen)?;
        // One pass over all: the discriminator has no batch norm, so it judges each image alone.
        let mut images = vec![batch.real.clone(), fake];
        let mut penalties = Vec::new();
        for (index, (lambda, noise)) in [recipe.r1, recipe.r2].into_iter().zip(&batch.noise).enumerate() {
            if let Some(noise) = noise {
                penalties.push((lambda, index, images.len()));
                images.push((&images[index] + (noise * recipe.penalty_noise)?)?);
            }
        }
        self.discriminator.network.settle(true)?;
        let logits = self.discriminator.network.forward(&Tensor::cat(&images, 0)?, Mode::Train)?;
        let rows = batch.real.dim(0)?;
        let of = |index: usize| batch.logits(&logits.narrow(0, index * rows, rows)?);
        let (real, fake) = (of(0)?, of(1)?);
        let loss = losses::discriminator(self.recipe.training.loss, &real, &fake)?;
        let mut total = loss.total;
        for (lambda, clean, noisy) in penalties {
            total = (total + losses::penalty(lambda, &of(clean)?, &of(noisy)?)?)?;
        }
        let gradient = self.discriminator.gradient(&total)?;
        // A discriminator that judges pairs says how likely the real image is the real one, and the drawn one.
        let (real, fake) = match self.recipe.training.loss {
            Loss::Relativistic => ((&real - &fake)?, (&fake - &real)?),
            _ => (real, fake),
        };
        if let Some(balance) = &mut self.balance {
            balance.heed(self.discriminator.optimiser.steps + 1, &real.detach(), &fake.detach())?;
        }
        if !measured {
            return Ok((gradient, None));
        }
        let parts = loss.parts.as_ref().map(|[real, fake]| Ok::<_, candle_core::Error>([scalar(real)?, scalar(fake)?]));
        let shown = Judgement {
            d_loss: scalar(&total)?,
            parts: parts.transpose()?.unwrap_or([f64::NAN; 2]),
            value: -scalar(&losses::softplus(&real.neg()?)?.mean_all()?)?
                - scalar(&losses::softplus(&fake)?.mean_all()?)?,
            d_real: Spread::of(&networks::probability(&real)?)?,
            d_fake: Spread::of(&networks::probability(&fake)?)?,
            gradient: norm(&gradient)?,
        };
        Ok((gradient, Some(shown)))
    }

    /// The generator's gradient on drawn images, through a discriminator that stands still, and with `measured` what it showed.
    pub(super) fn generator_gradient(&mut self, batch: &Batch, measured: bool) -> Result<(Tensor, Option<Drawing>)> {
        let loss = self.recipe.training.loss;
        let fake = self.generator.network.forward(&batch.told()?, Mode::Train)?;
        let judge = &self.discriminator.network;
        let fake = batch.logits(&judge.forward(&fake, Mode::Frozen)?)?;
        let real = match loss {
            Loss::Relativistic => batch.logits(&judge.forward(&batch.real, Mode::Evaluate)?)?,
            _ => fake.detach(),
        };
        let loss = losses::generator(loss, &real, &fake)?;
        let gradient = self.generator.gradient(&loss)?;
        let shown = if measured { Some(Drawing { g_loss: scalar(&loss)?, gradient: norm(&gradient)? }) } else { None };
        Ok((gradient, shown))
    }

    /// Moves the generator along its gradient, and its average behind it.
    pub(super) fn move_generator(&mut self, gradient: &Tensor) -> Result<()> {
        self.generator.step(gradient)?;
        match &self.averaged {
            Some(averaged) => averaged.approach(
                &self.generator.network,
                self.recipe.generator.average,
                self.generator.optimiser.steps,
            ),
            None => Ok(()),
        }
    }
}

/// The length of a gradient.
fn norm(gradient: &Tensor) -> Result<f64> {
    Ok(scalar(&gradient.sqr()?.sum_all()?)?.sqrt())
}
