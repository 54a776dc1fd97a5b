//! What a seed becomes: streams of chance that do not disturb each other.

use rand::{Rng as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;

/// One stream of chance. Two streams of a seed are independent: what one is used for does not
/// change what comes out of the other.
#[derive(Debug, Clone)]
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of this number of a seed.
    pub fn stream(seed: u64, number: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(number);
        Self(generator)
    }

    /// A number from `low` up to, not including, `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.0.random::<f64>()
    }

    /// Whether something of this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    /// A waiting time with this mean, exponentially distributed.
    pub fn waiting(&mut self, mean: f64) -> f64 {
        // 1 - x is never 0, so the logarithm is finite.
        -mean * (1.0 - self.0.random::<f64>()).ln()
    }

    /// A whole number below `limit`; 0 where there is none.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0.random_range(0..limit.max(1))
    }

    /// The numbers below `count`, in any order.
    pub fn shuffled(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut self.0);
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_the_same_again_and_no_other() {
        let draw = |seed, stream| {
            let mut chance = Chance::stream(seed, stream);
            [(); 8].map(|()| chance.between(0.0, 1.0).to_bits())
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn waiting_takes_its_mean_on_average() {
        let mut chance = Chance::stream(7, 0);
        let mean = (0..20_000).map(|_| chance.waiting(3.0)).sum::<f64>() / 20_000.0;
        assert!((mean - 3.0).abs() < 0.1, "{mean}");
    }
}
