//! The arithmetic of the layers, on the widest vector registers that the CPU has.
//!
//! A dense layer and a transposed convolution are the same product: rows of an input, gathered from one or several
//! places, times a matrix. On the shipped generator this takes half the time of tract's own operations for one picture
//! and a fifth for many (`tests/peers/inference`).

use duel_models::picture;
use pulp::{Arch, Simd, WithSimd};

/// Rows of a large tile and of a small one, on a CPU with 32 registers. The large tile has 21 sums, three vectors of
/// weights and one of input in registers.
const ROWS_32: [usize; 2] = [7, 3];
/// Rows of a large tile and of a small one, on a CPU with 16 registers.
const ROWS_16: [usize; 2] = [6, 3];
/// Vectors in a row of a tile.
const VECTORS: usize = 3;

/// A matrix [depth, columns] in the order in which a product reads it: panels as wide as a tile, each [depth, columns].
#[derive(Debug)]
pub(crate) struct PackedMatrix {
    values: Vec<f32>,
    /// Index of the first value. It is aligned to a cache line, so that no vector spans two lines.
    start: usize,
    depth: usize,
    columns: usize,
}

/// Places of a product's rows in its input and output, as indices of values.
pub(crate) struct Rows<'a> {
    /// Start of each row in the input.
    pub from: &'a [usize],
    /// Offsets from the start of a row to its pieces. The pieces are equally long, and together as long as the matrix
    /// is deep.
    pub taps: &'a [usize],
    /// Start of each row in the output.
    pub to: &'a [usize],
}

impl PackedMatrix {
    /// Packs the values `at(row, column)`.
    pub fn new(depth: usize, columns: usize, at: impl Fn(usize, usize) -> f32) -> Self {
        let lanes = Arch::new().dispatch(Lanes);
        let padded = columns.next_multiple_of(lanes);
        let mut values = vec![0.0; depth * padded + LINE];
        let start = values.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        let (mut first, mut place) = (0, start);
        while first < columns {
            let width = (lanes * VECTORS).min(padded - first);
            for row in 0..depth {
                let columns = first..columns.min(first + width);
                values[place..].iter_mut().zip(columns).for_each(|(value, column)| *value = at(row, column));
                place += width;
            }
            first += width;
        }
        Self { values, start, depth, columns }
    }

    /// Computes out = f(x W + bias(row)) with f(y) = max(y, slope y): the identity for a slope of 1, a leaky ReLU for
    /// less.
    pub fn product<'a>(
        &'a self,
        x: &'a [f32],
        rows: &'a Rows<'a>,
        bias: impl Fn(usize) -> &'a [f32],
        slope: f32,
        out: &mut [f32],
    ) {
        Arch::new().dispatch(Product { matrix: self, x, rows, bias, slope, out });
    }
}

/// Values in a cache line.
const LINE: usize = 16;

struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

struct Product<'a, 'o, B> {
    matrix: &'a PackedMatrix,
    x: &'a [f32],
    rows: &'a Rows<'a>,
    bias: B,
    slope: f32,
    out: &'o mut [f32],
}

impl<'a, B: Fn(usize) -> &'a [f32]> WithSimd for Product<'a, '_, B> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let PackedMatrix { values, start, depth, columns } = self.matrix;
        let mut values = &values[*start..];
        let mut first = 0;
        while first < *columns {
            let vectors = (columns - first).div_ceil(S::F32_LANES).min(VECTORS);
            let (panel, rest) = values.split_at(depth * vectors * S::F32_LANES);
            let panel = S::as_simd_f32s(panel).0;
            match vectors {
                3 => self.panel::<S, 3>(simd, panel, first),
                2 => self.panel::<S, 2>(simd, panel, first),
                _ => self.panel::<S, 1>(simd, panel, first),
            }
            values = rest;
            first += vectors * S::F32_LANES;
        }
    }
}

impl<'a, B: Fn(usize) -> &'a [f32]> Product<'a, '_, B> {
    /// Computes the columns of one panel for every row, tile by tile.
    #[inline(always)]
    fn panel<S: Simd, const V: usize>(&mut self, simd: S, panel: &[S::f32s], first: usize) {
        let mut row = 0;
        if S::REGISTER_COUNT == 32 {
            self.tiles::<S, { ROWS_32[0] }, V>(simd, panel, first, &mut row);
            self.tiles::<S, { ROWS_32[1] }, V>(simd, panel, first, &mut row);
        } else {
            self.tiles::<S, { ROWS_16[0] }, V>(simd, panel, first, &mut row);
            self.tiles::<S, { ROWS_16[1] }, V>(simd, panel, first, &mut row);
        }
        self.tiles::<S, 1, V>(simd, panel, first, &mut row);
    }

    /// Computes as many tiles of `R` rows as remain from `row` on, and advances `row`.
    #[inline(always)]
    fn tiles<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        panel: &[S::f32s],
        first: usize,
        row: &mut usize,
    ) {
        let (from, to) = (&self.rows.from[*row..], &self.rows.to[*row..]);
        for (from, to) in from.as_chunks::<R>().0.iter().zip(to.as_chunks::<R>().0) {
            let mut sums = [[simd.splat_f32s(0.0); V]; R];
            for (r, sums) in sums.iter_mut().enumerate() {
                let bias = (self.bias)(*row + r)[first..].chunks(S::F32_LANES);
                for (sum, bias) in sums.iter_mut().zip(bias) {
                    *sum = simd.partial_load_f32s(bias);
                }
            }
            let sums = tile::<S, R, V>(simd, sums, self.x, from, self.rows.taps, panel);
            let slope = simd.splat_f32s(self.slope);
            let columns = self.matrix.columns - first;
            for (sums, to) in sums.iter().zip(to) {
                let out = &mut self.out[to + first..][..columns.min(V * S::F32_LANES)];
                for (sum, out) in sums.iter().zip(out.chunks_mut(S::F32_LANES)) {
                    simd.partial_store_f32s(out, simd.max_f32s(*sum, simd.mul_f32s(*sum, slope)));
                }
            }
            *row += R;
        }
    }
}

/// Adds the product of `R` rows and a panel to `sums`. The order of additions does not depend on the other rows, so a
/// sample has the same bits in any batch.
#[inline(always)]
fn tile<S: Simd, const R: usize, const V: usize>(
    simd: S,
    mut sums: [[S::f32s; V]; R],
    x: &[f32],
    from: &[usize; R],
    taps: &[usize],
    panel: &[S::f32s],
) -> [[S::f32s; V]; R] {
    let panel = panel.as_chunks::<V>().0;
    let depth = panel.len() / taps.len();
    for (tap, panel) in taps.iter().zip(panel.chunks_exact(depth)) {
        let mut rows = [&x[..0]; R];
        for (row, from) in rows.iter_mut().zip(from) {
            *row = &x[from + tap..][..panel.len()];
        }
        for k in 0..panel.len() {
            let weights = panel[k];
            for r in 0..R {
                let x = simd.splat_f32s(rows[r][k]);
                for v in 0..V {
                    sums[r][v] = simd.mul_add_e_f32s(x, weights[v], sums[r][v]);
                }
            }
        }
    }
    sums
}

/// Replaces each value by its tanh.
pub(crate) fn tanh(values: &mut [f32]) {
    Arch::new().dispatch(|| values.iter_mut().for_each(|y| *y = picture::tanh(*y)));
}

/// Computes out = f(x W + bias(row)) in double precision, for `x` [rows, depth] and `matrix` [depth, columns]; f as in
/// [`PackedMatrix::product`].
pub(crate) fn product_f64<'a>(
    x: &[f64],
    matrix: &[f32],
    depth: usize,
    bias: impl Fn(usize) -> &'a [f32],
    slope: f64,
    out: &mut [f64],
) {
    let columns = matrix.len() / depth;
    Arch::new().dispatch(|| {
        for (row, (x, out)) in x.chunks_exact(depth).zip(out.chunks_exact_mut(columns)).enumerate() {
            out.iter_mut().zip(bias(row)).for_each(|(y, b)| *y = f64::from(*b));
            for (x, weights) in x.iter().zip(matrix.chunks_exact(columns)) {
                out.iter_mut().zip(weights).for_each(|(y, w)| *y += x * f64::from(*w));
            }
            out.iter_mut().for_each(|y| *y = y.max(slope * *y));
        }
    });
}
