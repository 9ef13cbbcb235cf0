//! A network's forward and backward pass on the CPU, as one operation of candle's graph.
//!
//! candle's own backward pass fills a tensor of zeros for every argument and adds to it, parameters included, and
//! computes gradients that nobody needs. Here the gradient of the parameters goes straight to the network's own tensor,
//! and the buffers of a pass are kept for the next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering};

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use super::{
    layer::Layer,
    layers::{Backward, Forward, GradientSink, Gradients, Saved},
    network::Network,
    pass_buffers::PassBuffers,
};
use crate::kernels::{
    activation::Activation,
    elementwise::activation_gradient,
    gemm::Write,
    storage::{grown, slice, values, write},
};

/// A pass of a network over `x`, [N, inputs]. The operation's second argument is the network's parameters,
/// tracked or detached.
pub(super) struct Pass {
    network: Arc<Network>,
    training: bool,
    buffers: Mutex<PassBuffers>,
}

impl Pass {
    /// A pass over `rows` rows.
    pub(super) fn new(network: Arc<Network>, training: bool, rows: usize) -> Self {
        let mut free = network.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        // Only buffers of the same number of rows are reused: smaller buffers would have to grow, and growing fills
        // them with zeros.
        let buffers = free.iter().position(|buffers| buffers.rows == rows).map(|index| free.swap_remove(index));
        drop(free);
        let buffers = buffers.unwrap_or_else(|| PassBuffers { rows, ..PassBuffers::default() });
        Self { network, training, buffers: Mutex::new(buffers) }
    }

    fn buffers(&self) -> MutexGuard<'_, PassBuffers> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    /// Gives the buffers to the next pass.
    fn drop(&mut self) {
        let buffers = std::mem::take(&mut *self.buffers());
        self.network.buffers.lock().unwrap_or_else(PoisonError::into_inner).push(buffers);
    }
}

impl CustomOp2 for Pass {
    fn name(&self) -> &'static str {
        "network"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        parameters: &CpuStorage,
        parameters_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, parameters) = (slice(x, x_layout)?, slice(parameters, parameters_layout)?);
        let layers = &self.network.layers;
        let mut buffers = self.buffers();
        let PassBuffers { rows, outputs, saved, .. } = &mut *buffers;
        outputs.resize_with(layers.len(), Vec::new);
        saved.resize_with(layers.len(), Saved::default);
        let masks = self.network.masks(*rows, self.training);
        for (index, (layer, mask)) in layers.iter().zip(masks).enumerate() {
            let (below, above) = outputs.split_at_mut(index);
            above[0].resize(*rows * layer.size, 0.0);
            saved[index].mask = mask;
            let [weight, bias] = layer.parameters(parameters);
            layer.op.forward(Forward {
                input: below.last().map_or(x, Vec::as_slice),
                output: &mut above[0],
                weight,
                bias,
                activation: layer.activation,
                training: self.training,
                running: layer.running(&self.network.running),
                saved: &mut saved[index],
            })?;
        }
        let output = outputs.last().map_or_else(Vec::new, Clone::clone);
        let shape = Shape::from((*rows, output.len() / *rows));
        Ok((CpuStorage::F32(output), shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        parameters: &Tensor,
        _result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (input_wanted, parameters_wanted) = (x.track_op(), parameters.track_op());
        let gradient = gradient.contiguous()?;
        let (input, values, gradient) = (values(x)?, values(parameters)?, values(&gradient)?);
        let mut buffers = self.buffers();
        let below = if parameters_wanted {
            let old = self.network.gradient_is_old.swap(false, Ordering::Relaxed);
            let how = if old { Write::Replace } else { Write::Add };
            write(&self.network.gradient, |sink| {
                let sink = Some(GradientSink { values: sink, write: how });
                self.backward(&mut buffers, [&input, &values, &gradient], input_wanted, sink)
            })?
        } else {
            self.backward(&mut buffers, [&input, &values, &gradient], input_wanted, None)
        };
        let below = below.map(|values| Tensor::from_vec(values, x.shape(), x.device())).transpose()?;
        Ok((below, None))
    }
}

impl Pass {
    /// Returns the gradient of the network's input, if `input_wanted`, from the gradient of its output; the gradient of
    /// the parameters goes to `sink`.
    fn backward(
        &self,
        buffers: &mut PassBuffers,
        [x, parameters, gradient]: [&[f32]; 3],
        input_wanted: bool,
        mut sink: Option<GradientSink>,
    ) -> Option<Vec<f32>> {
        let PassBuffers { outputs, saved, gradient: here, gradient_below: below, scratch, .. } = buffers;
        let size = outputs.iter().map(Vec::len).max().unwrap_or_default().max(x.len());
        let (mut here, mut below) = (grown(here, size), grown(below, size));
        let layers = &self.network.layers;
        let last = layers.len() - 1;
        here[..gradient.len()].copy_from_slice(gradient);
        activation_gradient(&mut here[..gradient.len()], &outputs[last], activation_behind(&layers[last]));
        let with_parameters = layers.iter().position(|layer| !layer.span().is_empty());
        let first = if input_wanted { 0 } else { with_parameters.unwrap_or_default() };
        for (index, layer) in layers.iter().enumerate().skip(first).rev() {
            let pass = Backward {
                weight: &parameters[layer.weight()],
                input: if index == 0 { x } else { &outputs[index - 1] },
                output: &outputs[index],
                saved: &saved[index],
                activation: layer.activation,
                input_activation: if index == 0 { Activation::None } else { activation_behind(&layers[index - 1]) },
            };
            let gradients = Gradients {
                output: &mut here[..pass.output.len()],
                input: (input_wanted || index > first).then(|| &mut below[..pass.input.len()]),
                parameters: sink.as_mut().map(|sink| sink.part(layer.span())),
            };
            layer.op.backward(&pass, gradients, scratch);
            if !layer.op.in_place() {
                std::mem::swap(&mut here, &mut below);
            }
        }
        input_wanted.then(|| here[..x.len()].to_vec())
    }
}

/// The activation of `layer`, if its gradient is left to the layer above, or to the pass for the last layer.
/// `Activation::None` if the layer computes that gradient itself.
fn activation_behind(layer: &Layer) -> Activation {
    if layer.op.in_place() { Activation::None } else { layer.activation }
}
