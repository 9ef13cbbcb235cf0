//! How a network runs.

/// A network's part in a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The network learns: its parameters get gradients.
    Train,
    /// The network takes part in its opponent's training: like `Train`, but its parameters get no gradient.
    Frozen,
    /// The network draws or judges: batch norm uses its running statistics, and nothing is tracked.
    Evaluate,
}

/// The code that computes a network's passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The project's kernels, on the CPU.
    Kernels,
    /// candle's own operations and gradients, on any device. A GPU uses these; on the CPU the tests compare the kernels
    /// with them.
    Candle,
}
