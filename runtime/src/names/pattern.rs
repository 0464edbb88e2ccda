//! Names with stars and alternatives.
//!
//! In: `layers.*.attend.(q|k|v).*`. Out: whether a name matches, with what the stars stand for and which alternative,
//! and the name that these make in another pattern. `*` stands for one or more characters without a dot, `**` for any; what
//! stands in brackets may be there or not.
//! Deliberately not here: regular expressions.

use std::fmt;

/// A name with holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// These characters.
    Text(String),
    /// `*`: a component of the name, or a part of one.
    Star,
    /// `**`: anything.
    Stars,
    /// `(a|b)`.
    Alternatives(Vec<String>),
    /// `[a|b]`: one of these or nothing; every name that fits is a copy.
    Copies(Vec<Vec<Self>>),
}

/// What a name is under a pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Match {
    /// What the stars stand for, in order.
    pub(super) stars: Vec<String>,
    /// What brackets stand for, in order.
    pub(super) copies: Vec<String>,
    /// Which alternative; 0 where there are none.
    pub(super) alternative: usize,
}

/// What stands for a part that the other side does not have.
pub(super) const NOTHING: &str = "_";

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let (piece, length) = if rest.starts_with("**") {
                (Piece::Stars, 2)
            } else if first == '*' {
                (Piece::Star, 1)
            } else if first == '(' {
                let end = rest.find(')').ok_or_else(|| format!("`{text}`: `(` is not closed"))?;
                let names: Vec<String> = rest[1..end].split('|').map(str::to_owned).collect();
                if names.len() < 2
                    || names.iter().any(|name| name.is_empty() || name.contains(['*', '(']))
                {
                    return Err(format!("`{text}`: alternatives are two or more names: `(q|k|v)`"));
                }
                (Piece::Alternatives(names), end + 1)
            } else if first == '[' {
                let end = rest.find(']').ok_or_else(|| format!("`{text}`: `[` is not closed"))?;
                (Piece::Copies(copies(text, &rest[1..end])?), end + 1)
            } else {
                let end = rest.find(['*', '(', '[']).unwrap_or(rest.len());
                if rest[..end].contains([')', '|', ']']) {
                    return Err(format!("`{text}`: `)`, `]` or `|` without `(` or `[`"));
                }
                (Piece::Text(rest[..end].to_owned()), end)
            };
            pieces.push(piece);
            rest = &rest[length..];
        }
        let groups = pieces.iter().filter(|piece| matches!(piece, Piece::Alternatives(_))).count();
        if text.is_empty() {
            return Err("a name is empty".to_owned());
        }
        if groups > 1 {
            return Err(format!("`{text}` has alternatives in two places; write two rules"));
        }
        Ok(Self { text: text.to_owned(), pieces })
    }

    pub(super) fn stars(&self) -> usize {
        self.pieces.iter().filter(|piece| matches!(piece, Piece::Star | Piece::Stars)).count()
    }

    /// The alternatives; one that says nothing where there are none.
    pub(super) fn alternatives(&self) -> Vec<&str> {
        let names = self.pieces.iter().find_map(|piece| match piece {
            Piece::Alternatives(names) => Some(names.iter().map(String::as_str).collect()),
            Piece::Text(_) | Piece::Star | Piece::Stars | Piece::Copies(_) => None,
        });
        names.unwrap_or_else(|| vec![""])
    }

    pub(super) fn matches(&self, name: &str) -> Option<Match> {
        let mut found = Match { stars: Vec::new(), copies: Vec::new(), alternative: 0 };
        run(&self.pieces, name, &mut found).then_some(found)
    }

    /// Whether it has brackets, so that one tensor may go to several names.
    pub(super) fn has_copies(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Copies(_)))
    }

    /// The name with these instead of stars and brackets, and this alternative; `None` where that is [`NOTHING`].
    pub(super) fn fill(&self, found: &Match, alternative: usize) -> Option<String> {
        let mut name = String::new();
        let (mut stars, mut copies) = (found.stars.iter(), found.copies.iter());
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => name.push_str(text),
                Piece::Star | Piece::Stars => name.push_str(stars.next()?),
                Piece::Copies(_) => name.push_str(copies.next()?),
                Piece::Alternatives(names) if names[alternative] == NOTHING => return None,
                Piece::Alternatives(names) => name.push_str(&names[alternative]),
            }
        }
        Some(name)
    }
}

/// What may stand for brackets: names and `*`.
fn copies(text: &str, inside: &str) -> Result<Vec<Vec<Piece>>, String> {
    if inside.split('|').any(str::is_empty)
        || inside.contains(['(', '[', ')'])
        || inside.contains("**")
    {
        return Err(format!("`{text}`: in brackets stand names, and `*`: `[video|audio]`, `[.*]`"));
    }
    let parsed = inside.split('|').map(|name| Pattern::parse(name).map(|name| name.pieces));
    parsed.collect()
}

/// Matches pieces against the whole of a name; stars take as little as they can.
fn run(pieces: &[Piece], name: &str, found: &mut Match) -> bool {
    let Some((piece, rest)) = pieces.split_first() else { return name.is_empty() };
    match piece {
        Piece::Text(text) => {
            name.strip_prefix(text.as_str()).is_some_and(|name| run(rest, name, found))
        }
        Piece::Alternatives(names) => names.iter().enumerate().any(|(at, text)| {
            found.alternative = at;
            let after = name.strip_prefix(text.as_str()).filter(|_| text != NOTHING);
            after.is_some_and(|name| run(rest, name, found))
        }),
        Piece::Copies(names) => {
            let ends = [0].into_iter().chain(name.char_indices().map(|(at, c)| at + c.len_utf8()));
            for end in ends {
                let mut own = Match { stars: Vec::new(), copies: Vec::new(), alternative: 0 };
                let fits =
                    end == 0 || names.iter().any(|pieces| run(pieces, &name[..end], &mut own));
                found.copies.push(name[..end].to_owned());
                if fits && run(rest, &name[end..], found) {
                    return true;
                }
                found.copies.pop();
            }
            false
        }
        Piece::Star | Piece::Stars => {
            let ends = name.char_indices().map(|(at, char)| (at + char.len_utf8(), char));
            for (end, char) in ends {
                if *piece == Piece::Star && char == '.' {
                    return false;
                }
                found.stars.push(name[..end].to_owned());
                if run(rest, &name[end..], found) {
                    return true;
                }
                found.stars.pop();
            }
            false
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
