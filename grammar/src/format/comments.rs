//! The comments of a file, and which of them are still to be printed.
//!
//! In: ranges of the text. Out: the comments there, each only once. Deliberately not here: where they are printed.

use std::ops::Range;

use super::doc::Lead;
use crate::ast::Comment;

/// The text with its comments.
pub(super) struct Comments<'a> {
    text: &'a str,
    comments: &'a [Comment],
    /// For each comment, whether it has been handed out.
    taken: Vec<bool>,
}

/// What stands between two things that may have lines of their own.
pub(super) struct Gap {
    /// The comment on the line of the first.
    pub(super) trail: Option<String>,
    /// The comments after it.
    pub(super) lead: Vec<Lead>,
    /// Whether a blank line stands directly before the second.
    pub(super) blank: bool,
}

impl<'a> Comments<'a> {
    pub(super) fn new(text: &'a str, comments: &'a [Comment]) -> Self {
        Self { text, comments, taken: vec![false; comments.len()] }
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn text(&self, range: Range<usize>) -> &'a str {
        &self.text[range]
    }

    /// The comments in a range that nobody has taken yet.
    fn claim(&mut self, range: Range<usize>) -> Vec<&'a Comment> {
        let first =
            self.comments.partition_point(|comment| (comment.span.start as usize) < range.start);
        let mut claimed = Vec::new();
        for (comment, taken) in self.comments.iter().zip(&mut self.taken).skip(first) {
            if comment.span.end as usize > range.end {
                break;
            }
            if !std::mem::replace(taken, true) {
                claimed.push(comment);
            }
        }
        claimed
    }

    /// The texts of the comments in a range that nobody has taken yet.
    pub(super) fn rest(&mut self, range: Range<usize>) -> Vec<String> {
        self.claim(range).into_iter().map(|comment| comment.text.clone()).collect()
    }

    /// The comments and blank lines of a range that holds nothing else of weight.
    pub(super) fn gap(&mut self, range: Range<usize>) -> Gap {
        let mut gap = Gap { trail: None, lead: Vec::new(), blank: false };
        let mut at = range.start;
        for (index, comment) in self.claim(range.clone()).into_iter().enumerate() {
            let span = comment.span.range();
            // At the start of the file there is nothing that it could follow.
            if index == 0 && !comment.own_line && range.start > 0 {
                gap.trail = Some(comment.text.clone());
            } else {
                let blank = self.has_blank_line(at..span.start);
                gap.lead.push(Lead { text: comment.text.clone(), blank });
            }
            at = span.end;
        }
        gap.blank = self.has_blank_line(at..range.end);
        gap
    }

    fn has_blank_line(&self, range: Range<usize>) -> bool {
        let lines: Vec<&str> = self.text[range].split('\n').collect();
        lines.len() > 2 && lines[1..lines.len() - 1].iter().any(|line| line.trim().is_empty())
    }

    /// The first place from `from` on where a sign stands, comments aside; the end of the text if there is none.
    pub(super) fn find(&self, from: usize, sign: char) -> usize {
        self.find_in(from..self.text.len(), sign).unwrap_or(self.text.len())
    }

    /// The first place in a range where a sign stands, comments aside.
    pub(super) fn find_in(&self, range: Range<usize>, sign: char) -> Option<usize> {
        let mut at = range.start;
        while let Some(c) = self.text[at..range.end].chars().next() {
            if self.text[at..].starts_with("//") {
                at += self.text[at..range.end].find('\n').unwrap_or(range.end - at);
            } else if c == sign {
                return Some(at);
            } else {
                at += c.len_utf8();
            }
        }
        None
    }
}
