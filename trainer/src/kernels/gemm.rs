//! Matrix products, split over threads in tiles that depend on the shapes alone.

use rayon::prelude::*;

/// A matrix in row-major order, or the transpose of one.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `values` as [rows, columns].
    pub(crate) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns);
        Self { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The transpose, as a view of the same values.
    pub(crate) fn transposed(self) -> Self {
        let Self { values, rows, columns, row_stride, column_stride } = self;
        Self { values, rows: columns, columns: rows, row_stride: column_stride, column_stride: row_stride }
    }
}

/// Whether a result replaces the values at its destination or is added to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// The result replaces the values.
    Replace,
    /// The result is added to the values.
    Add,
}

/// Rows or columns of a tile: two AVX-512 vectors per register block, and small enough that four threads share a layer
/// of 256.
const TILE: usize = 64;

/// Multiplications below which a product runs on the calling thread: to wake another would take longer.
const SERIAL_BELOW: usize = 1 << 16;

/// `into` (row-major, [a.rows, b.columns]) = or += `a` · `b`.
pub(crate) fn product(a: Matrix, b: Matrix, into: &mut [f32], how: Write) {
    assert_eq!(a.columns, b.rows);
    assert_eq!(into.len(), a.rows * b.columns);
    let wide = b.columns >= a.rows;
    let long = if wide { b.columns } else { a.rows };
    let destination = Destination(into.as_mut_ptr());
    let tile = |index: usize| {
        let (from, to) = (index * TILE, long.min((index + 1) * TILE));
        let (rows, columns) = if wide { (0..a.rows, from..to) } else { (from..to, 0..b.columns) };
        multiply(a, b, destination, rows, columns, how);
    };
    let tiles = long.div_ceil(TILE);
    if a.rows * b.columns * a.columns < SERIAL_BELOW {
        (0..tiles).for_each(tile);
    } else {
        (0..tiles).into_par_iter().for_each(tile);
    }
}

/// Like [`product`], but on the calling thread whatever the size: for callers that have split the work themselves.
pub(crate) fn serial(a: Matrix, b: Matrix, into: &mut [f32], how: Write) {
    assert_eq!(a.columns, b.rows);
    assert_eq!(into.len(), a.rows * b.columns);
    multiply(a, b, Destination(into.as_mut_ptr()), 0..a.rows, 0..b.columns, how);
}

/// Writes the transpose of `values`, [rows, columns], into `into`, [columns, rows]: a product reads a matrix fastest
/// along its rows.
pub(crate) fn transpose(values: &[f32], columns: usize, into: &mut [f32]) {
    const BLOCK: usize = 16;
    let rows = values.len() / columns;
    into.par_chunks_mut(BLOCK * rows).enumerate().for_each(|(index, into)| {
        for block in (0..rows).step_by(BLOCK) {
            for (offset, line) in into.chunks_exact_mut(rows).enumerate() {
                let column = index * BLOCK + offset;
                for row in block..rows.min(block + BLOCK) {
                    line[row] = values[row * columns + column];
                }
            }
        }
    });
}

/// Memory of the result. Threads share it; each writes its own tile.
#[derive(Clone, Copy)]
struct Destination(*mut f32);

// SAFETY: the pointer is used by `multiply` alone, whose calls within one `product` write disjoint tiles, and `serial`
// calls it once.
#[allow(unsafe_code)]
unsafe impl Send for Destination {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Destination {}

/// Computes one tile of the product on the calling thread.
fn multiply(
    a: Matrix,
    b: Matrix,
    into: Destination,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
    how: Write,
) {
    let beta = if how == Write::Add { 1.0 } else { 0.0 };
    // SAFETY: `Matrix` holds rows × columns values at its strides, `product` and `serial` checked that the shapes agree
    // and that the result has a.rows × b.columns values, `rows` and `columns` lie inside those, and no other thread has
    // this tile (`serial` takes all of it).
    #[allow(unsafe_code)]
    unsafe {
        gemm::gemm(
            rows.len(),
            columns.len(),
            a.columns,
            into.0.add(rows.start * b.columns + columns.start),
            1,
            b.columns as isize,
            how == Write::Add,
            a.values.as_ptr().add(rows.start * a.row_stride),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr().add(columns.start * b.column_stride),
            b.column_stride as isize,
            b.row_stride as isize,
            beta,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use duel_models::random::Stream;

    fn random(stream: &mut Stream, count: usize) -> Vec<f32> {
        (0..count).map(|_| stream.normal() as f32).collect()
    }

    #[test]
    fn products_are_those_of_a_plain_loop() {
        let mut stream = Stream::new(1, "products");
        let mut shapes = vec![(1, 1, 1), (3, 5, 7), (64, 784, 256), (130, 33, 65), (7, 300, 1), (1, 9, 200)];
        shapes.extend((0..20).map(|_| (1 + stream.below(200), 1 + stream.below(100), 1 + stream.below(200))));
        for (m, k, n) in shapes {
            let (a, b) = (random(&mut stream, m * k), random(&mut stream, k * n));
            let start = random(&mut stream, m * n);
            let (mut replaced, mut added) = (start.clone(), start.clone());
            product(Matrix::new(&a, m, k), Matrix::new(&b, k, n), &mut replaced, Write::Replace);
            let stored: Vec<f32> = (0..n * k).map(|at| b[at % k * n + at / k]).collect();
            product(Matrix::new(&a, m, k), Matrix::new(&stored, n, k).transposed(), &mut added, Write::Add);
            let turned: Vec<f32> = (0..m * k).map(|at| a[at % m * k + at / m]).collect();
            let mut alone = start.clone();
            serial(Matrix::new(&turned, k, m).transposed(), Matrix::new(&b, k, n), &mut alone, Write::Replace);
            for (row, column) in (0..m).flat_map(|row| (0..n).map(move |column| (row, column))) {
                let exact: f64 = (0..k).map(|i| f64::from(a[row * k + i]) * f64::from(b[i * n + column])).sum();
                let at = row * n + column;
                assert!((f64::from(replaced[at]) - exact).abs() < 1e-4, "{m} {k} {n}");
                assert!((f64::from(added[at] - start[at]) - exact).abs() < 1e-4, "{m} {k} {n}");
                assert!((f64::from(alone[at]) - exact).abs() < 1e-4, "{m} {k} {n}");
            }
        }
    }

    #[test]
    fn a_transpose_is_that_of_a_plain_loop() {
        let mut stream = Stream::new(2, "transposes");
        for _ in 0..20 {
            let (rows, columns) = (1 + stream.below(70), 1 + stream.below(70));
            let values = random(&mut stream, rows * columns);
            let mut turned = vec![0.0; values.len()];
            transpose(&values, columns, &mut turned);
            assert!((0..values.len()).all(|at| turned[at % columns * rows + at / columns] == values[at]));
        }
    }
}
