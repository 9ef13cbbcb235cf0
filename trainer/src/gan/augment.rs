//! Differentiable augmentation: the discriminator sees real and generated pictures only transformed, and the generator
//! learns through the transformation: Zhao et al. 2020 (DiffAugment). Each transformation is applied to a picture with
//! a probability, as in adaptive discriminator augmentation (ADA): Karras et al. 2020. At probability 1 this is
//! DiffAugment.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Result, Tensor};
use duel_models::{Shape, random::Stream};

use crate::{
    kernels::{
        augment::{Transform, backward, forward},
        storage::{slice, values},
    },
    networks::Engine,
    recipe::AugmentPolicy,
};

/// The transformations of a batch.
#[derive(Debug, Clone)]
pub(super) struct Transforms {
    /// The shape of the pictures.
    pub(super) shape: Shape,
    /// A transformation for each real example and for each generated one, `[N]` each.
    pub(super) sets: [Vec<Transform>; 2],
}

impl Transforms {
    /// Transforms `examples`, [sets.len() · N, example]. `sets` says which set of transformations each N of them take:
    /// 0 that of the real examples, 1 that of the generated ones.
    pub(super) fn apply(&self, examples: &Tensor, sets: &[usize], engine: Engine) -> Result<Tensor> {
        let transforms: Arc<[Transform]> = sets.iter().flat_map(|&set| &self.sets[set]).copied().collect();
        match engine {
            Engine::Kernels => examples.contiguous()?.apply_op1(Pass { shape: self.shape, transforms }),
            Engine::Candle => by_candle(examples, self.shape, &transforms),
        }
    }
}

/// Draws the transformation of one picture. Every magnitude is drawn, whether the transformation is applied or not.
pub(super) fn draw(mut stream: Stream, shape: Shape, policy: AugmentPolicy, probability: f64) -> Transform {
    let mut transform = Transform::IDENTITY;
    let applies = |stream: &mut Stream, wanted: bool| stream.uniform() < probability && wanted;
    let sides = [shape.height, shape.width];

    // The ranges are those of DiffAugment_pytorch.py (github.com/mit-han-lab/data-efficient-gans).
    let [brightness, saturation, contrast] = [-0.5, 0.0, 0.5].map(|least| least + stream.uniform());
    for (field, value) in [
        (&mut transform.brightness, brightness),
        (&mut transform.saturation, 2.0 * saturation),
        (&mut transform.contrast, contrast),
    ] {
        if applies(&mut stream, policy.colour) {
            *field = value as f32;
        }
    }
    let shift = sides.map(|side| {
        let most = (side + 4) / 8;
        stream.below(2 * most + 1) as isize - most as isize
    });
    if applies(&mut stream, policy.translation) {
        transform.shift = shift;
    }
    let [rows, columns] = sides.map(|side| hole(side, stream.below(side + 1 - side.div_ceil(2) % 2) as i64));
    if applies(&mut stream, policy.cutout) {
        transform.hole = [rows[0], rows[1], columns[0], columns[1]];
    }
    transform
}

/// The start and the end of a cutout of half a side around `middle`, as far as it lies in the picture.
pub(super) fn hole(side: usize, middle: i64) -> [usize; 2] {
    let size = side.div_ceil(2) as i64;
    let start = middle - size / 2;
    [start, start + size].map(|end| end.clamp(0, side as i64) as usize)
}

/// The transformations of some pictures, by the CPU's kernels, as one operation of candle's graph.
struct Pass {
    shape: Shape,
    transforms: Arc<[Transform]>,
}

impl CustomOp1 for Pass {
    fn name(&self) -> &'static str {
        "augment"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, candle_core::Shape)> {
        let x = slice(x, layout)?;
        let mut y = vec![0.0; x.len()];
        forward(x, &mut y, self.shape, &self.transforms);
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let gradient = gradient.contiguous()?;
        let mut below = vec![0.0; x.elem_count()];
        backward(&values(&gradient)?, &mut below, self.shape, &self.transforms);
        Tensor::from_vec(below, x.shape(), x.device()).map(Some)
    }
}

/// The transformations of `x`, [N, height · width · channels], by candle's own operations, on any device.
fn by_candle(x: &Tensor, shape: Shape, transforms: &[Transform]) -> Result<Tensor> {
    let Shape { channels, height, width, .. } = shape;
    let (n, kind, device) = (transforms.len(), x.dtype(), x.device());
    let column = |of: fn(&Transform) -> f32| {
        let values: Vec<f32> = transforms.iter().map(of).collect();
        Tensor::from_vec(values, (n, 1, 1, 1), device)?.to_dtype(kind)
    };
    let x = x.reshape((n, height, width, channels))?.broadcast_add(&column(|t| t.brightness)?)?;
    let grey = x.mean_keepdim(3)?;
    let x = x.broadcast_sub(&grey)?.broadcast_mul(&column(|t| t.saturation)?)?.broadcast_add(&grey)?;
    let mean = x.mean_keepdim((1, 2, 3))?;
    let x = x.broadcast_sub(&mean)?.broadcast_mul(&column(|t| t.contrast)?)?.broadcast_add(&mean)?;
    // A translation is a product with a matrix of zeros and ones along each side: candle's gradient of a product is
    // faster than its gradients of `gather` and `index_select`, which add up one value after the other on a GPU.
    let rows = shift_matrices(transforms.iter().map(|t| t.shift[0]), height, kind, device)?;
    let columns = shift_matrices(transforms.iter().map(|t| t.shift[1]), width, kind, device)?;
    let x = rows.matmul(&x.reshape((n, height, width * channels))?)?.reshape((n, height, width, channels))?;
    let x = columns.matmul(&x.permute((0, 2, 1, 3))?.reshape((n, width, height * channels))?)?;
    let x = x.reshape((n, width, height, channels))?.permute((0, 2, 1, 3))?;
    let hole = inside(transforms, 0, height, device)?.reshape((n, height, 1, 1))?;
    let hole = hole.broadcast_mul(&inside(transforms, 2, width, device)?.reshape((n, 1, width, 1))?)?;
    x.broadcast_mul(&hole.to_dtype(kind)?.affine(-1.0, 1.0)?)?.flatten_from(1)
}

/// The matrices [N, side, side] that shift along a side: 1 at (i, i + shift), else 0.
fn shift_matrices(shifts: impl Iterator<Item = isize>, side: usize, kind: DType, device: &Device) -> Result<Tensor> {
    let shifts: Vec<f32> = shifts.map(|shift| shift as f32).collect();
    let shifts = Tensor::from_slice(&shifts, (shifts.len(), 1, 1), device)?;
    let places = Tensor::arange(0.0, side as f32, device)?;
    let from = shifts.broadcast_add(&places.reshape((1, side, 1))?)?;
    from.broadcast_eq(&places.reshape((1, 1, side))?)?.to_dtype(kind)
}

/// 1 within the cutout and 0 elsewhere along a side, [N, side]. The cutout begins at `hole[at]` and ends before
/// `hole[at + 1]`.
fn inside(transforms: &[Transform], at: usize, side: usize, device: &Device) -> Result<Tensor> {
    let ends = |at: usize| {
        let values: Vec<f32> = transforms.iter().map(|t| t.hole[at] as f32).collect();
        Tensor::from_vec(values, (transforms.len(), 1), device)
    };
    let places = Tensor::arange(0.0, side as f32, device)?.reshape((1, side))?;
    let [above, below] = [places.broadcast_ge(&ends(at)?)?, places.broadcast_lt(&ends(at + 1)?)?];
    above.to_dtype(DType::F32)? * below.to_dtype(DType::F32)?
}

#[cfg(test)]
mod tests {
    use candle_core::{Var, safetensors};

    use super::*;

    /// The transformations as one set, of pictures of this shape.
    fn set(shape: Shape, transforms: Vec<Transform>) -> Transforms {
        Transforms { shape, sets: [transforms, Vec::new()] }
    }

    /// The transformed pictures, and the gradient of the pictures if `upstream` is that of the transformed ones.
    fn both(transforms: &Transforms, x: &Tensor, upstream: &Tensor, engine: Engine) -> [Vec<f32>; 2] {
        let x = Var::from_tensor(x).expect("memory");
        let y = transforms.apply(&x, &[0], engine).expect("pictures");
        let store = (&y * upstream).and_then(|y| y.sum_all()?.backward()).expect("a graph");
        let floats = |tensor: &Tensor| tensor.flatten_all().and_then(|tensor| tensor.to_vec1()).expect("floats");
        [floats(&y), floats(store.get(&x).expect("a gradient"))]
    }

    fn close(found: &[f32], expected: &[f32], what: &str) {
        assert_eq!(found.len(), expected.len());
        for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!((found - expected).abs() < 2e-6, "{what}: {found} for {expected} at {at}");
        }
    }

    #[test]
    fn each_transformation_and_its_gradient_equal_pytorchs() {
        for (name, [channels, height, width]) in [("augment_colour", [3, 12, 13]), ("augment_grey", [1, 9, 8])] {
            let file = format!("{}/../tests/peers/oracle/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
            let recorded = safetensors::load(file, &Device::Cpu).expect("a recorded file");
            let shape = Shape::new(channels, height, width).expect("a shape");
            let pictures = |name: &str| {
                let channels_last = recorded[name].permute((0, 2, 3, 1)).and_then(|x| x.contiguous()?.flatten_from(1));
                channels_last.expect("pictures")
            };
            let numbers = |name: &str| -> Vec<f32> { recorded[name].to_vec1().expect("numbers") };
            let pairs = |name: &str| -> Vec<Vec<i64>> { recorded[name].to_vec2().expect("pairs") };
            let amounts = ["brightness", "saturation", "contrast"].map(|name| numbers(&format!("{name}.parameters")));
            let [shifts, holes] = ["translation", "cutout"].map(|name| pairs(&format!("{name}.parameters")));
            for (which, name) in
                ["brightness", "saturation", "contrast", "translation", "cutout", "all"].iter().enumerate()
            {
                let transform = |row: usize| {
                    let all = *name == "all";
                    let mut transform = Transform::IDENTITY;
                    let fields = [&mut transform.brightness, &mut transform.saturation, &mut transform.contrast];
                    for (index, field) in fields.into_iter().enumerate().filter(|(index, _)| all || which == *index) {
                        *field = amounts[index][row];
                    }
                    if all || which == 3 {
                        transform.shift = [0, 1].map(|axis| shifts[row][axis] as isize);
                    }
                    if all || which == 4 {
                        let [rows, columns] =
                            [(0, height), (1, width)].map(|(axis, side)| hole(side, holes[row][axis]));
                        transform.hole = [rows[0], rows[1], columns[0], columns[1]];
                    }
                    transform
                };
                let transforms = set(shape, (0..shifts.len()).map(transform).collect());
                for engine in [Engine::Kernels, Engine::Candle] {
                    let found = both(&transforms, &pictures("x"), &pictures("upstream"), engine);
                    for (found, kind) in found.iter().zip(["y", "gradient"]) {
                        let expected = pictures(&format!("{name}.{kind}")).flatten_all().expect("pictures");
                        close(found, &expected.to_vec1::<f32>().expect("floats"), &format!("{engine:?} {name}.{kind}"));
                    }
                }
            }
        }
    }

    #[test]
    fn drawn_transformations_are_those_of_their_row_and_lie_in_their_ranges() {
        let shape = Shape::new(3, 12, 17).expect("a shape");
        let drawn = |policy, probability| -> Vec<Transform> {
            (0..2000).map(|row| draw(Stream::new(1, "rows").item(row), shape, policy, probability)).collect()
        };
        let (whole, half, none) =
            (drawn(AugmentPolicy::ALL, 1.0), drawn(AugmentPolicy::ALL, 0.5), drawn(AugmentPolicy::ALL, 0.0));
        assert!(none.iter().all(|transform| *transform == Transform::IDENTITY));
        // A picture's magnitudes do not depend on the probability or on the policy.
        let shifted = |transforms: &[Transform]| transforms.iter().filter(|t| t.shift != [0; 2]).count();
        assert!(half.iter().zip(&whole).all(|(half, whole)| half.shift == [0; 2] || half.shift == whole.shift));
        let moved = shifted(&half) as f64 / shifted(&whole) as f64;
        assert!((moved - 0.5).abs() < 0.05, "{moved}");
        let only = drawn("translation".parse().expect("a policy"), 1.0);
        let as_whole =
            |(only, whole): (&Transform, &Transform)| *only == Transform { shift: whole.shift, ..Transform::IDENTITY };
        assert!(only.iter().zip(&whole).all(as_whole));
        let range = |of: &dyn Fn(&Transform) -> f32| {
            let values = || whole.iter().map(of);
            [values().fold(f32::MAX, f32::min), values().fold(f32::MIN, f32::max)]
                .map(|end| (end * 10.0).round() / 10.0)
        };
        assert_eq!([range(&|t| t.brightness), range(&|t| t.saturation)], [[-0.5, 0.5], [0.0, 2.0]]);
        assert_eq!(range(&|t| t.contrast), [0.5, 1.5]);
        assert_eq!([range(&|t| t.shift[0] as f32), range(&|t| t.shift[1] as f32)], [[-2.0, 2.0]; 2]);
        // Half a picture of 12 by 17 pixels is 6 by 9. At the border a part of it is left.
        let sides = |at: usize| range(&|t: &Transform| (t.hole[at + 1] - t.hole[at]) as f32);
        assert_eq!([sides(0), sides(2)], [[3.0, 6.0], [5.0, 9.0]]);
    }

    #[test]
    fn one_thread_and_many_transform_alike() {
        let shape = Shape::new(1, 28, 28).expect("a shape");
        let rows = 100;
        let mut stream = Stream::new(3, "pictures");
        let values: Vec<f32> = (0..rows * shape.size()).map(|_| stream.normal() as f32).collect();
        let x = Tensor::from_vec(values, (rows, shape.size()), &Device::Cpu).expect("memory");
        let drawn = |row| draw(Stream::new(1, "rows").item(row), shape, AugmentPolicy::ALL, 0.8);
        let transforms = set(shape, (0..rows as u64).map(drawn).collect());
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| both(&transforms, &x, &x, Engine::Kernels))
        };
        assert!(run(1) == run(5));
    }
}
