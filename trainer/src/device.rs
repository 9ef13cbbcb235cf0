//! The device that training runs on.

use candle_core::Device;

/// The values of `--device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// CUDA or Metal if the build and the machine support it, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The first CUDA device.
    Cuda,
    /// The first Metal device.
    Metal,
}

/// The error for a device that is not available.
#[derive(Debug, thiserror::Error)]
#[error(
    "--device {name} is not available: {why}; build with `--features {name}` on a machine with such a device, or \
     leave --device out"
)]
pub struct NoDevice {
    name: &'static str,
    why: String,
}

/// Returns the chosen device.
pub fn device(choice: Choice) -> Result<Device, NoDevice> {
    let no = |name| {
        move |error: candle_core::Error| {
            let why = error.to_string().lines().next().unwrap_or_default().to_owned();
            NoDevice { name, why }
        }
    };
    match choice {
        Choice::Cpu => Ok(Device::Cpu),
        Choice::Cuda => Device::new_cuda(0).map_err(no("cuda")),
        Choice::Metal => Device::new_metal(0).map_err(no("metal")),
        Choice::Auto => Ok(Device::new_cuda(0).or_else(|_| Device::new_metal(0)).unwrap_or(Device::Cpu)),
    }
}
