//! Random numbers of a site, many at once, by the convention of the compiler's `random`.
//!
//! In: a seed, a counter's parts, a range of channels. Out: a number for each. Deliberately not here: which token an
//! element belongs to.

use super::math::{NullaryFnOnce, vectorized};
use crate::compiler::random::{site_uniform, uniform};

/// Whose numbers are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Draw {
    pub(super) seed: u64,
    pub(super) sample: u32,
    pub(super) site: u32,
    pub(super) token: u32,
}

struct Fours<'a>(Draw, u32, &'a mut [[f32; 4]]);

impl NullaryFnOnce for Fours<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self(Draw { seed, sample, site, token }, first, output) = self;
        for (four, out) in (first..).zip(output) {
            *out = uniform(seed, [sample, site, token, four]);
        }
    }
}

impl Draw {
    /// That of one channel.
    pub(super) fn one(self, channel: u32) -> f32 {
        site_uniform(self.seed, self.sample, self.site, self.token, channel)
    }

    /// Those of neighboring channels.
    pub(super) fn fill(self, channel: u32, output: &mut [f32]) {
        let head = output.len().min((4 - channel as usize % 4) % 4);
        let (head, rest) = output.split_at_mut(head);
        for (channel, out) in (channel..).zip(&mut *head) {
            *out = self.one(channel);
        }
        let first = channel.next_multiple_of(4);
        let (fours, tail) = rest.as_chunks_mut::<4>();
        vectorized(Fours(self, first / 4, fours));
        let past = u32::try_from(4 * fours.len()).expect("channels are 32 bits");
        for (channel, out) in (first + past..).zip(tail) {
            *out = self.one(channel);
        }
    }
}
