//! The 4×4 convolution of stride 2 and padding 1, its transpose, and the gradient of their weight. All three join a small image,
//! [side, side, small], and a big one, [wide, wide, big], with side half of wide, rounded down, through columns, [side · side, 16 big]: a row for each pixel of
//! the small image, which holds the 4×4 pixels of the big one that it is joined to. Between columns and the small image
//! stands one matrix product.
//!
//! The forward pass of a convolution is [`Grid::down`], its backward pass [`Grid::up`] with the transposed weight, and of a
//! transposed convolution the other way round.

use std::cell::RefCell;

use pulp::Arch;
use rayon::prelude::*;

use super::{
    elementwise::PIECE,
    gemm::{Matrix, Write, serial},
    storage::grown,
};

/// The images that a convolution joins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    /// Rows and columns of the big image; the small one has half as many, rounded down.
    pub wide: usize,
    /// Channels of the small image.
    pub small: usize,
    /// Channels of the big image.
    pub big: usize,
}

/// Images that one product takes: their columns stay in the second-level cache, and the product is long enough to run at full
/// speed (at 128 and 64 channels: 196 rows of 1024 values, 800 kB, 190 GFLOP/s; one image 160, as one core of a Xeon goes).
const CHUNK: usize = 4;

/// Sums of a weight's gradient that are made apart, and then added up in order.
const PARTS: usize = 8;

thread_local! {
    /// Room for the columns of a chunk.
    static COLUMNS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl Grid {
    fn side(self) -> usize {
        self.wide / 2
    }

    fn small_size(self) -> usize {
        self.side() * self.side() * self.small
    }

    fn big_size(self) -> usize {
        self.wide * self.wide * self.big
    }

    fn column_size(self) -> usize {
        self.side() * self.side() * 16 * self.big
    }

    /// Big images to small ones, with `weight` as [16 big, small]; `then` ends each piece while it is in the cache, and is told
    /// where it begins.
    pub(crate) fn down(self, big: &[f32], weight: &[f32], small: &mut [f32], then: impl Fn(usize, &mut [f32]) + Sync) {
        let weight = Matrix::new(weight, 16 * self.big, self.small);
        let size = CHUNK * self.small_size();
        let pieces = small.par_chunks_mut(size).zip(big.par_chunks(CHUNK * self.big_size())).enumerate();
        pieces.for_each(|(index, (small, big))| {
            self.with_columns(big.len() / self.big_size(), |columns| {
                self.gather(big, columns);
                let rows = columns.len() / (16 * self.big);
                serial(Matrix::new(columns, rows, 16 * self.big), weight, small, Write::Replace);
            });
            then(index * size, small);
        });
    }

    /// Small images to big ones, with `weight` as [small, 16 big]; `then` as above.
    pub(crate) fn up(self, small: &[f32], weight: &[f32], big: &mut [f32], then: impl Fn(usize, &mut [f32]) + Sync) {
        let weight = Matrix::new(weight, self.small, 16 * self.big);
        let size = CHUNK * self.big_size();
        let pieces = big.par_chunks_mut(size).zip(small.par_chunks(CHUNK * self.small_size())).enumerate();
        pieces.for_each(|(index, (big, small))| {
            self.with_columns(big.len() / self.big_size(), |columns| {
                let rows = small.len() / self.small;
                serial(Matrix::new(small, rows, self.small), weight, columns, Write::Replace);
                self.scatter(columns, big);
            });
            then(index * size, big);
        });
    }

    /// The gradient of a weight and of its bias from both images' values, added up over the images: for a convolution, whose
    /// gradients are the small image's, [16 big, small] and [small]; for a `transposed` one [small, 16 big] and [big]. `room` is what
    /// it works in, kept from call to call.
    pub(crate) fn weight_gradient(
        self,
        [small, big]: [&[f32]; 2],
        transposed: bool,
        sink: &mut [f32],
        how: Write,
        room: &mut Vec<f32>,
    ) {
        let images = small.len() / self.small_size();
        let part = images.div_ceil(PARTS).next_multiple_of(CHUNK);
        let sums = grown(room, images.div_ceil(part) * sink.len());
        let parts = small.par_chunks(part * self.small_size()).zip(big.par_chunks(part * self.big_size()));
        let arch = Arch::new();
        sums.par_chunks_mut(sink.len()).zip(parts).for_each(|(sum, (small, big))| {
            let (sum, bias) = sum.split_at_mut(16 * self.big * self.small);
            bias.fill(0.0);
            let chunks = small.chunks(CHUNK * self.small_size()).zip(big.chunks(CHUNK * self.big_size()));
            for (index, (small, big)) in chunks.enumerate() {
                self.with_columns(small.len() / self.small_size(), |columns| {
                    self.gather(big, columns);
                    let rows = small.len() / self.small;
                    let small = Matrix::new(small, rows, self.small);
                    let columns = Matrix::new(columns, rows, 16 * self.big);
                    let (a, b) = if transposed { (small, columns) } else { (columns, small) };
                    serial(a.transposed(), b, sum, if index == 0 { Write::Replace } else { Write::Add });
                });
                let gradient = if transposed { big } else { small };
                arch.dispatch(|| {
                    for pixel in gradient.chunks_exact(bias.len()) {
                        bias.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value);
                    }
                });
            }
        });
        let length = sink.len();
        sink.par_chunks_mut(PIECE).enumerate().for_each(|(index, sink)| {
            arch.dispatch(|| {
                if how == Write::Replace {
                    sink.fill(0.0);
                }
                for sum in sums.chunks_exact(length) {
                    sink.iter_mut().zip(&sum[index * PIECE..]).for_each(|(sink, value)| *sink += value);
                }
            });
        });
    }

    fn with_columns(self, images: usize, body: impl FnOnce(&mut [f32])) {
        COLUMNS.with_borrow_mut(|room| {
            body(grown(room, images * self.column_size()));
        });
    }

    /// The columns of big images: each pixel copied to where it is wanted, zeros beyond the edges.
    fn gather(self, images: &[f32], columns: &mut [f32]) {
        let Self { wide, big, .. } = self;
        let (side, width) = (self.side(), wide * big);
        for (image, columns) in images.chunks_exact(self.big_size()).zip(columns.chunks_exact_mut(self.column_size())) {
            for (y, row) in columns.chunks_exact_mut(side * 16 * big).enumerate() {
                for (x, pixel) in row.chunks_exact_mut(16 * big).enumerate() {
                    for (ky, taps) in pixel.chunks_exact_mut(4 * big).enumerate() {
                        // The tap (ky, kx) of the small pixel (y, x) is the big pixel (2y + ky - 1, 2x + kx - 1).
                        let Some(line) = (2 * y + ky).checked_sub(1).filter(|&line| line < wide) else {
                            taps.fill(0.0);
                            continue;
                        };
                        let line = &image[line * width..][..width];
                        let (from, to) = (if x == 0 { big } else { 0 }, (wide + 1 - 2 * x).min(4) * big);
                        taps[..from].fill(0.0);
                        taps[to..].fill(0.0);
                        taps[from..to].copy_from_slice(&line[2 * x * big + from - big..][..to - from]);
                    }
                }
            }
        }
    }

    /// The transpose of [`gather`](Self::gather): each big pixel is the sum of the up to four taps that it was copied to.
    fn scatter(self, columns: &[f32], images: &mut [f32]) {
        let Self { wide, big, .. } = self;
        let side = self.side();
        let arch = Arch::new();
        for (image, columns) in images.chunks_exact_mut(self.big_size()).zip(columns.chunks_exact(self.column_size())) {
            arch.dispatch(|| {
                for (line, values) in image.chunks_exact_mut(wide * big).enumerate() {
                    let rows = neighbours(line, side);
                    for (place, pixel) in values.chunks_exact_mut(big).enumerate() {
                        let across = neighbours(place, side);
                        let tap = |(y, ky): (usize, usize), (x, kx): (usize, usize)| {
                            &columns[((y * side + x) * 16 + ky * 4 + kx) * big..][..big]
                        };
                        match (rows, across) {
                            ([Some(y1), Some(y2)], [Some(x1), Some(x2)]) => {
                                let (a, b, c, d) = (tap(y1, x1), tap(y1, x2), tap(y2, x1), tap(y2, x2));
                                for ((((pixel, a), b), c), d) in pixel.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                                    *pixel = (a + b) + (c + d);
                                }
                            }
                            _ => {
                                pixel.fill(0.0);
                                for (y, x) in
                                    rows.iter().flatten().flat_map(|&y| across.iter().flatten().map(move |&x| (y, x)))
                                {
                                    pixel.iter_mut().zip(tap(y, x)).for_each(|(pixel, tap)| *pixel += tap);
                                }
                            }
                        }
                    }
                }
            });
        }
    }
}

/// Along one axis, the small pixels that are joined to the big pixel `at`, and by which tap.
#[inline(always)]
fn neighbours(at: usize, side: usize) -> [Option<(usize, usize)>; 2] {
    // at = 2 y + k - 1
    let (near, tap) = (at.div_ceil(2), (at + 1) % 2);
    let first = (near < side).then_some((near, tap));
    let second = near.checked_sub(1).map(|before| (before, tap + 2));
    [first, second]
}

/// What a 4×4 transposed convolution's kernel has in one axis of a 3×3 kernel, if it is to equal "each pixel twice, then that
/// kernel": tap k is the sum of these.
pub(crate) const FOLD: [&[usize]; 4] = [&[2], &[1, 2], &[0, 1], &[0]];

/// The weight of the 4×4 transposed convolution that equals "each pixel four times, then a 3×3 convolution":
/// [inputs, 3, 3, outputs] -> [inputs, 4, 4, outputs].
pub(crate) fn fold(weight: &[f32], outputs: usize, folded: &mut [f32]) {
    folded.fill(0.0);
    each_tap(outputs, weight.len() / (9 * outputs), |from, to| {
        folded[to..to + outputs].iter_mut().zip(&weight[from..]).for_each(|(to, from)| *to += from);
    });
}

/// The transpose of [`fold`], for its gradient; adds to `gradient`.
pub(crate) fn unfold(folded: &[f32], outputs: usize, gradient: &mut [f32]) {
    each_tap(outputs, gradient.len() / (9 * outputs), |from, to| {
        gradient[from..from + outputs].iter_mut().zip(&folded[to..]).for_each(|(from, to)| *from += to);
    });
}

/// Calls `body` for each tap of 3×3 and each tap of 4×4 that it goes into, with the places of their values.
fn each_tap(outputs: usize, inputs: usize, mut body: impl FnMut(usize, usize)) {
    for input in 0..inputs {
        for (y4, x4) in (0..4).flat_map(|y| (0..4).map(move |x| (y, x))) {
            for (y3, x3) in FOLD[y4].iter().flat_map(|&y| FOLD[x4].iter().map(move |&x| (y, x))) {
                body((input * 9 + y3 * 3 + x3) * outputs, (input * 16 + y4 * 4 + x4) * outputs);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use duel_models::random::Stream;

    fn random(stream: &mut Stream, count: usize) -> Vec<f32> {
        (0..count).map(|_| stream.normal() as f32).collect()
    }

    /// The sum over every small value, every big value and every tap that joins them, by the definition.
    fn each(grid: Grid, images: usize, mut body: impl FnMut(usize, usize, usize)) {
        let Grid { wide, small, big } = grid;
        let side = wide / 2;
        for (image, y, x, ky, kx) in (0..images * side * side * 16)
            .map(|i| (i / (side * side * 16), i / (side * 16) % side, i / 16 % side, i / 4 % 4, i % 4))
        {
            let (Some(line), Some(place)) = ((2 * y + ky).checked_sub(1), (2 * x + kx).checked_sub(1)) else {
                continue;
            };
            if line >= wide || place >= wide {
                continue;
            }
            for (s, b) in (0..small).flat_map(|s| (0..big).map(move |b| (s, b))) {
                let at_small = ((image * side + y) * side + x) * small + s;
                let at_big = ((image * wide + line) * wide + place) * big + b;
                body(at_small, at_big, ((ky * 4 + kx) * big + b) * small + s);
            }
        }
    }

    fn close(found: &[f32], expected: &[f64], what: &str) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 2e-4, "{what}: {found} for {expected}");
        }
    }

    #[test]
    fn all_three_are_those_of_a_plain_loop_at_any_shape() {
        let mut stream = Stream::new(1, "convolutions");
        let mut shapes = vec![(2, 1, 1, 1), (3, 2, 2, 3), (7, 3, 2, 5), (14, 3, 1, 5), (4, 1, 3, 9), (14, 16, 8, 2)];
        shapes.extend(
            (0..12).map(|_| (2 + stream.below(15), 1 + stream.below(20), 1 + stream.below(20), 1 + stream.below(11))),
        );
        for (wide, small, big, images) in shapes {
            let grid = Grid { wide, small, big };
            let what = format!("{grid:?} {images}");
            let weight = random(&mut stream, 16 * big * small);
            let turned: Vec<f32> = (0..weight.len()).map(|i| weight[i % (16 * big) * small + i / (16 * big)]).collect();
            let (smalls, bigs) =
                (random(&mut stream, images * grid.small_size()), random(&mut stream, images * grid.big_size()));
            let mut exact = [vec![0.0; smalls.len()], vec![0.0; bigs.len()], vec![0.0; weight.len()]];
            each(grid, images, |s, b, w| {
                let [small, big, weight] = [smalls[s], bigs[b], weight[w]].map(f64::from);
                exact[0][s] += big * weight;
                exact[1][b] += small * weight;
                exact[2][w] += small * big;
            });
            let sums = |values: &[f32], channels: usize| -> Vec<f64> {
                let sum = |channel| values.iter().skip(channel).step_by(channels).map(|&value| f64::from(value)).sum();
                (0..channels).map(sum).collect()
            };
            exact[2].extend(sums(&smalls, small));
            let mut found = [smalls.clone(), bigs.clone(), vec![7.0; exact[2].len()]];
            grid.down(&bigs, &weight, &mut found[0], |_, _| ());
            grid.up(&smalls, &turned, &mut found[1], |_, _| ());
            grid.weight_gradient([&smalls, &bigs], false, &mut found[2], Write::Replace, &mut Vec::new());
            for (found, exact) in found.iter().zip(&exact) {
                close(found, exact, &what);
            }
            let mut added = [&turned[..], &vec![1.0; big]].concat();
            grid.weight_gradient([&smalls, &bigs], true, &mut added, Write::Add, &mut Vec::new());
            let weights =
                (0..turned.len()).map(|i| f64::from(turned[i]) + exact[2][i % (16 * big) * small + i / (16 * big)]);
            let expected: Vec<f64> = weights.chain(sums(&bigs, big).into_iter().map(|sum| 1.0 + sum)).collect();
            close(&added, &expected, &what);
        }
    }

    #[test]
    fn a_fold_is_the_transpose_of_its_unfold() {
        let mut stream = Stream::new(2, "folds");
        let (three, four) = (random(&mut stream, 2 * 9 * 3), random(&mut stream, 2 * 16 * 3));
        let (mut folded, mut unfolded) = (vec![7.0; four.len()], vec![0.0; three.len()]);
        fold(&three, 3, &mut folded);
        unfold(&four, 3, &mut unfolded);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        assert!((dot(&folded, &four) - dot(&three, &unfolded)).abs() < 1e-4);
    }
}
