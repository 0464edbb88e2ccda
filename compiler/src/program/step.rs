//! The uniform block of what differs from step to step beside the data.
//!
//! In: a plan and the numbers of a step. Out: words. The block is the same for all shaders of a program:
//!
//! | word | holds |
//! |---|---|
//! | 0, 1 | the seed's low and high half |
//! | 2 | the number of the batch's first sample |
//! | 3 | the learning rate, f32 |
//! | 4, 5 | the corrections of the first and second moment, f32 |
//! | 6 | whether weights are updated, or gradients only added up: 1 or 0, f32 |
//! | 7 | nothing |
//! | from 8 | one bit for each condition and, within it, for each sample: whether the sample has what it stands for |
//!
//! Deliberately not here: arguments of kernels, which do not change.

use crate::graph::Sample;
use crate::plan::Plan;

/// Words before the bits.
const HEAD: usize = STEP_HEAD.len();

/// The words before the bits: what each is called, and its type in WGSL.
pub const STEP_HEAD: [(&str, &str); 8] = [
    ("seed_low", "u32"),
    ("seed_high", "u32"),
    ("first_sample", "u32"),
    ("learning_rate", "f32"),
    ("first_correction", "f32"),
    ("second_correction", "f32"),
    ("updates", "f32"),
    ("unused", "u32"),
];

/// Bits of an element of the array of bits, a `vec4<u32>`.
const BITS: usize = 128;

/// What differs from step to step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepNumbers<'a> {
    /// What each sample of the batch has.
    pub samples: &'a [Sample],
    /// Of all random numbers.
    pub seed: u64,
    /// The number of the batch's first sample, as random numbers count them.
    pub first_sample: u32,
    /// The learning rate.
    pub learning_rate: f32,
    /// `1 - beta^t` of the first moment, t counting from 1.
    pub first_correction: f32,
    /// `1 - beta^t` of the second moment.
    pub second_correction: f32,
    /// Whether weights are updated, or gradients only added up for a step of several batches.
    pub updates: bool,
}

/// Elements of the array of bits.
pub(super) fn bit_vectors(plan: &Plan) -> usize {
    (plan.presences.len() * plan.batch).div_ceil(BITS).max(1)
}

/// How many words the block has.
pub(super) fn words(plan: &Plan) -> usize {
    HEAD + 4 * bit_vectors(plan)
}

/// The words of the block.
#[must_use]
pub fn step_words(plan: &Plan, step: &StepNumbers<'_>) -> Vec<u32> {
    let mut block = vec![0; words(plan)];
    block[0] = step.seed as u32;
    block[1] = (step.seed >> 32) as u32;
    block[2] = step.first_sample;
    block[3] = step.learning_rate.to_bits();
    block[4] = step.first_correction.to_bits();
    block[5] = step.second_correction.to_bits();
    block[6] = f32::from(u8::from(step.updates)).to_bits();
    let conditions = plan.presences.iter();
    let holds = conditions.flat_map(|condition| step.samples.iter().map(|it| condition.holds(it)));
    for (at, holds) in holds.enumerate() {
        block[HEAD + at / 32] |= u32::from(holds) << (at % 32);
    }
    block
}

/// The declaration of the block.
pub(super) fn declaration(plan: &Plan) -> String {
    let vectors = bit_vectors(plan);
    format!(
        "struct Step {{
  seed: vec2<u32>,
  first_sample: u32,
  learning_rate: f32,
  first_correction: f32,
  second_correction: f32,
  updates: f32,
  unused: u32,
  present: array<vec4<u32>, {vectors}>,
}}
"
    )
}
