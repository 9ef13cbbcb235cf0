//! The generators that ship with duel, inside the binary.

/// One shipped generator.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// As in `duel sample --model NAME`.
    pub name: &'static str,
    /// The file `models/NAME/generator.onnx`, card included.
    pub onnx: &'static [u8],
}

/// All that ship, the default first. A static, as all large files inside the binary: a constant may be copied wherever it is used.
pub static SHIPPED: &[Shipped] = &[
    Shipped { name: "digits", onnx: include_bytes!("../digits/generator.onnx") },
    Shipped { name: "article", onnx: include_bytes!("../article/generator.onnx") },
];

/// The shipped generator of that name.
pub fn shipped(name: &str) -> Option<Shipped> {
    SHIPPED.iter().copied().find(|shipped| shipped.name == name)
}
