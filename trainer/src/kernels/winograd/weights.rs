//! The transforms of weights to the points, G W Gᵀ, and of their gradients back, Gᵀ U G.
//!
//! A weight is [lines, 16 taps, width]: one line of inputs × outputs for a convolution, a line of `inputs` for each
//! output if it is transposed. At a pair of points it is a plane of [lines, phases, width].

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::{
    axis::{MOST_PAIRS, PADDING},
    images::for_vectors,
    points::{both, load, points_to_taps, store, taps_to_points},
};

/// Values of a plane in a piece of work: sixteen such pieces stay in the second-level cache.
const PIECE: usize = 4096;

/// Layout of a weight and of its planes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weights {
    /// Points of the rows and of the columns.
    pub points: [usize; 2],
    /// Successive values that belong to one tap.
    pub width: usize,
    /// Values of a plane.
    pub plane: usize,
}

/// Successive values of a plane that belong to one line and one phase.
struct Run {
    /// Their first value in the plane.
    plane: usize,
    /// The first value of their tap (0, 0) in the weight. The taps (0, 1), (1, 0) and (1, 1) of the phase's 2×2 kernel
    /// stand 2, 8 and 10 widths behind it.
    weight: usize,
    length: usize,
}

impl Weights {
    /// Values between the begins of two planes.
    pub(super) fn stride(self) -> usize {
        self.plane + PADDING
    }

    /// Values of all planes.
    pub(super) fn length(self) -> usize {
        self.points[0] * self.points[1] * self.stride()
    }

    /// Cuts a part of a plane into runs; the plane holds the given phases.
    #[inline(always)]
    fn runs(self, part: Range<usize>, phases: Range<usize>) -> impl Iterator<Item = Run> {
        let mut next = part.start;
        std::iter::from_fn(move || {
            let (segment, within) = (next / self.width, next % self.width);
            let (line, phase) = (segment / phases.len(), phases.start + segment % phases.len());
            let tap = phase / 2 * 4 + phase % 2;
            let length = (self.width - within).min(part.end - next);
            let run = Run { plane: next, weight: (line * 16 + tap) * self.width + within, length };
            next += length;
            (length > 0).then_some(run)
        })
    }

    /// Writes G W Gᵀ into `planes`, on all threads.
    pub(super) fn to_points(self, weight: &[f32], planes: &mut [f32]) {
        let mut pieces: Vec<Vec<&mut [f32]>> = Vec::new();
        pieces.resize_with(self.plane.div_ceil(PIECE), || Vec::with_capacity(MOST_PAIRS));
        for plane in planes.chunks_exact_mut(self.stride()) {
            for (piece, values) in pieces.iter_mut().zip(plane[..self.plane].chunks_mut(PIECE)) {
                piece.push(values);
            }
        }
        let arch = Arch::new();
        pieces.into_par_iter().enumerate().for_each(|(index, piece)| {
            arch.dispatch(ToPoints { weights: self, weight, first: index * PIECE, piece });
        });
    }

    /// Writes Gᵀ U G of the planes into the taps of some phases of `weight`.
    pub(super) fn to_taps(self, planes: &[f32], phases: Range<usize>, weight: &mut [f32]) {
        Arch::new().dispatch(FromPoints { weights: self, planes, phases, weight });
    }
}

struct ToPoints<'a> {
    weights: Weights,
    weight: &'a [f32],
    /// First value of the piece in a plane.
    first: usize,
    /// Part of each plane.
    piece: Vec<&'a mut [f32]>,
}

impl WithSimd for ToPoints<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.weights.points {
            [3, 3] => self.all::<S, 3, 3>(simd),
            [3, _] => self.all::<S, 3, 4>(simd),
            [_, 3] => self.all::<S, 4, 3>(simd),
            _ => self.all::<S, 4, 4>(simd),
        }
    }
}

impl ToPoints<'_> {
    #[inline(always)]
    fn all<S: Simd, const P: usize, const Q: usize>(mut self, simd: S) {
        let (width, part) = (self.weights.width, self.first..self.first + self.piece[0].len());
        for run in self.weights.runs(part, 0..4) {
            let to = run.plane - self.first;
            for_vectors!(run.length, |FULL, at, lanes, _done| {
                let tap = |s: usize, t: usize| {
                    load::<S, FULL>(simd, self.weight, run.weight + (8 * s + 2 * t) * width + at, lanes)
                };
                let taps = [[tap(0, 0), tap(0, 1)], [tap(1, 0), tap(1, 1)]];
                let u: [[S::f32s; Q]; P] = both(taps, |w| taps_to_points(simd, w), |w| taps_to_points(simd, w));
                for (piece, u) in self.piece.iter_mut().zip(u.iter().flatten()) {
                    store::<S, FULL>(simd, piece, to + at, lanes, *u);
                }
            });
        }
    }
}

struct FromPoints<'a> {
    weights: Weights,
    planes: &'a [f32],
    phases: Range<usize>,
    weight: &'a mut [f32],
}

impl WithSimd for FromPoints<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.weights.points {
            [3, 3] => self.all::<S, 3, 3>(simd),
            [3, _] => self.all::<S, 3, 4>(simd),
            [_, 3] => self.all::<S, 4, 3>(simd),
            _ => self.all::<S, 4, 4>(simd),
        }
    }
}

impl FromPoints<'_> {
    #[inline(always)]
    fn all<S: Simd, const P: usize, const Q: usize>(self, simd: S) {
        let (width, stride) = (self.weights.width, self.weights.stride());
        for run in self.weights.runs(0..self.weights.plane, self.phases) {
            for_vectors!(run.length, |FULL, at, lanes, _done| {
                let mut u = [[simd.splat_f32s(0.0); Q]; P];
                for (pair, u) in u.iter_mut().flatten().enumerate() {
                    *u = load::<S, FULL>(simd, self.planes, pair * stride + run.plane + at, lanes);
                }
                let taps = both(u, |u| points_to_taps(simd, u), |u| points_to_taps(simd, u));
                for (tap, value) in [0, 2, 8, 10].into_iter().zip(taps.iter().flatten()) {
                    store::<S, FULL>(simd, self.weight, run.weight + tap * width + at, lanes, *value);
                }
            });
        }
    }
}
