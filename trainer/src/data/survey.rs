//! What was found where the pictures come from: `duel data` prints it.

use serde::{Deserialize, Serialize};

/// What was found where the pictures come from, and what was done with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// The kind of source: `folder`, `zip`, `npy`, `npz`, `idx` or `bundled`.
    pub kind: String,
    /// Sizes as found, `[height, width]`, with the number of pictures, the most frequent first.
    pub sizes: Vec<([usize; 2], usize)>,
    /// Pictures that were made smaller.
    pub shrunk: usize,
    /// Pictures that were made larger.
    pub enlarged: usize,
    /// Pictures of another aspect ratio: a part was cut off, or background was added.
    pub cropped: usize,
    /// Pictures with transparent pixels.
    pub transparent: usize,
    /// Pictures that equal an earlier one in every pixel.
    pub duplicates: usize,
    /// Pictures that could not be read.
    pub skipped: usize,
    /// Name and reason of the first picture that could not be read.
    pub first_skipped: Option<[String; 2]>,
    /// Files that are no pictures.
    pub ignored: usize,
    /// Sentences on anything else that a user should know.
    pub notes: Vec<String>,
}

impl Survey {
    /// A survey of an array: every picture has this size.
    pub(super) fn uniform(kind: &str, [height, width]: [usize; 2], count: usize) -> Self {
        Self { kind: kind.to_owned(), sizes: vec![([height, width], count)], ..Self::default() }
    }

    /// Sentences on what was left out or is odd, for somebody who is about to train.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let (skipped @ 1.., Some([name, why])) = (self.skipped, &self.first_skipped) {
            let which =
                if skipped == 1 { "a picture is left out".into() } else { format!("{skipped} pictures are left out") };
            warnings.push(format!("{which}: {name}: {why}"));
        }
        if self.duplicates > 0 {
            let which = if self.duplicates == 1 {
                "a picture equals".into()
            } else {
                format!("{} pictures equal", self.duplicates)
            };
            warnings.push(format!("{which} another one in every pixel"));
        }
        warnings.extend(self.notes.iter().cloned());
        warnings
    }
}
