//! The generators that ship with duel, inside the binary.

/// One shipped generator.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// Its name, as in `duel sample --model NAME`.
    pub name: &'static str,
    /// Bytes of `models/NAME/generator.onnx`, which include its card.
    pub onnx: &'static [u8],
}

/// All shipped generators, the default first. A static, because the compiler may copy a constant to each place that
/// uses it.
pub static SHIPPED: &[Shipped] = &[
    // The generator of `duel pack --model FILE`.
    #[cfg(feature = "packed")]
    Shipped { name: "packed", onnx: include_bytes!(env!("DUEL_MODEL", "feature `packed`: DUEL_MODEL must be a file")) },
    Shipped { name: "digits", onnx: include_bytes!("../digits/generator.onnx") },
    Shipped { name: "emoji", onnx: include_bytes!("../emoji/generator.onnx") },
    #[cfg(feature = "all")]
    Shipped { name: "article", onnx: include_bytes!("../article/generator.onnx") },
    #[cfg(feature = "all")]
    Shipped { name: "fashion", onnx: include_bytes!("../fashion/generator.onnx") },
];

/// Returns the shipped generator with the given name.
pub fn shipped(name: &str) -> Option<Shipped> {
    SHIPPED.iter().copied().find(|shipped| shipped.name == name)
}
