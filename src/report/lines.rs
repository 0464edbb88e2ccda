//! Where the lines of a text begin.
//!
//! In: a text. Out: lines and columns of offsets, without reading the text anew for each, since a broken
//! file can have tens of thousands of errors. Deliberately not here: spans.

use std::ops::Range;

pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The index of the line that holds an offset, from 0.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset) - 1
    }

    /// Line and column, both from 1; columns count characters.
    pub(super) fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.line(offset);
        (line + 1, self.text[self.starts[line]..offset].chars().count() + 1)
    }

    /// The bytes of these lines, the last one included.
    pub(super) fn range(&self, first: usize, last: usize) -> Range<usize> {
        self.starts[first]..self.starts.get(last + 1).copied().unwrap_or(self.text.len())
    }
}
