//! One training step: algorithm 1 of Goodfellow et al. 2014.

use std::time::Instant;

use candle_core::{Error, Result, Tensor};

use super::{
    balance::Balance,
    batch::{Batch, Side},
    duel::{Duel, Duellist},
    ema, losses,
    measures::{DiscriminatorMeasures, GeneratorMeasures},
};
use crate::{
    kernels,
    networks::{Mode, optimiser::Rule},
    recipe::{self, Order, Recipe},
    run::record::Metrics,
};

impl Duel {
    /// Does one step: k updates of the discriminator, then k of the generator. With `measured`, returns its metrics.
    ///
    /// Only a measured step waits for the device.
    pub fn advance(&mut self, measured: bool) -> Result<Option<Metrics>> {
        let began = Instant::now();
        let updated = kernels::with_spinning_threads(|| self.updates(measured));
        let (discriminator, generator) = updated.map_err(|error| self.out_of_memory(error))?;
        self.step += 1;
        self.seconds += began.elapsed().as_secs_f64();
        measured.then(|| self.metrics(discriminator, generator)).transpose()
    }

    /// Returns `error`, or, if a GPU has no memory left, an error in one line that names the batch to try.
    fn out_of_memory(&self, error: Error) -> Error {
        let text = error.to_string();
        // CUDA's driver, and cuBLAS.
        if !["CUDA_ERROR_OUT_OF_MEMORY", "CUBLAS_STATUS_ALLOC_FAILED"].iter().any(|name| text.contains(name)) {
            return error;
        }
        let batch = self.recipe.training.batch;
        let (device, smaller) = (self.device_name(), (batch / 2).max(1));
        Error::Msg(format!(
            "out of memory on {device} with training.batch = {batch}; try --set training.batch={smaller}, or end other \
             programs that use the GPU"
        ))
    }

    /// Algorithm 1 of Goodfellow et al. 2014. In simultaneous order the generator's first gradient is computed before
    /// the discriminator's last update is applied.
    fn updates(&mut self, measured: bool) -> Result<(Option<DiscriminatorMeasures>, Option<GeneratorMeasures>)> {
        let recipe::Training { order, k_discriminator, k_generator, .. } = self.begin_step()?;
        let simultaneous = order == Order::Simultaneous && k_generator > 0;
        let (mut discriminator_measures, mut generator_measures) = (None, None);
        let (mut last_real, mut waiting) = (None, None);
        for update in 0..k_discriminator {
            let real = self.real_batch(self.batches_seen)?;
            let batch = self.batch(Side::Discriminator, update, &real)?;
            let gradient;
            (gradient, discriminator_measures) = self.discriminator_gradient(&batch, measured)?;
            if simultaneous && update + 1 == k_discriminator {
                waiting = Some(gradient);
            } else {
                self.discriminator.step(&gradient)?;
            }
            self.batches_seen += 1;
            last_real = Some(real);
        }
        // The generator's loss takes the real examples that the discriminator saw last.
        let real = match last_real {
            Some(real) => real,
            None => self.real_batch(self.batches_seen)?,
        };
        for update in 0..k_generator {
            let batch = self.batch(Side::Generator, update, &real)?;
            let gradient;
            (gradient, generator_measures) = self.generator_gradient(&batch, measured)?;
            if let Some(waiting) = waiting.take() {
                self.discriminator.step(&waiting)?;
            }
            self.update_generator(&gradient)?;
        }
        Ok((discriminator_measures, generator_measures))
    }

    /// Sets the learning rates and the momentum of this step, and returns the training settings that hold for it.
    fn begin_step(&mut self) -> Result<recipe::Training> {
        let Recipe { generator, discriminator, training, .. } = self.recipe.at(self.step);
        let share = self.balance.as_ref().map_or(Ok(1.0), Balance::share)?;
        let rates = [generator.learning_rate, discriminator.learning_rate * share];
        for (side, rate) in [&mut self.generator, &mut self.discriminator].into_iter().zip(rates) {
            side.network.begin_step(self.step);
            side.optimiser.learning_rate = rate * training.rate_at(self.step);
            if let Rule::Sgd { momentum } = &mut side.optimiser.rule {
                *momentum = training.momentum_at(self.step);
            }
        }
        Ok(training)
    }

    /// Returns the discriminator's gradient on real and generated examples, and with `measured` the measures of this
    /// update.
    pub(super) fn discriminator_gradient(
        &mut self,
        batch: &Batch,
        measured: bool,
    ) -> Result<(Tensor, Option<DiscriminatorMeasures>)> {
        let recipe = &self.recipe.discriminator;
        let fake = self.generator.network.forward(&batch.generator_input()?, Mode::Frozen)?;
        // One pass over all examples: the discriminator has no batch norm, so the logit of an example does not depend
        // on the others.
        let mut examples = vec![batch.real.clone(), fake];
        let (mut penalties, mut sets) = (Vec::new(), vec![0, 1]);
        for (index, (lambda, noise)) in [recipe.r1, recipe.r2].into_iter().zip(&batch.noise).enumerate() {
            if let Some(noise) = noise {
                penalties.push((lambda, index, examples.len()));
                examples.push((&examples[index] + (noise * recipe.penalty_noise)?)?);
                sets.push(index);
            }
        }
        // The penalties are of D(T(x)), as in the code of StyleGAN2-ADA and R3GAN: an example and its neighbour go
        // through the same transformation T.
        let examples = batch.augmented(Tensor::cat(&examples, 0)?, &sets, self.discriminator.network.engine)?;
        self.discriminator.network.refresh_spectral_norm(true)?;
        let output = self.discriminator.network.forward(&examples, Mode::Train)?;
        let rows = batch.real.dim(0)?;
        let logits = |part: usize| batch.logits(&output.narrow(0, part * rows, rows)?);
        let (real, fake) = (logits(0)?, logits(1)?);
        let loss = losses::discriminator(self.recipe.training.loss, &real, &fake)?;
        let mut total = loss.total.clone();
        for (lambda, clean, noisy) in penalties {
            total = (total + losses::penalty(lambda, &logits(clean)?, &logits(noisy)?)?)?;
        }
        let gradient = self.discriminator.gradient(&total)?;
        // The logit of a pair says how much more real the discriminator finds one of its two examples.
        let (real, fake) =
            if self.recipe.training.loss.is_pairwise() { ((&real - &fake)?, (&fake - &real)?) } else { (real, fake) };
        if let Some(balance) = &mut self.balance {
            balance.observe(self.discriminator.optimiser.steps + 1, &real.detach(), &fake.detach())?;
        }
        if let Some(augmentation) = &mut self.augmentation {
            augmentation.observe(&self.recipe.training, self.discriminator.optimiser.steps + 1, &real.detach())?;
        }
        let measures = measured.then(|| DiscriminatorMeasures::new(&total, &loss, [&real, &fake], &gradient));
        Ok((gradient, measures.transpose()?))
    }

    /// Returns the generator's gradient through a discriminator that does not learn, and with `measured` the measures
    /// of this update.
    pub(super) fn generator_gradient(
        &mut self,
        batch: &Batch,
        measured: bool,
    ) -> Result<(Tensor, Option<GeneratorMeasures>)> {
        let loss = self.recipe.training.loss;
        let fake = self.generator.network.forward(&batch.generator_input()?, Mode::Train)?;
        let discriminator = &self.discriminator.network;
        let seen = |examples: Tensor, set| batch.augmented(examples, &[set], discriminator.engine);
        let fake = batch.logits(&discriminator.forward(&seen(fake, 1)?, Mode::Frozen)?)?;
        let real = if loss.is_pairwise() {
            batch.logits(&discriminator.forward(&seen(batch.real.clone(), 0)?, Mode::Evaluate)?)?
        } else {
            fake.detach()
        };
        let loss = losses::generator(loss, &real, &fake)?;
        let gradient = self.generator.gradient(&loss)?;
        let measures = measured.then(|| GeneratorMeasures::new(&loss, &gradient));
        Ok((gradient, measures.transpose()?))
    }

    /// Updates the generator along its gradient, and its EMA.
    pub(super) fn update_generator(&mut self, gradient: &Tensor) -> Result<()> {
        self.generator.step(gradient)?;
        let Duellist { network, optimiser } = &self.generator;
        match &self.ema {
            Some(average) => ema::update(average, network, self.recipe.generator.ema, optimiser.steps),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::data::mnist::SHAPE;

    #[test]
    fn an_error_of_a_full_gpu_is_one_line_with_the_batch_to_try() {
        let recipe = Recipe::default().with(&["training.batch=48".to_owned()]).expect("a good setting");
        let duel = Duel::new(recipe.for_shape(SHAPE).expect("the shape of digits"), None, Device::Cpu);
        let duel = duel.expect("small networks");
        // The text of cudarc's DriverError, and of its CublasError.
        for (text, expected) in [
            ("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")", "training.batch=24"),
            ("CublasError(CUBLAS_STATUS_ALLOC_FAILED)", "training.batch=24"),
            ("DriverError(CUDA_ERROR_ECC_UNCORRECTABLE, \"uncorrectable ECC error\")", "ECC"),
        ] {
            let said = duel.out_of_memory(Error::Cuda(text.into())).to_string();
            assert!(said.contains(expected) && said.lines().count() == 1, "{said}");
        }
    }
}
