//! Clusters of features: they stand in for classes where pictures have no labels.

use duel_models::random::Stream;

use super::distances;

/// The number of clusters.
pub const CLUSTERS: usize = 10;

/// Rounds of Lloyd's algorithm.
const ROUNDS: usize = 20;

/// The centres of clusters.
#[derive(Debug)]
pub struct Clusters {
    /// [CLUSTERS, size].
    centres: Vec<f32>,
    size: usize,
}

impl Clusters {
    /// Finds the clusters of points, [N, size], by k-means: Lloyd 1982, from first centres by k-means++, Arthur and
    /// Vassilvitskii 2007. Needs at least one point.
    pub fn find(points: &[f32], size: usize) -> Self {
        let mut stream = Stream::new(1, "clusters");
        let count = points.len() / size;
        let point = |at: usize| &points[at * size..][..size];
        let mut centres = point(stream.below(count)).to_vec();
        while centres.len() < CLUSTERS * size {
            let far = distances::map(points, &centres, size, |_, row| f64::from(least(row).1));
            let mut left = stream.uniform() * far.iter().sum::<f64>();
            let chosen = far.iter().position(|squared| {
                left -= squared;
                left < 0.0
            });
            centres.extend_from_slice(point(chosen.unwrap_or(count - 1)));
        }
        let mut clusters = Self { centres, size };
        for _ in 0..ROUNDS {
            clusters.move_to_means(points);
        }
        clusters
    }

    /// Returns the cluster of each point, the one with the nearest centre.
    pub fn assign(&self, points: &[f32]) -> Vec<u8> {
        distances::map(points, &self.centres, self.size, |_, row| least(row).0 as u8)
    }

    /// Moves each centre to the mean of its points. A centre without points stays.
    fn move_to_means(&mut self, points: &[f32]) {
        let (assigned, size) = (self.assign(points), self.size);
        for (cluster, centre) in self.centres.chunks_exact_mut(size).enumerate() {
            let own = points.chunks_exact(size).zip(&assigned).filter(|(_, own)| usize::from(**own) == cluster);
            let (mut sums, mut count) = (vec![0.0f64; size], 0.0f64);
            for (point, _) in own {
                sums.iter_mut().zip(point).for_each(|(sum, &value)| *sum += f64::from(value));
                count += 1.0;
            }
            if count > 0.0 {
                centre.iter_mut().zip(sums).for_each(|(value, sum)| *value = (sum / count) as f32);
            }
        }
    }
}

/// The place and the value of the least distance of a row.
fn least(row: &[f32]) -> (usize, f32) {
    let first = (0, f32::INFINITY);
    row.iter().copied().enumerate().fold(first, |least, here| if here.1 < least.1 { here } else { least })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separate_clouds_are_separate_clusters() {
        let mut stream = Stream::new(1, "clouds");
        let cloud = |at: usize, stream: &mut Stream| {
            [20.0 * (at % 4) as f32 + stream.normal() as f32, 20.0 * (at / 4) as f32 + stream.normal() as f32]
        };
        let points: Vec<f32> = (0..1_000).flat_map(|at| cloud(at % CLUSTERS, &mut stream)).collect();
        let clusters = Clusters::find(&points, 2);
        let assigned = clusters.assign(&points);
        assert!((0..1_000).all(|at| assigned[at] == assigned[at % CLUSTERS]));
        let mut found = assigned[..CLUSTERS].to_vec();
        found.sort_unstable();
        assert_eq!(found, (0..CLUSTERS as u8).collect::<Vec<u8>>());
        // Fewer points than clusters.
        assert_eq!(Clusters::find(&points[..4], 2).assign(&points[..4]).len(), 2);
    }
}
