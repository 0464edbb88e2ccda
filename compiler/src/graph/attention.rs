//! The sizes of an attention.
//!
//! In: an attention, and the samples of a batch. Out: rows, widths, positions. Deliberately not here: who reads whom, which is
//! its mask.

use super::Attention;

impl Attention {
    /// Rows of the result: receivers after one another, with all samples of a batch.
    #[must_use]
    pub fn n_queries(&self, batch: usize) -> usize {
        batch * self.mask.receivers.iter().map(tokens).sum::<usize>()
    }

    /// Rows of the gradients of keys and values: reads after one another.
    #[must_use]
    pub fn n_keys(&self, batch: usize) -> usize {
        batch * self.mask.reads.iter().map(tokens).sum::<usize>()
    }

    /// Numbers of a head.
    #[must_use]
    pub fn head_width(&self) -> usize {
        self.width / self.heads
    }

    /// Relative positions within the window; 0 without one.
    #[must_use]
    pub fn n_positions(&self) -> usize {
        self.window.as_ref().map_or(0, |window| window.iter().map(|size| 2 * size - 1).product())
    }
}

/// Tokens of a side, as rows are counted.
pub(crate) fn tokens(side: &crate::routing::Side) -> usize {
    usize::try_from(side.tokens()).expect("a group has at most 2^32 tokens")
}
