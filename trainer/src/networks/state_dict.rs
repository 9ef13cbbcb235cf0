//! A network's parameters and running statistics under PyTorch's names and in PyTorch's layouts.

use candle_core::Tensor;

use super::{
    layer::Layer,
    layers::{EntryLayout, Stored},
    network::Network,
};

/// A tensor of a state dict.
#[derive(Debug, Clone, PartialEq)]
pub struct StateDictEntry {
    /// Name: `dense1.weight`.
    pub name: String,
    /// Shape in PyTorch: [outputs, inputs] for dense layers, [outputs, inputs, rows, columns] for convolutions,
    /// [inputs, outputs, rows, columns] for transposed convolutions. Images are channels-first.
    pub shape: Vec<usize>,
    /// Values, row-major.
    pub values: Vec<f32>,
}

impl Network {
    /// Returns all parameters and running statistics; weights after spectral norm, if the network has it.
    pub fn state_dict(&self) -> candle_core::Result<Vec<StateDictEntry>> {
        let parameters = self.effective_parameters().to_vec1::<f32>()?;
        let running = self.running.to_vec1::<f32>()?;
        let read = |EntryLayout { name, shape, offsets, stored }| {
            let source = match stored {
                Stored::Parameters => &parameters,
                Stored::Running => &running,
            };
            StateDictEntry { name, shape, values: offsets.into_iter().map(|at| source[at]).collect() }
        };
        Ok(self.layers.iter().flat_map(Layer::entries).map(read).collect())
    }

    /// Sets all parameters and running statistics from the entries of a state dict; `find` returns an entry's values,
    /// given the name and the shape.
    pub fn load_state_dict<E: From<candle_core::Error>>(
        &self,
        mut find: impl FnMut(&str, &[usize]) -> Result<Vec<f32>, E>,
    ) -> Result<(), E> {
        let mut parameters = self.parameters.to_vec1::<f32>()?;
        let mut running = self.running.to_vec1::<f32>()?;
        for EntryLayout { name, shape, offsets, stored } in self.layers.iter().flat_map(Layer::entries) {
            let destination = match stored {
                Stored::Parameters => &mut parameters,
                Stored::Running => &mut running,
            };
            for (at, value) in offsets.into_iter().zip(find(&name, &shape)?) {
                destination[at] = value;
            }
        }
        let device = self.parameters.device();
        self.parameters.set(&Tensor::from_vec(parameters, self.size(), device)?)?;
        self.running.set(&Tensor::from_vec(running, self.running.shape(), device)?)?;
        Ok(self.refresh_spectral_norm(false)?)
    }
}
