//! A network's layers while they are added one by one.

use candle_core::{Error, Result};

use super::{
    layer::Layer,
    layers::{Dense, Op, ProjectionHead},
};
use crate::kernels::activation::Activation;

/// Most parameters of a network: more than twenty times those of the 2014 paper. With its gradient, Adam's moments and
/// an EMA, a network of this size takes 1.3 GB.
const PARAMETERS_MAX: usize = 1 << 26;

/// Most values in the layers of a network, for all rows of a batch: 1 GB.
const VALUES_MAX: usize = 1 << 28;

/// Layers in the order of the forward pass, each with the places of its parameters.
pub(super) struct Sequential {
    pub list: Vec<Layer>,
    /// Values in a row of the network's input.
    pub inputs: usize,
    /// Values in a row of the last layer's output.
    pub size: usize,
    /// Values of all parameters.
    pub parameters: usize,
    /// Values of all running statistics.
    pub running: usize,
}

impl Sequential {
    pub(super) fn new(inputs: usize) -> Self {
        Self { list: Vec::new(), inputs, size: inputs, parameters: 0, running: 0 }
    }

    /// Adds a dense layer. `channels` are those of its output, if that is an image; else `outputs`.
    pub(super) fn dense(&mut self, outputs: usize, channels: usize, activation: Activation) {
        self.push(Dense { inputs: self.size, outputs, channels }, activation);
    }

    /// Adds a discriminator's head. `channels` are those of its input, if that is an image; else the number of values.
    pub(super) fn head(&mut self, channels: usize, classes: usize) {
        self.push(ProjectionHead { inputs: self.size, channels, classes }, Activation::None);
        // A network has one head, which has no number.
        self.list.last_mut().expect("just pushed").name = "head".to_owned();
    }

    /// Adds a layer, named after its module and its number among the modules of this name.
    pub(super) fn push(&mut self, op: impl Into<Op>, activation: Activation) {
        let op = op.into();
        let module = op.module();
        let number = 1 + self.list.iter().filter(|layer| layer.op.module() == module).count();
        let size = op.outputs(self.size);
        let (offset, running_offset) = (self.parameters, self.running);
        let layer = Layer { name: format!("{module}{number}"), op, activation, size, offset, running_offset };
        self.parameters = layer.span().end;
        self.running += layer.op.running_size();
        self.size = size;
        self.list.push(layer);
    }

    /// Checks, before any memory is taken, that training the network of one `side` of the duel takes a sensible amount
    /// of it. An error names the key to lower: the layers' `widths`, or the batch.
    pub(super) fn check_memory(&self, side: &str, widths: &str, batch: usize) -> Result<()> {
        let parameters = self.parameters;
        let values = batch * self.list.iter().map(|layer| layer.size).sum::<usize>();
        // No `bail`: it adds a backtrace where the environment asks for one, and an error is one line.
        if parameters > PARAMETERS_MAX {
            return Err(Error::Msg(format!(
                "{side}.{widths}: the network would have {parameters} parameters; at most {PARAMETERS_MAX} are \
                 allowed: use fewer or narrower layers"
            )));
        }
        if values > VALUES_MAX {
            return Err(Error::Msg(format!(
                "training.batch = {batch}: the {side}'s layers would hold {values} values; at most {VALUES_MAX} are \
                 allowed: lower the batch or {side}.{widths}"
            )));
        }
        Ok(())
    }
}
