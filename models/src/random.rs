//! The project's only source of randomness: one seed, any number of independent streams, the same bits on every CPU.

/// A SplitMix64 generator (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", figure 15).
///
/// The stream for a purpose or an index does not depend on earlier streams, so checkpoints do not store random states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    state: u64,
}

/// 2^64 / φ, rounded to an odd number: the increment of SplitMix64's Weyl sequence.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Stream {
    /// Returns the stream of a seed for one purpose. Streams of two purposes are independent.
    pub fn new(seed: u64, purpose: &str) -> Self {
        // FNV-1a hash of the name, then the mixer: similar seeds or names give unrelated states.
        let name = purpose
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self { state: mix(mix(seed.wrapping_add(GOLDEN)) ^ name) }
    }

    /// Returns the stream for item `index`. Does not advance `self`.
    pub fn item(self, index: u64) -> Self {
        Self { state: mix(self.state ^ mix(index.wrapping_mul(GOLDEN).wrapping_add(GOLDEN))) }
    }

    /// Draws 64 uniform bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// Draws a uniform value in (0, 1), never 0 and never 1: (k + ½) / 2^53 for a k of 53 bits.
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) * (1.0 / (1u64 << 53) as f64)
    }

    /// Draws a uniform integer in 0..n, as the high half of a product (Lemire 2019). The bias is below 2^-32 for n up
    /// to 2^32.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// Draws a value from the standard normal distribution.
    pub fn normal(&mut self) -> f64 {
        inverse_normal(self.uniform())
    }

    /// Shuffles `items` uniformly (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// The finaliser of SplitMix64 (Stafford's mix 13).
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Quantile of the standard normal distribution at `p` in (0, 1), to about 1 part in 10^16: Wichura 1988, Algorithm AS
/// 241, PPND16.
///
/// Uses only additions, multiplications, divisions and square roots of IEEE 754, and `libm`'s logarithm, which is made
/// of them. These operations give equal bits on every CPU, unlike the platforms' math libraries.
pub fn inverse_normal(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * ratio(r, &CENTRE);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-libm::log(tail)).sqrt();
    let x = if r <= 5.0 { ratio(r - 1.6, &MIDDLE) } else { ratio(r - 5.0, &FAR) };
    if q < 0.0 { -x } else { x }
}

/// Coefficients of a rational function, numerator then denominator, the constant first.
type Rational = [[f64; 8]; 2];

fn ratio(r: f64, [numerator, denominator]: &Rational) -> f64 {
    let polynomial = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * r + c);
    polynomial(numerator) / polynomial(denominator)
}

const CENTRE: Rational = [
    [
        3.387_132_872_796_366_5,
        1.331_416_678_917_843_8e2,
        1.971_590_950_306_551_3e3,
        1.373_169_376_550_946e4,
        4.592_195_393_154_987e4,
        6.726_577_092_700_87e4,
        3.343_057_558_358_813e4,
        2.509_080_928_730_122_7e3,
    ],
    [
        1.0,
        4.231_333_070_160_091e1,
        6.871_870_074_920_579e2,
        5.394_196_021_424_751e3,
        2.121_379_430_158_659_7e4,
        3.930_789_580_009_271e4,
        2.872_908_573_572_194_3e4,
        5.226_495_278_852_854e3,
    ],
];

const MIDDLE: Rational = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        2.417_807_251_774_506e-1,
        2.272_384_498_926_918_4e-2,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        6.897_673_349_851e-1,
        1.481_039_764_274_800_8e-1,
        1.519_866_656_361_645_7e-2,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
];

const FAR: Rational = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        2.965_605_718_285_048_7e-1,
        2.653_218_952_657_612_4e-2,
        1.242_660_947_388_078_4e-3,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        5.998_322_065_558_88e-1,
        1.369_298_809_227_358e-1,
        1.487_536_129_085_061_5e-2,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_agrees_with_python() {
        // python 3.11: from statistics import NormalDist; for p in (...): print(NormalDist().inv_cdf(p))
        for (p, expected) in [
            (1e-15, -7.941345326170995),
            (1e-6, -4.753424308822899),
            (0.05, -1.6448536269514726),
            (0.3, -0.5244005127080407),
            (0.5, 0.0),
            (0.975, 1.9599639845400536),
            (0.999999, 4.753424308817089),
        ] {
            let found = inverse_normal(p);
            assert!((found - expected).abs() <= 4e-15 * f64::max(1.0, expected.abs()), "{p}: {found} for {expected}");
        }
    }

    #[test]
    fn normal_values_have_the_right_moments() {
        let mut stream = Stream::new(3, "moments");
        let n = 200_000;
        let mut sums = [0.0; 4];
        for _ in 0..n {
            let x = stream.normal();
            for (power, sum) in sums.iter_mut().enumerate() {
                *sum += x.powi(power as i32 + 1);
            }
        }
        // Five standard errors of each mean: the variance of x^k is E[x^2k] - E[x^k]^2.
        for ((sum, expected), variance) in sums.iter().zip([0.0, 1.0, 0.0, 3.0]).zip([1.0, 2.0, 15.0, 96.0]) {
            let mean = sum / f64::from(n);
            assert!((mean - expected).abs() < 5.0 * f64::sqrt(variance / f64::from(n)), "{mean} for {expected}");
        }
    }

    #[test]
    fn streams_of_other_purposes_and_items_differ() {
        assert_ne!(Stream::new(1, "batches").bits(), Stream::new(1, "latents").bits());
        assert_ne!(Stream::new(1, "x").item(0).bits(), Stream::new(1, "x").item(1).bits());
    }

    #[test]
    fn a_shuffle_is_a_permutation() {
        let mut items: Vec<usize> = (0..1000).collect();
        Stream::new(5, "shuffle").shuffle(&mut items);
        assert_ne!(items[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        items.sort_unstable();
        assert!(items.into_iter().eq(0..1000));
    }
}
