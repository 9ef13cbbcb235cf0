//! The tiles that an image is cut into, and the order of their values in memory.

use std::ops::Range;

use crate::kernels::gemm::Matrix;

/// Pairs of points, at most.
pub(super) const MOST_PAIRS: usize = 16;

/// Values between a plane and the next. Without them the values of a tile, one in each plane, would often stand a
/// multiple of 4096 bytes apart and evict each other from the first-level cache. Five cache lines.
pub(super) const PADDING: usize = 80;

/// The tiles along one axis of the output: first those of 3 pixels, then those of 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Axis {
    threes: usize,
    twos: usize,
}

impl Axis {
    /// Returns as few tiles as cover `side` pixels, and among those as many of 2 as possible; nothing for one pixel.
    pub(super) fn new(side: usize) -> Option<Self> {
        let tiles = side.div_ceil(3);
        (side > 1).then(|| Self { threes: side - 2 * tiles, twos: 3 * tiles - side })
    }

    pub(super) fn tiles(self) -> usize {
        self.threes + self.twos
    }

    /// First output pixel of a tile.
    pub(super) fn start(self, tile: usize) -> usize {
        2 * tile + tile.min(self.threes)
    }

    /// Points of a tile, one more than its output pixels: 0, ∞, 1 and, for a tile of 3, -1.
    pub(super) fn points_of(self, tile: usize) -> usize {
        if tile < self.threes { 4 } else { 3 }
    }

    /// Points of the largest tile.
    pub(super) fn points(self) -> usize {
        self.points_of(0)
    }

    /// Tiles that have a point. They are the first ones, because all tiles have the points 0, 1 and 2.
    fn tiles_with(self, point: usize) -> usize {
        if point < 3 { self.tiles() } else { self.threes }
    }

    /// Values along the axis: one for each point of each tile.
    fn values(self) -> usize {
        3 * self.tiles() + self.threes
    }
}

/// The tiles of an image, by rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tiling {
    pub rows: Axis,
    pub columns: Axis,
}

impl Tiling {
    /// Points of the largest tile: [rows, columns].
    pub(super) fn points(self) -> [usize; 2] {
        [self.rows.points(), self.columns.points()]
    }

    /// Pairs of a point of the rows and one of the columns.
    pub(super) fn pairs(self) -> usize {
        self.rows.points() * self.columns.points()
    }

    /// Values that an image has in all planes, in each channel.
    pub(super) fn values(self) -> usize {
        self.rows.values() * self.columns.values()
    }
}

/// Order of some images' tiles at the points: for each pair of points a plane of [images, tile rows, tile columns,
/// channels], which holds the tiles that have both points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planes {
    pub tiling: Tiling,
    pub images: usize,
    pub channels: usize,
}

impl Planes {
    /// Values of all planes, with the padding behind each.
    pub(super) fn length(self) -> usize {
        self.images * self.tiling.values() * self.channels + self.tiling.pairs() * PADDING
    }

    /// First value of the plane of a pair of points.
    fn start(self, [p, q]: [usize; 2]) -> usize {
        let Tiling { rows, columns } = self.tiling;
        let before = p * rows.tiles() * columns.values() + q * rows.tiles_with(p) * columns.tiles();
        self.images * before * self.channels + (p * columns.points() + q) * PADDING
    }

    /// Values of the plane of the pair of points number `pair`.
    pub(super) fn plane(self, pair: usize) -> Range<usize> {
        let Tiling { rows, columns } = self.tiling;
        let [p, q] = [pair / columns.points(), pair % columns.points()];
        let start = self.start([p, q]);
        start..start + self.images * rows.tiles_with(p) * columns.tiles_with(q) * self.channels
    }

    /// The plane of the pair of points number `pair` as [tiles, channels].
    pub(super) fn matrix(self, values: &[f32], pair: usize) -> Matrix<'_> {
        let values = &values[self.plane(pair)];
        Matrix::new(values, values.len() / self.channels, self.channels)
    }

    /// The first channel of a tile of an image in each plane.
    #[inline(always)]
    pub(super) fn places<const P: usize, const Q: usize>(
        self,
        image: usize,
        [row, column]: [usize; 2],
    ) -> [[usize; Q]; P] {
        let Tiling { rows, columns } = self.tiling;
        let mut places = [[0; Q]; P];
        for (p, places) in places.iter_mut().enumerate() {
            for (q, place) in places.iter_mut().enumerate() {
                let line = (image * rows.tiles_with(p) + row) * columns.tiles_with(q) + column;
                *place = self.start([p, q]) + line * self.channels;
            }
        }
        places
    }
}
