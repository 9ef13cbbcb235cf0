//! The bundled emoji: Noto Emoji by Google, Apache 2.0; `data/emoji/README.md` says how the archive was made.

/// A zip of PNGs, 32×32 with transparency, in a folder for each category.
pub(super) const ARCHIVE: &[u8] = include_bytes!("../../data/emoji/emoji.zip");
