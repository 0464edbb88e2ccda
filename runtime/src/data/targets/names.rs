//! Names of classes.
//!
//! In: names in the order of their numbers, and texts. Out: numbers of classes, and texts cut up into names. Deliberately
//! not here: numbers that stand for classes.

use std::collections::BTreeMap;
use std::iter;
use std::ops::Range;

use zorro_compiler::grammar::diagnostic::nearest;

use crate::data::error::Why;

/// The names of a target's classes; none where files number them.
#[derive(Debug, Clone, Default)]
pub(in crate::data) struct Names {
    numbers: BTreeMap<String, usize>,
    /// Whether some are numbers themselves.
    are_numbers: bool,
    /// Of how many parts between commas or spaces a name has the most.
    n_parts: usize,
}

/// What separates names in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    Comma,
    Space,
}

impl Names {
    /// The names, which differ and are what a trimmed text can be.
    pub(in crate::data) fn new(all: &[String]) -> Result<Self, Why> {
        let mut names = Self::default();
        for (number, name) in all.iter().enumerate() {
            if name.is_empty() || name.trim() != name {
                return Err(format!("`{name}`: a name is not empty, and has no space around it"));
            }
            if let Some(other) = names.numbers.insert(name.clone(), number) {
                return Err(format!("`{name}` is the name of classes {other} and {number}"));
            }
            names.are_numbers |= super::label::is_value(name);
            let parts = [Separator::Comma, Separator::Space].map(|by| parts(name, by).len());
            names.n_parts = names.n_parts.max(parts[0]).max(parts[1]);
        }
        Ok(names)
    }

    pub(super) fn are_there(&self) -> bool {
        !self.numbers.is_empty()
    }

    /// Whether a number in a file may be a name.
    pub(super) fn are_numbers(&self) -> bool {
        self.are_numbers
    }

    /// The class of a name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    /// The class whose name differs in capitals alone, where there is one.
    pub(super) fn find_like(&self, name: &str) -> Option<usize> {
        let mut found = self.numbers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, number) = found.next()?;
        found.next().is_none().then_some(*number)
    }

    /// The name that may be meant.
    pub(super) fn near(&self, name: &str) -> Option<&str> {
        let lower = name.to_lowercase();
        let mut all = self.numbers.keys().map(String::as_str);
        let same = all.find(|known| known.to_lowercase() == lower);
        same.or_else(|| nearest(name, self.numbers.keys().map(String::as_str)))
    }

    /// The names and numbers in a text: between commas where there are any, or else between spaces. A name that has commas
    /// or spaces itself is one part, if there is no other way to cut the text up.
    pub(super) fn split<'a>(&self, text: &'a str) -> Result<Vec<&'a str>, Why> {
        let by = if text.contains(',') { Separator::Comma } else { Separator::Space };
        let parts = parts(text, by);
        let between = |from: usize, to: usize| text[parts[from].start..parts[to - 1].end].trim();
        let parts_alone = || (0..parts.len()).map(|at| between(at, at + 1));
        if parts_alone().any(str::is_empty) {
            return Err(format!("nothing stands between two commas of `{}`", super::cut(text)));
        }
        // In how many ways what begins at a part can be cut up, and where the first piece of the last way found ends.
        let mut ways = vec![(0_u64, 0); parts.len() + 1];
        ways[parts.len()].0 = 1;
        for from in (0..parts.len()).rev() {
            for to in from + 1..=parts.len().min(from + self.n_parts.max(1)) {
                let piece = between(from, to);
                let is_one =
                    self.find(piece).is_some() || (to == from + 1 && super::label::is_value(piece));
                if is_one && ways[to].0 > 0 {
                    ways[from] = (ways[from].0.saturating_add(ways[to].0), to);
                }
            }
        }
        match ways[0].0 {
            // The part that is no name is said by whoever looks for its class.
            0 => Ok(parts_alone().collect()),
            1 => {
                let mut pieces = Vec::new();
                let mut from = 0;
                while from < parts.len() {
                    let to = ways[from].1;
                    pieces.push(between(from, to));
                    from = to;
                }
                Ok(pieces)
            }
            _ => Err(format!(
                "`{}` can be cut up into names in several ways: write a list, `[\"..\", \"..\"]`",
                super::cut(text)
            )),
        }
    }
}

/// Where the parts of a text stand.
fn parts(text: &str, by: Separator) -> Vec<Range<usize>> {
    let is_separator = |character: char| match by {
        Separator::Comma => character == ',',
        Separator::Space => character.is_whitespace(),
    };
    let cuts = || text.match_indices(is_separator);
    let starts = iter::once(0).chain(cuts().map(|(at, cut)| at + cut.len()));
    let ends = cuts().map(|(at, _)| at).chain(iter::once(text.len()));
    let all = starts.zip(ends).map(|(start, end)| start..end);
    match by {
        Separator::Comma => all.collect(),
        Separator::Space => all.filter(|part| !part.is_empty()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[&str]) -> Result<Names, Why> {
        Names::new(&all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn texts_are_cut_up_into_names() {
        let speech = names(&["Dog", "Male speech, man speaking", "sea waves", "Speech"]).unwrap();
        for (text, wanted) in [
            ("Dog", Some(vec!["Dog"])),
            ("Dog, Male speech, man speaking", Some(vec!["Dog", "Male speech, man speaking"])),
            (
                "Male speech, man speaking,Speech, 3",
                Some(vec!["Male speech, man speaking", "Speech", "3"]),
            ),
            ("Dog sea waves", Some(vec!["Dog", "sea waves"])),
            ("man speaking, Dog", Some(vec!["man speaking", "Dog"])),
            ("Dog,,Speech", None),
            ("Dog,", None),
        ] {
            assert_eq!(speech.split(text).ok(), wanted, "{text}");
        }
        let several = names(&["a", "b", "a, b"]).unwrap();
        assert!(several.split("a, b, a").unwrap_err().contains("in several ways"));
        assert_eq!(several.split("b, a").unwrap(), ["b", "a"]);
    }

    #[test]
    fn names_differ() {
        assert!(names(&["a", "b", "a"]).unwrap_err().contains("classes 0 and 2"));
        assert!(names(&["a", " b"]).unwrap_err().contains("no space around"));
        assert!(names(&[""]).is_err());
        let named = names(&["Dog", "cat"]).unwrap();
        assert_eq!(named.near("dog"), Some("Dog"));
        assert_eq!(named.near("cta"), Some("cat"));
        assert_eq!(named.near("violin"), None);
        assert!(!named.are_numbers() && names(&["a", "5"]).unwrap().are_numbers());
    }
}
