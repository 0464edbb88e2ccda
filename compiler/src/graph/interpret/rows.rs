//! Numbers that depend on where a row lies in a pack.
//!
//! In: the tokens of each group of a pack. Out: random numbers and conditions, row by row. Deliberately not here: the
//! generator.

use super::Batch;
use crate::graph::{Drawn, Segment};
use crate::random::site_uniform;

/// A row of a pack.
struct Row {
    group: usize,
    sample: usize,
    token: usize,
}

/// Group after group, in each sample after sample, in each token after token.
fn rows(batch: usize, tokens: &[usize]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (group, tokens) in tokens.iter().enumerate() {
        for sample in 0..batch {
            rows.extend((0..*tokens).map(|token| Row { group, sample, token }));
        }
    }
    rows
}

fn word(number: usize) -> u32 {
    u32::try_from(number).expect("limits keep tokens and channels below 2^32")
}

impl Batch<'_> {
    /// Uniform numbers from 0 to below 1, `[rows, width]`.
    pub(crate) fn random(
        &self,
        site: u32,
        by_sample: bool,
        groups: &[Drawn],
        width: usize,
    ) -> Vec<f64> {
        let tokens: Vec<usize> = groups.iter().map(|group| group.tokens).collect();
        let mut numbers = Vec::new();
        for row in rows(self.size, &tokens) {
            let site = site ^ groups[row.group].group;
            let sample = self.feed.first_sample.wrapping_add(word(row.sample));
            let token = if by_sample { 0 } else { word(row.token) };
            for channel in 0..width {
                let channel = if by_sample { 0 } else { word(channel) };
                let number = site_uniform(self.feed.seed, sample, site, token, channel);
                numbers.push(f64::from(number));
            }
        }
        numbers
    }

    /// 1 where the row's sample has the value, else 0: `[rows, 1]`.
    pub(crate) fn present_rows(&self, segments: &[Segment]) -> Vec<f64> {
        let tokens: Vec<usize> = segments.iter().map(|segment| segment.tokens).collect();
        let rows = rows(self.size, &tokens).into_iter();
        let present = rows.map(|row| self.present(segments[row.group].present, row.sample));
        present.map(|present| f64::from(u8::from(present))).collect()
    }
}
