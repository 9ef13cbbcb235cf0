//! Why there are no training data.

use std::{io, path::PathBuf};

use duel_models::{Shape, ShapeError};

use crate::recipe::RecipeError;

/// Why there are no training data.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// There is nothing at the path.
    #[error("{path} does not exist: {why}")]
    Absent {
        /// The path.
        path: PathBuf,
        /// The cause, and what stands nearby.
        why: String,
    },
    /// A file is none of those that are read.
    #[error("{path} is no zip archive, .npy or .npz of pictures: {why}; give a folder of pictures, or one of these")]
    Unknown {
        /// The file.
        path: PathBuf,
        /// How the file begins.
        why: String,
    },
    /// There are no pictures.
    #[error(
        "no pictures in {path}{}: give a folder or .zip of PNG, JPEG, WebP, GIF or BMP, a .npy or .npz, or a directory \
         of IDX files", others(*.ignored)
    )]
    NoPictures {
        /// The folder or archive.
        path: PathBuf,
        /// Files that are no pictures.
        ignored: usize,
    },
    /// There are more files than are listed.
    #[error("{path} holds more than {most} files: give a folder with fewer")]
    TooManyFiles {
        /// The folder or archive.
        path: PathBuf,
        /// The most.
        most: usize,
    },
    /// Too many pictures cannot be read.
    #[error(
        "{path}: at least {skipped} of {pictures} pictures cannot be read, more than one in ten; the first is {first}: {why}"
    )]
    Skipped {
        /// The folder or archive.
        path: PathBuf,
        /// Pictures that cannot be read.
        skipped: usize,
        /// All pictures.
        pictures: usize,
        /// Name of the first.
        first: String,
        /// The reason.
        why: String,
    },
    /// The pictures would take more memory than the recipe allows.
    #[error(
        "{path}: {count} pictures of {shape} take {needed:.1} GB, and data.memory = {most}: {remedy}--set \
         data.memory={}", .needed.ceil()
    )]
    Memory {
        /// The folder or archive.
        path: PathBuf,
        /// Pictures.
        count: usize,
        /// Their shape.
        shape: Shape,
        /// Memory in gigabytes.
        needed: f64,
        /// The recipe's bound in gigabytes.
        most: f64,
        /// A setting that fits, with ", or " behind it; empty if there is none.
        remedy: String,
    },
    /// Several files could be the one that is looked for.
    #[error("{first} and {second} both end in {name}: leave one of them in the directory")]
    Ambiguous {
        /// The name.
        name: &'static str,
        /// One file.
        first: PathBuf,
        /// Another file.
        second: PathBuf,
    },
    /// The name of an IDX file is wrong by a letter or two.
    #[error("{file} is no name of an IDX file: rename it to {name}, or {name}.gz if it is gzipped")]
    Misspelt {
        /// The file.
        file: PathBuf,
        /// The name that it should have.
        name: &'static str,
    },
    /// The pictures stand in a folder or file below the directory.
    #[error("no pictures in {path} itself: give {below}")]
    Below {
        /// The directory.
        path: PathBuf,
        /// The folder or file with the pictures.
        below: PathBuf,
    },
    /// The directory lacks a file of the pair.
    #[error(
        "no {file}(.gz) in {dir}: give a directory of IDX files, or leave --data out to train on the bundled digits"
    )]
    Missing {
        /// The directory.
        dir: PathBuf,
        /// The file's name, without `.gz`.
        file: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read {file}: {why}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The operating system's reason.
        why: io::Error,
    },
    /// A file is not what its name says, or of a kind that duel does not read.
    #[error("{file} cannot be read as {format}: {why}")]
    Malformed {
        /// The file.
        file: PathBuf,
        /// `IDX`, `NumPy`, `zip`, `dataset.json` or `labels`.
        format: &'static str,
        /// The first fault.
        why: String,
    },
    /// The pictures have a shape that duel does not train on.
    #[error("{file} holds pictures of {height}x{width} pixels with {channels} channels: {why}")]
    Shape {
        /// The file.
        file: PathBuf,
        /// Channels.
        channels: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Which of the three is out of range, and what is allowed.
        why: ShapeError,
    },
    /// The source has no test pictures.
    #[error("{0} has no test pictures")]
    NoTest(PathBuf),
    /// There are not as many labels as images.
    #[error("{path} has {images} images and {labels} labels: give one label for each image")]
    Unequal {
        /// The file or directory.
        path: PathBuf,
        /// Images.
        images: usize,
        /// Labels.
        labels: usize,
    },
    /// The recipe needs labels, and there are none.
    #[error("{key} = true needs labels, and {path} has none: set {key}=false, or put labels beside the pictures")]
    Unlabelled {
        /// The recipe's key.
        key: &'static str,
        /// The file or directory.
        path: PathBuf,
    },
    /// The pictures are not those that the recipe was trained on.
    #[error(
        "{path} holds other pictures than those of data.fingerprint = {wanted}: put the pictures of the training there, or \
         accept these with --set data.fingerprint=auto"
    )]
    OtherPictures {
        /// The file or directory.
        path: PathBuf,
        /// The recipe's fingerprint.
        wanted: String,
    },
    /// The data have a label that the recipe does not know.
    #[error(
        "the data have the label {label}, but data.classes = {classes}: leave the number of classes to the data with --set data.classes=0"
    )]
    Label {
        /// The largest label.
        label: u8,
        /// The recipe's classes.
        classes: usize,
    },
    /// A class of conditional networks has no picture.
    #[error(
        "class {name} of data.classes = {classes} has no training picture: add some, or set data.classes=0, which leaves out \
         labels that no picture has"
    )]
    EmptyClass {
        /// The first class without pictures: its name or number.
        name: String,
        /// The recipe's classes.
        classes: usize,
    },
    /// The networks are not those that a toy distribution needs.
    #[error("data.source = {toy} is a toy distribution of numbers, not of images: set {key} = {wanted}")]
    Toy {
        /// The toy distribution.
        toy: &'static str,
        /// The recipe's key.
        key: &'static str,
        /// The value that the key must have.
        wanted: &'static str,
    },
    /// Too few pictures are held out.
    #[error(
        "evaluation.every = {every} needs held-out images, and {left} training images are left for that: lower data.images, or set evaluation.every=0"
    )]
    HeldOut {
        /// Steps from one evaluation to the next.
        every: u64,
        /// Images that are left.
        left: usize,
    },
    /// The recipe asks for more than there is.
    #[error("{key} = {wanted}, but the data have {there} training images: lower it with --set {key}=N")]
    TooFew {
        /// The recipe's key.
        key: &'static str,
        /// Its value.
        wanted: usize,
        /// Training images.
        there: usize,
    },
    /// The recipe does not fit the data's pictures.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
}

fn others(ignored: usize) -> String {
    match ignored {
        0 => String::new(),
        1 => " (one other file is there)".to_owned(),
        more => format!(" ({more} other files are there)"),
    }
}
