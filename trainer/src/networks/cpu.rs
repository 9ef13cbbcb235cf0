//! A network's forward and backward pass on the CPU, as one operation of candle's graph.
//!
//! candle's own backward pass fills a tensor of zeros for every argument and adds to it, a parameter's included, and asks
//! for gradients that nobody wants. Here the gradient of the parameters goes straight to [`Network::gradient`], and the
//! buffers of a pass are kept for the next.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use super::{Activation, Growth, Layer, Network, Op};
use crate::kernels::{
    convolution::{Grid, fold, unfold},
    elementwise::{activate, activate_backward, bias_backward, deactivate, finish, masked, maxout, maxout_backward},
    gemm::{Matrix, Write, product, transpose},
    norm::{Statistics, batch_statistics, input_backward, inverse_root, normalise, sums},
    storage::{grown, read, slice, write},
};

/// What a backward pass needs of its forward pass, and room to work in.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    /// Inputs of the pass.
    rows: usize,
    /// What each layer gave.
    outputs: Vec<Vec<f32>>,
    /// What each batch norm subtracted and scaled by; empty for other layers.
    statistics: Vec<Statistics>,
    /// What each dropout multiplied with; empty for other layers.
    masks: Vec<Vec<f32>>,
    scratch: Scratch,
}

/// Room of a backward pass.
#[derive(Debug, Default)]
struct Scratch {
    /// The gradient of what a layer gave.
    here: Vec<f32>,
    /// That of what it was given.
    below: Vec<f32>,
    /// A weight, transposed.
    turned: Vec<f32>,
    /// Parts of a weight's gradient.
    parts: Vec<f32>,
}

/// One pass of a network over `x`, [N, inputs]; the second argument is [`Network::parameters`], tracked or detached.
pub(crate) struct Pass {
    network: Arc<Network>,
    training: bool,
    tape: Mutex<Tape>,
}

impl Pass {
    /// A pass over `rows` inputs.
    pub(crate) fn new(network: Arc<Network>, training: bool, rows: usize) -> Self {
        let mut tapes = network.tapes.lock().unwrap_or_else(PoisonError::into_inner);
        // Of the same size: to grow again what was cut means to fill it with zeros first.
        let tape = tapes.iter().position(|tape| tape.rows == rows).map(|index| tapes.swap_remove(index));
        drop(tapes);
        let tape = tape.unwrap_or_else(|| Tape { rows, ..Tape::default() });
        Self { network, training, tape: Mutex::new(tape) }
    }

    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    /// Hands the buffers to the next pass.
    fn drop(&mut self) {
        let tape = std::mem::take(&mut *self.tape());
        self.network.tapes.lock().unwrap_or_else(PoisonError::into_inner).push(tape);
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
        let mut tape = self.tape();
        let tape = &mut *tape;
        let rows = tape.rows;
        tape.outputs.resize_with(layers.len(), Vec::new);
        tape.statistics.resize_with(layers.len(), Statistics::default);
        tape.masks = self.network.masks(rows, self.training);
        for (index, layer) in layers.iter().enumerate() {
            let (below, here) = tape.outputs.split_at_mut(index);
            let input = below.last().map_or(x, Vec::as_slice);
            here[0].resize(rows * layer.size, 0.0);
            let parameters = &parameters[layer.span()];
            self.forward(layer, input, &mut here[0], parameters, &mut tape.statistics[index], &tape.masks[index])?;
        }
        let output = tape.outputs.last().map_or_else(Vec::new, Clone::clone);
        let shape = Shape::from((rows, output.len() / rows));
        Ok((CpuStorage::F32(output), shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        parameters: &Tensor,
        _result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (through, learn) = (x.track_op(), parameters.track_op());
        let gradient = gradient.contiguous()?;
        let mut tape = self.tape();
        let down = read(parameters, |values| {
            read(x, |input| {
                read(&gradient, |gradient| {
                    if !learn {
                        return Ok(self.backward(&mut tape, input, values, gradient, through, None));
                    }
                    let fresh = self.network.fresh.swap(false, Ordering::Relaxed);
                    write(&self.network.gradient, |sink| {
                        let sink = Sink { values: sink, fresh };
                        self.backward(&mut tape, input, values, gradient, through, Some(sink))
                    })
                })
            })
        })????;
        let down = down.map(|values| Tensor::from_vec(values, x.shape(), x.device())).transpose()?;
        Ok((down, None))
    }
}

/// Where parameters get their gradient.
struct Sink<'a> {
    values: &'a mut [f32],
    /// Whether it is the first since the last step, and others are added to it.
    fresh: bool,
}

impl Pass {
    fn forward(
        &self,
        layer: &Layer,
        x: &[f32],
        y: &mut [f32],
        parameters: &[f32],
        statistics: &mut Statistics,
        mask: &[f32],
    ) -> Result<()> {
        let [weights, _] = layer.sizes();
        let (weight, bias) = parameters.split_at(weights);
        match layer.op {
            Op::Dense { inputs, .. } | Op::Head { inputs, .. } => {
                let weight = Matrix::new(weight, inputs, layer.size);
                product(Matrix::new(x, x.len() / inputs, inputs), weight, y, Write::Replace);
                activate(y, bias, layer.size, layer.activation);
            }
            Op::BatchNorm { channels, momentum, epsilon, of_batch } => {
                if self.training && of_batch {
                    let variance = batch_statistics(x, channels, epsilon as f32, statistics);
                    let rows = x.len() / channels;
                    self.network.update_running(layer, &statistics.mean, &variance, rows, momentum)?;
                } else {
                    *statistics = self.network.running_statistics(layer, channels, |mean, variance| Statistics {
                        mean: mean.to_vec(),
                        scale: inverse_root(variance, epsilon as f32),
                        of_batch: false,
                    })?;
                }
                normalise(x, y, [weight, bias], statistics, layer.activation);
            }
            Op::Down { wide, inputs, outputs } => {
                let grid = Grid { wide, small: outputs, big: inputs };
                grid.down(x, weight, y, |_, y| finish(y, bias, outputs, layer.activation));
            }
            Op::Up { side, inputs, outputs, how } => {
                let grid = Grid { wide: 2 * side, small: inputs, big: outputs };
                grid.up(x, &transposed_kernel(weight, outputs, how), y, |_, y| {
                    finish(y, bias, outputs, layer.activation)
                });
            }
            Op::Max { pieces } => maxout(x, y, pieces),
            Op::Dropout { image, .. } => masked(x, mask, y, unit(image)),
        }
        Ok(())
    }

    /// From the gradient of the output to that of the input, if it is wanted; the layers' own go to `sink`.
    fn backward(
        &self,
        tape: &mut Tape,
        x: &[f32],
        parameters: &[f32],
        gradient: &[f32],
        through: bool,
        mut sink: Option<Sink>,
    ) -> Option<Vec<f32>> {
        let Tape { outputs, statistics, masks, scratch, .. } = tape;
        let Scratch { here, below, turned, parts } = scratch;
        let size = outputs.iter().map(Vec::len).max().unwrap_or_default().max(x.len());
        let (mut here, mut below) = (grown(here, size), grown(below, size));
        let layers = &self.network.layers;
        // Each layer is given the gradient of what went into its activation, and gives that of the layer below; a batch norm sees to
        // its own.
        let activation = |layer: &Layer| match layer.op {
            Op::BatchNorm { .. } => Activation::None,
            _ => layer.activation,
        };
        let last = layers.len() - 1;
        here[..gradient.len()].copy_from_slice(gradient);
        activate_backward(&mut here[..gradient.len()], &outputs[last], activation(&layers[last]));
        let first =
            if through { 0 } else { layers.iter().position(|layer| !layer.span().is_empty()).unwrap_or_default() };
        for (index, layer) in layers.iter().enumerate().skip(first).rev() {
            let [weights, _] = layer.sizes();
            let at = At {
                layer,
                weight: &parameters[layer.span()][..weights],
                input: if index == 0 { x } else { &outputs[index - 1] },
                output: &outputs[index],
                statistics: &statistics[index],
                mask: &masks[index],
                before: if index == 0 { Activation::None } else { activation(&layers[index - 1]) },
            };
            let given = &mut here[..at.output.len()];
            let sums = at.norm_sums(given);
            if let Some(sink) = &mut sink {
                let values = &mut sink.values[layer.span()];
                at.learn(given, sums.as_ref(), Sink { values, fresh: sink.fresh }, parts);
            }
            if !through && index == first {
                continue;
            }
            match sums {
                Some(sums) => at.descend_in_place(given, &sums),
                None => {
                    at.descend(given, &mut below[..at.input.len()], turned);
                    std::mem::swap(&mut here, &mut below);
                }
            }
        }
        through.then(|| here[..x.len()].to_vec())
    }
}

/// A layer on a backward pass.
struct At<'a> {
    layer: &'a Layer,
    /// Its weight, without what follows it.
    weight: &'a [f32],
    input: &'a [f32],
    output: &'a [f32],
    statistics: &'a Statistics,
    mask: &'a [f32],
    /// What the layer below ends with.
    before: Activation,
}

/// Of each channel of a batch norm: the sum of the gradient, and that weighted by the normalised input.
type Sums = [Vec<f32>; 2];

impl At<'_> {
    /// What a batch norm needs of the gradient of its output, for its parameters and for its input; none for other layers.
    fn norm_sums(&self, given: &mut [f32]) -> Option<Sums> {
        let Op::BatchNorm { .. } = self.layer.op else { return None };
        Some(sums(self.input, self.output, given, self.statistics, self.layer.activation))
    }

    /// The gradient of the layer's parameters.
    fn learn(&self, given: &[f32], sums: Option<&Sums>, sink: Sink, parts: &mut Vec<f32>) {
        let Sink { values, fresh } = sink;
        match self.layer.op {
            Op::Dense { inputs, .. } | Op::Head { inputs, .. } => {
                // dW = xᵀ g and db = Σ g, for W as [inputs, outputs] with b behind it.
                let (rows, outputs) = (self.input.len() / inputs, self.layer.size);
                let (weight, bias) = values.split_at_mut(inputs * outputs);
                let x = Matrix::new(self.input, rows, inputs);
                product(x.transposed(), Matrix::new(given, rows, outputs), weight, Write::of(fresh));
                bias_backward(given, outputs, bias, fresh);
            }
            Op::BatchNorm { .. } => {
                let sums = sums.into_iter().flat_map(|[plain, weighted]| weighted.iter().chain(plain));
                values.iter_mut().zip(sums).for_each(|(value, sum)| *value = if fresh { *sum } else { *value + sum });
            }
            Op::Down { wide, inputs, outputs } => {
                let grid = Grid { wide, small: outputs, big: inputs };
                grid.weight_gradient([given, self.input], false, values, Write::of(fresh), parts);
            }
            Op::Up { side, inputs, outputs, how } => {
                let grid = Grid { wide: 2 * side, small: inputs, big: outputs };
                match how {
                    Growth::Transposed => {
                        grid.weight_gradient([self.input, given], true, values, Write::of(fresh), parts);
                    }
                    Growth::Nearest => {
                        nearest_weight_gradient(grid, [self.input, given], Sink { values, fresh }, parts)
                    }
                }
            }
            Op::Max { .. } | Op::Dropout { .. } => {}
        }
    }

    /// The gradient of what goes into the activation of the layer below a batch norm, in place of that of the batch norm's output.
    fn descend_in_place(&self, given: &mut [f32], sums: &Sums) {
        input_backward(self.input, given, self.weight, sums, self.statistics);
        activate_backward(given, self.input, self.before);
    }

    /// The gradient of what goes into the activation of the layer below any other.
    fn descend(&self, given: &[f32], below: &mut [f32], turned: &mut Vec<f32>) {
        let end = |from: usize, piece: &mut [f32]| deactivate(piece, &self.input[from..][..piece.len()], self.before);
        match self.layer.op {
            Op::Dense { inputs, .. } | Op::Head { inputs, .. } => {
                let outputs = self.layer.size;
                let weight = Matrix::new(self.weight, inputs, outputs).transposed();
                product(Matrix::new(given, given.len() / outputs, outputs), weight, below, Write::Replace);
            }
            // Both end while what they write is in the cache.
            Op::Down { wide, inputs, outputs } => {
                let turned = grown(turned, self.weight.len());
                transpose(self.weight, outputs, turned);
                return Grid { wide, small: outputs, big: inputs }.up(given, turned, below, end);
            }
            Op::Up { side, inputs, outputs, how } => {
                let turned = grown(turned, 16 * inputs * outputs);
                transpose(&transposed_kernel(self.weight, outputs, how), 16 * outputs, turned);
                return Grid { wide: 2 * side, small: inputs, big: outputs }.down(given, turned, below, end);
            }
            Op::Max { pieces } => maxout_backward(self.input, self.output, given, below, pieces),
            Op::Dropout { image, .. } => {
                let [scale, _] = unit(image);
                masked(given, self.mask, below, [scale, 0.0]);
            }
            Op::BatchNorm { .. } => unreachable!("it has sums, and goes down in place"),
        }
        activate_backward(below, self.input, self.before);
    }
}

/// The gradient of a 3×3 weight behind nearest-neighbour growth, by that of the 4×4 transposed convolution that both equal.
fn nearest_weight_gradient(grid: Grid, images: [&[f32]; 2], sink: Sink, parts: &mut Vec<f32>) {
    let (inputs, outputs) = (grid.small, grid.big);
    let mut folded = vec![0.0; (16 * inputs + 1) * outputs];
    grid.weight_gradient(images, true, &mut folded, Write::Replace, parts);
    if sink.fresh {
        sink.values.fill(0.0);
    }
    let (weight, bias) = sink.values.split_at_mut(9 * inputs * outputs);
    let (folded, sums) = folded.split_at(16 * inputs * outputs);
    unfold(folded, outputs, weight);
    bias.iter_mut().zip(sums).for_each(|(bias, sum)| *bias += sum);
}

/// What takes an image's values from [-1, 1] to [0, 1], and others nowhere: a factor and a summand.
fn unit(image: bool) -> [f32; 2] {
    if image { [0.5, 0.5] } else { [1.0, 0.0] }
}

/// The weight of the 4×4 transposed convolution that a growing layer is, or equals.
fn transposed_kernel(weight: &[f32], outputs: usize, how: Growth) -> Cow<'_, [f32]> {
    match how {
        Growth::Transposed => Cow::Borrowed(weight),
        Growth::Nearest => {
            let mut folded = vec![0.0; weight.len() / 9 * 16];
            fold(weight, outputs, &mut folded);
            Cow::Owned(folded)
        }
    }
}
