//! The transforms of a tile along one axis, and the loads and stores around them.
//!
//! P is the number of points, 3 or 4, and M = P - 1 the number of output pixels. The points are 0, ∞, 1 and, for P = 4,
//! -1. The functions are the matrices of Lavin and Gray 2016, sections 4.1 and 5, for a kernel of two taps: A, B, G and
//! their transposes, with the factors 1/2 in B instead of G, so that tiles of 2 and of 3 share a transformed weight.
//!
//! | function | matrix | for P = 3 | for P = 4 |
//! |---|---|---|---|
//! | [`pixels_to_points`] | Bᵀ | x0 - x1, x2 - x1, x1 | x0 - x2, x3 - x1, (x1 + x2) / 2, (x2 - x1) / 2 |
//! | [`points_to_pixels`] | B | its transpose | its transpose |
//! | [`outputs_to_points`] | A | y0, y1, y0 + y1 | y0, y2, y0 + y1 + y2, y0 - y1 + y2 |
//! | [`points_to_outputs`] | Aᵀ | its transpose | its transpose |
//! | [`taps_to_points`] | G | w0, w1, w0 + w1 | w0, w1, w0 + w1, w0 - w1 |
//! | [`points_to_taps`] | Gᵀ | its transpose | its transpose |

use pulp::Simd;

/// Loads the vector at `from[at..]`, all of it or its first `lanes`; zeros if it is not inside `from`.
#[inline(always)]
pub(super) fn load<S: Simd, const FULL: bool>(simd: S, from: &[f32], at: usize, lanes: usize) -> S::f32s {
    match from.get(at..at + lanes) {
        Some(values) if FULL => S::as_simd_f32s(values).0[0],
        Some(values) => simd.partial_load_f32s(values),
        None => simd.splat_f32s(0.0),
    }
}

/// Stores a vector at `to[at..]`, all of it or its first `lanes`, unless that is not inside `to`.
#[inline(always)]
pub(super) fn store<S: Simd, const FULL: bool>(simd: S, to: &mut [f32], at: usize, lanes: usize, value: S::f32s) {
    match to.get_mut(at..at + lanes) {
        Some(values) if FULL => S::as_mut_simd_f32s(values).0[0] = value,
        Some(values) => simd.partial_store_f32s(values, value),
        None => {}
    }
}

/// Returns the first `count` lanes of `first` and the other lanes of `rest`.
#[inline(always)]
pub(super) fn keep_first<S: Simd>(simd: S, first: S::f32s, rest: S::f32s, count: usize) -> S::f32s {
    if count == 0 {
        return rest;
    }
    simd.select_f32s(simd.mask_between_m32s(0, count as u32).mask(), first, rest)
}

/// Applies `rows` to each column of `x`, then `columns` to each row of the result.
#[inline(always)]
pub(super) fn both<V: Copy, const RI: usize, const CI: usize, const RO: usize, const CO: usize>(
    x: [[V; CI]; RI],
    rows: impl Fn([V; RI]) -> [V; RO],
    columns: impl Fn([V; CI]) -> [V; CO],
) -> [[V; CO]; RO] {
    let mut between = [x[0]; RO];
    for c in 0..CI {
        let mut column = [x[0][c]; RI];
        column.iter_mut().zip(&x).for_each(|(value, row)| *value = row[c]);
        between.iter_mut().zip(rows(column)).for_each(|(row, value)| row[c] = value);
    }
    let mut result = [[x[0][0]; CO]; RO];
    result.iter_mut().zip(between).for_each(|(result, row)| *result = columns(row));
    result
}

#[inline(always)]
pub(super) fn pixels_to_points<S: Simd, const P: usize>(simd: S, x: [S::f32s; P]) -> [S::f32s; P] {
    let mut points = x;
    if P == 3 {
        points[0] = simd.sub_f32s(x[0], x[1]);
        points[1] = simd.sub_f32s(x[2], x[1]);
        points[2] = x[1];
    } else {
        let half = simd.splat_f32s(0.5);
        points[0] = simd.sub_f32s(x[0], x[2]);
        points[1] = simd.sub_f32s(x[3], x[1]);
        points[2] = simd.mul_f32s(half, simd.add_f32s(x[1], x[2]));
        points[3] = simd.mul_f32s(half, simd.sub_f32s(x[2], x[1]));
    }
    points
}

#[inline(always)]
pub(super) fn points_to_pixels<S: Simd, const P: usize>(simd: S, v: [S::f32s; P]) -> [S::f32s; P] {
    let mut pixels = v;
    if P == 3 {
        pixels[1] = simd.sub_f32s(simd.sub_f32s(v[2], v[0]), v[1]);
        pixels[2] = v[1];
    } else {
        let half = simd.splat_f32s(0.5);
        pixels[1] = simd.sub_f32s(simd.mul_f32s(half, simd.sub_f32s(v[2], v[3])), v[1]);
        pixels[2] = simd.sub_f32s(simd.mul_f32s(half, simd.add_f32s(v[2], v[3])), v[0]);
        pixels[3] = v[1];
    }
    pixels
}

#[inline(always)]
pub(super) fn outputs_to_points<S: Simd, const M: usize, const P: usize>(simd: S, y: [S::f32s; M]) -> [S::f32s; P] {
    let mut points = [y[0]; P];
    points[1] = y[M - 1];
    if M == 2 {
        points[2] = simd.add_f32s(y[0], y[1]);
    } else {
        let even = simd.add_f32s(y[0], y[2]);
        points[2] = simd.add_f32s(even, y[1]);
        points[3] = simd.sub_f32s(even, y[1]);
    }
    points
}

#[inline(always)]
pub(super) fn points_to_outputs<S: Simd, const M: usize, const P: usize>(simd: S, v: [S::f32s; P]) -> [S::f32s; M] {
    let mut outputs = [v[0]; M];
    if M == 2 {
        outputs[0] = simd.add_f32s(v[0], v[2]);
        outputs[1] = simd.add_f32s(v[1], v[2]);
    } else {
        let even = simd.add_f32s(v[2], v[3]);
        outputs[0] = simd.add_f32s(v[0], even);
        outputs[1] = simd.sub_f32s(v[2], v[3]);
        outputs[2] = simd.add_f32s(v[1], even);
    }
    outputs
}

#[inline(always)]
pub(super) fn taps_to_points<S: Simd, const P: usize>(simd: S, [w0, w1]: [S::f32s; 2]) -> [S::f32s; P] {
    let mut points = [w0; P];
    points[1] = w1;
    points[2] = simd.add_f32s(w0, w1);
    if P == 4 {
        points[3] = simd.sub_f32s(w0, w1);
    }
    points
}

#[inline(always)]
pub(super) fn points_to_taps<S: Simd, const P: usize>(simd: S, u: [S::f32s; P]) -> [S::f32s; 2] {
    let taps = [simd.add_f32s(u[0], u[2]), simd.add_f32s(u[1], u[2])];
    if P == 3 {
        return taps;
    }
    [simd.add_f32s(taps[0], u[3]), simd.sub_f32s(taps[1], u[3])]
}
