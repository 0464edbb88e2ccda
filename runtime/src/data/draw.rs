//! What is random in data: numbers that depend on a seed, a purpose and a place, never on who asked before.
//!
//! In: seed, purpose, number of the sample or of the pass. Out: as many numbers as are needed. Deliberately not here: what
//! they are for.

use zorro_compiler::random;

/// A sequence of random numbers of its own.
#[derive(Debug, Clone)]
pub(super) struct Draw {
    seed: u64,
    counter: [u32; 4],
    words: [u32; 4],
    used: usize,
}

impl Draw {
    /// The sequence of a purpose at a place.
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of a number")]
    pub(super) fn new(seed: u64, purpose: &str, place: u64) -> Self {
        let site = random::site_hash(purpose);
        let counter = [0, place as u32, (place >> 32) as u32, site];
        Self { seed, counter, words: [0; 4], used: 4 }
    }

    pub(super) fn word(&mut self) -> u32 {
        if self.used == 4 {
            self.words = random::philox(self.counter, random::key(self.seed));
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// In [0, 1).
    pub(super) fn uniform(&mut self) -> f64 {
        f64::from(self.word()) / 4_294_967_296.0
    }

    /// Between two numbers.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Whether something of this probability happens.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// One of the numbers below `n`, which is not 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        let word = u64::from(self.word()) << 32 | u64::from(self.word());
        // The upper half of the product: even up to parts of 2^-64.
        u64::try_from((u128::from(word) * u128::from(n)) >> 64).expect("below n")
    }

    /// Two normal deviates.
    pub(super) fn normals(&mut self) -> [f64; 2] {
        let (first, second) = (self.word(), self.word());
        random::normal(first, second)
    }

    /// The numbers below `n`, shuffled.
    pub(super) fn permutation(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..).take(n).collect();
        for at in (1..n).rev() {
            let other = self.below(at as u64 + 1);
            order.swap(at, usize::try_from(other).expect("below the length"));
        }
        order
    }

    /// From the beta distribution whose two parameters are `alpha`, which is above 0.
    pub(super) fn beta(&mut self, alpha: f64) -> f64 {
        let (a, b) = (self.log_gamma_deviate(alpha), self.log_gamma_deviate(alpha));
        1.0 / (1.0 + libm::exp(b - a))
    }

    /// The logarithm of a deviate of the gamma distribution (Marsaglia and Tsang, 2000); small parameters make
    /// deviates that only their logarithms can hold.
    fn log_gamma_deviate(&mut self, alpha: f64) -> f64 {
        if alpha < 1.0 {
            let uniform = 1.0 - self.uniform();
            return self.log_gamma_deviate(alpha + 1.0) + libm::log(uniform) / alpha;
        }
        let d = alpha - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let [x, _] = self.normals();
            let v = (1.0 + c * x).powi(3);
            let uniform = 1.0 - self.uniform();
            if v > 0.0 && libm::log(uniform) < 0.5 * x * x + d * (1.0 - v + libm::log(v)) {
                return libm::log(d * v);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_its_numbers() {
        let mut one = Draw::new(1, "a", 7);
        let first: Vec<u32> = (0..9).map(|_| one.word()).collect();
        let mut again = Draw::new(1, "a", 7);
        assert_eq!(first, (0..9).map(|_| again.word()).collect::<Vec<_>>());
        for mut other in [Draw::new(2, "a", 7), Draw::new(1, "b", 7), Draw::new(1, "a", 8)] {
            assert_ne!(first[0], other.word());
        }
    }

    #[test]
    fn permutations_hold_everything_once() {
        for n in [0, 1, 2, 10, 1000] {
            let mut order = Draw::new(3, "p", 0).permutation(n);
            order.sort_unstable();
            assert!(order.iter().enumerate().all(|(at, value)| *value as usize == at));
        }
    }

    #[test]
    fn beta_has_its_mean_and_variance() {
        for alpha in [0.05, 0.3, 1.0, 4.0] {
            let mut draw = Draw::new(5, "beta", 0);
            let values: Vec<f64> = (0..20_000).map(|_| draw.beta(alpha)).collect();
            let mean = values.iter().sum::<f64>() / 20_000.0;
            let variance =
                values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 20_000.0;
            // Four deviations of the mean of 20,000 of the widest of them.
            assert!((mean - 0.5).abs() < 0.015, "{alpha}: mean {mean}");
            let wanted = 1.0 / (4.0 * (2.0 * alpha + 1.0));
            assert!((variance - wanted).abs() < 0.006, "{alpha}: {variance}, not {wanted}");
        }
    }
}
