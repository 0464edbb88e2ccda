//! Random models for tests: specs that mean something, and what to feed them.
//!
//! In: a seed. Out: the text of a spec that `check` accepts, small enough that the interpreter takes milliseconds; and for a graph
//! of it random weights, inputs, targets, and samples that lack some of them. Same seed, same bytes, on every machine. All
//! executors of graphs are held to one another on these. Deliberately not here: specs that are wrong, and sizes that matter.

mod blocks;
mod feed;
mod layers;
mod results;
mod sources;
mod streams;

use std::collections::BTreeSet;

pub use feed::{id_order, random_feed, random_samples};

/// A stream of random numbers (`SplitMix64`, Steele et al. 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number below `n`, which is above 0.
    pub fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n).expect("sizes have at most 64 bits");
        usize::try_from(self.bits() % n).expect("below a size")
    }

    /// A number from `from` to `to`, both included.
    pub fn within(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to - from + 1)
    }

    /// True at this many of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of these, of which there is one.
    pub fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// A number in -1..1 that `f32` holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
    pub fn real(&mut self) -> f64 {
        (self.bits() >> 40) as f64 / 8_388_608.0 - 1.0
    }
}

/// The text of a random spec. It has at least one output and one objective, `loss`.
#[must_use]
pub fn random_spec(seed: u64) -> String {
    let mut writer = Writer {
        random: Random::new(seed),
        model: String::new(),
        blocks: String::new(),
        groups: Vec::new(),
        own: Vec::new(),
        ties: Vec::new(),
        widths: BTreeSet::new(),
        n_names: 0,
        dim: 4,
    };
    writer.dim = writer.random.one_of(&[4, 8, 12]);
    writer.own_blocks();
    writer.sources();
    for _ in 0..writer.random.within(1, 5) {
        writer.layer();
    }
    writer.results();
    format!("model random {{\n{}}}\n{}", writer.model, writer.blocks)
}

/// A token group as far as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: String,
    grid: Vec<usize>,
    width: usize,
}

impl Group {
    fn tokens(&self) -> usize {
        self.grid.iter().product()
    }
}

/// A spec in the making.
struct Writer {
    random: Random,
    model: String,
    blocks: String,
    groups: Vec<Group>,
    /// The blocks of the spec itself.
    own: Vec<String>,
    /// Calls whose weights have a name, and the width of what they are applied to.
    ties: Vec<(String, usize)>,
    /// The widths of all groups in scope, also of those that are not used again.
    widths: BTreeSet<usize>,
    n_names: usize,
    /// The width that most groups have.
    dim: usize,
}

impl Writer {
    fn line(&mut self, text: &str) {
        self.model.push_str("  ");
        self.model.push_str(text);
        self.model.push('\n');
    }

    fn add(&mut self, group: Group) {
        self.widths.insert(group.width);
        self.groups.push(group);
    }

    fn fresh(&mut self, stem: &str) -> String {
        self.n_names += 1;
        format!("{stem}{}", self.n_names)
    }

    fn any_group(&mut self) -> usize {
        self.random.below(self.groups.len())
    }

    /// A number of heads that divides every width there is.
    fn heads(&mut self) -> usize {
        self.random.one_of(&[1, 2, 4])
    }

    /// A rate of dropping.
    fn rate(&mut self) -> &'static str {
        self.random.one_of(&["0", "0.1", "0.25", "1 / 3"])
    }

    fn activation(&mut self) -> &'static str {
        self.random.one_of(&[
            "gelu",
            "gelu_tanh",
            "relu",
            "squared_relu",
            "silu",
            "sigmoid",
            "tanh",
        ])
    }

    fn norm(&mut self) -> &'static str {
        self.random.one_of(&[
            "norm",
            "norm(eps: 1e-3)",
            "norm(scale: false)",
            "norm(bias: false)",
            "norm(scale: false, bias: false)",
            "rms_norm",
            "rms_norm(bias: true)",
            "rms_norm(eps: 0.01, scale: false)",
        ])
    }
}

/// Sizes as a list in the language.
fn list(sizes: &[usize]) -> String {
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    sizes.join(", ")
}

#[cfg(test)]
mod tests;
