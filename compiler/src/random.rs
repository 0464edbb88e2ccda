//! Random numbers that are the same on every machine and never depend on the order in which they are asked for.
//!
//! In: a seed and a counter that says which number is meant. Out: the number. Nothing has a state: backward passes,
//! recomputation, other threads and devices ask again and get the same. The generator is Philox4x32-10 (Salmon et
//! al., 2011), four words for a counter of four words and a key of two, the seed. Deliberately not here: clocks and
//! entropy, and what the numbers are for.
//!
//! # Counters
//!
//! | word | sites in the model (dropout and the like) | weights ([`initial`]) |
//! |---|---|---|
//! | 0 | number of the sample | element / 4 |
//! | 1 | [`site_hash`] of the site's path, xor that of the group's name | low half of [`path_hash`] of the weight's name |
//! | 2 | token in its group | high half of it |
//! | 3 | channel / 4, below 2^30 | 2^31 + attempt |
//!
//! Of the four words that come out, channel % 4 or element % 4 says which one counts, so that one call serves four
//! channels. `drop_path`, which draws once for a sample, site and group, uses token 0 and channel 0. Groups never share
//! numbers: what two of them had dropped in common would name the sample to a loss that compares them, though neither
//! reads the other. The last word keeps weights and sites apart under one seed.

mod start;
#[cfg(test)]
mod tests;

pub use start::{fill, initial};

/// What multiplies the two words of a round, and what the key grows by after it.
const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const N_ROUNDS: u32 = 10;

/// Philox4x32-10: four random words for a counter and a key.
#[inline]
pub const fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut a, mut b, mut c, mut d], [mut low, mut high]) = (counter, key);
    let mut round = 0;
    while round < N_ROUNDS {
        let first = MULTIPLIERS[0] as u64 * a as u64;
        let second = MULTIPLIERS[1] as u64 * c as u64;
        a = (second >> 32) as u32 ^ b ^ low;
        c = (first >> 32) as u32 ^ d ^ high;
        b = second as u32;
        d = first as u32;
        low = low.wrapping_add(WEYL[0]);
        high = high.wrapping_add(WEYL[1]);
        round += 1;
    }
    [a, b, c, d]
}

/// The key of a seed: its low half, then its high half.
pub const fn key(seed: u64) -> [u32; 2] {
    [seed as u32, (seed >> 32) as u32]
}

/// Four numbers in [0, 1), one for each of four neighboring channels.
pub const fn uniform(seed: u64, counter: [u32; 4]) -> [f32; 4] {
    let [a, b, c, d] = philox(counter, key(seed));
    [unit(a), unit(b), unit(c), unit(d)]
}

/// The number in [0, 1) for one channel of one token at a site: `site` is what stands in word 1 of the counter.
pub const fn site_uniform(seed: u64, sample: u32, site: u32, token: u32, channel: u32) -> f32 {
    uniform(seed, [sample, site, token, channel / 4])[(channel % 4) as usize]
}

/// The upper 24 bits of a word as a fraction: a multiple of 2^-24 in [0, 1), which f32 and f64 hold exactly.
#[inline]
pub const fn unit(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Two independent normal deviates of mean 0 and deviation 1 from two words (Box and Muller, 1958). None is beyond
/// 6.67. Sine, cosine and logarithm are those of the crate `libm`, and the rest is exactly rounded everywhere.
#[inline]
pub fn normal(first: u32, second: u32) -> [f64; 2] {
    const UNIT: f64 = 1.0 / 4_294_967_296.0;
    // Never 0, whose logarithm is not finite.
    let radius = (-2.0 * libm::log((f64::from(first) + 1.0) * UNIT)).sqrt();
    let (sine, cosine) = libm::sincos(std::f64::consts::TAU * UNIT * f64::from(second));
    [radius * cosine, radius * sine]
}

/// The hash of the path by which a site of the model is known, as it stands in counters: the low half of
/// [`path_hash`].
pub const fn site_hash(path: &str) -> u32 {
    path_hash(path) as u32
}

/// FNV-1a in 64 bits over the bytes of a path, then the finalizer of `MurmurHash3`, so that either half is a good hash.
pub const fn path_hash(path: &str) -> u64 {
    let mut hash: u64 = 0xCBF2_9CE4_8422_2325;
    let bytes = path.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01B3);
        i += 1;
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    hash ^ (hash >> 33)
}
