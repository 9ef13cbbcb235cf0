//! Interpolation between latents.

use duel_models::LatentLaw;

/// Returns the latent at the fraction `t`, 0 to 1, of the way from one latent to another. The result follows the same
/// distribution.
///
/// Of two independent normal latents, (1 - t) a + t b has the variance (1 - t)² + t². Dividing by its root makes the
/// variance 1 again; without that the middle would lie nearer to 0 than any latent of the training. A uniform latent
/// needs no correction to stay inside its bounds.
pub fn between(law: LatentLaw, from: &[f32], to: &[f32], t: f32) -> Vec<f32> {
    let length = match law {
        LatentLaw::Normal => f32::sqrt((1.0 - t) * (1.0 - t) + t * t),
        LatentLaw::Uniform => 1.0,
    };
    from.iter().zip(to).map(|(a, b)| ((1.0 - t) * a + t * b) / length).collect()
}

/// Returns a closed path through all of `stops`, [N, size]: `steps` latents from each stop to the next, the stop itself
/// first. Each latent comes with the index of its nearest stop.
pub fn closed(law: LatentLaw, stops: &[f32], size: usize, steps: usize) -> Vec<(usize, Vec<f32>)> {
    let stops: Vec<&[f32]> = stops.chunks_exact(size).collect();
    let points = (0..stops.len()).flat_map(|stop| (0..steps).map(move |step| (stop, step)));
    points
        .map(|(stop, step)| {
            let next = (stop + 1) % stops.len();
            let nearest = if 2 * step < steps { stop } else { next };
            (nearest, between(law, stops[stop], stops[next], step as f32 / steps as f32))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_passes_its_stops_and_ends_where_it_began() {
        let walk = closed(LatentLaw::Uniform, &[0.0, 1.0, 0.5, -1.0], 2, 4);
        assert_eq!(walk.iter().map(|(nearest, _)| *nearest).collect::<Vec<_>>(), [0, 0, 1, 1, 1, 1, 0, 0]);
        assert_eq!(
            (&walk[0].1[..], &walk[2].1[..], &walk[4].1[..]),
            (&[0.0, 1.0][..], &[0.25, 0.0][..], &[0.5, -1.0][..])
        );
        assert_eq!(walk[6].1, walk[2].1);
    }

    #[test]
    fn the_middle_of_two_normal_latents_has_their_norm() {
        // Two latents at right angles and of one length, as two latents of many values nearly are.
        let middle = between(LatentLaw::Normal, &[3.0, 0.0], &[0.0, 3.0], 0.5);
        assert!((f32::hypot(middle[0], middle[1]) - 3.0).abs() < 1e-6);
        assert_eq!(between(LatentLaw::Normal, &[3.0, 0.0], &[0.0, 3.0], 0.0), [3.0, 0.0]);
    }
}
